"""Reverse mode through tracking without a memory of every slice.

A kick changes momenta by what depends on places alone, so the density, the field and the momenta in
front of it can be found again from what is behind it; and the maps of elements have inverses
(`elements.inverse`). On the way back a segment at a time is reconstructed, differentiated and
forgotten. A few snapshots of the beam, evenly along the way, keep rounding from drifting. Where a
map has no inverse, the beam in front of it is kept ("reversible"), or the way is run once more
in blocks between kept beams ("checkpoint").
"""

from .reversible import run_adjoint
from .strategies import ADJOINTS

__all__ = ["ADJOINTS", "run_adjoint"]

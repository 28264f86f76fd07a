"""Reverse mode through tracking without a memory of every operation.

A kick changes momenta by what depends on places alone, so the density, the field and the momenta
before it can be found again from what is after it; and the maps of elements have inverses. In the
backward pass an operation at a time is reconstructed, differentiated and forgotten; or a stretch
between two kept beams is run once more. See `pyjutrack.tracking.adjoints` for the choices.
"""

from .function import run_adjoint

__all__ = ["run_adjoint"]

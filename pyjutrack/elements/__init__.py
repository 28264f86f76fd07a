"""Lattice elements: frozen records of parameters, without physics.

Kinds are named as in PALS, scalars as in MAD. Parameters are floats or 0-d tensors; strengths are
normalised to the reference rigidity. How an element moves a particle stands in `transport/`.
"""

from .base import Element, kinds
from .bends import Bend, RBend, SBend
from .cavities import CrabCavity, RFCavity
from .learned import HamiltonianKick
from .magnets import Kicker, Magnet, Multipole, Octupole, Quadrupole, Sextupole, Solenoid
from .other import Aperture, Drift, Marker, Monitor, Patch

__all__ = [
    "Aperture",
    "Bend",
    "CrabCavity",
    "Drift",
    "Element",
    "HamiltonianKick",
    "Kicker",
    "Magnet",
    "Marker",
    "Monitor",
    "Multipole",
    "Octupole",
    "Patch",
    "Quadrupole",
    "RBend",
    "RFCavity",
    "SBend",
    "Sextupole",
    "Solenoid",
    "kinds",
]

"""Lattice elements: a kind is a frozen record of parameters and its motion, in a file of its own.

Kinds are named as in PALS, scalars as in MAD. Parameters are floats or 0-d tensors; strengths are
normalised to the reference rigidity.
"""

from .aperture import Aperture
from .base import Element
from .bend import Bend as Bend
from .bend import RBend, SBend
from .crab_cavity import CrabCavity
from .dipole_edge import DipoleEdge
from .drift import Drift
from .hamiltonian_kick import HamiltonianKick
from .kicker import Kicker
from .kinds import kinds as kinds
from .kinds import kinds_named as kinds_named
from .magnet import Magnet as Magnet
from .marker import Marker
from .monitor import Monitor
from .multipole import Multipole
from .octupole import Octupole
from .patch import Patch
from .placeholder import Placeholder
from .quadrupole import Quadrupole
from .rf_cavity import RFCavity
from .sextupole import Sextupole
from .solenoid import Solenoid
from .taylor_map import TaylorMap
from .thin_bend import ThinBend

# those that users write, and what they derive their own from; `pyjutrack` has them all
__all__ = [
    "Aperture",
    "CrabCavity",
    "DipoleEdge",
    "Drift",
    "Element",
    "HamiltonianKick",
    "Kicker",
    "Marker",
    "Monitor",
    "Multipole",
    "Octupole",
    "Patch",
    "Placeholder",
    "Quadrupole",
    "RBend",
    "RFCavity",
    "SBend",
    "Sextupole",
    "Solenoid",
    "TaylorMap",
    "ThinBend",
]


def __dir__() -> list[str]:
    return [*__all__, "potentials"]

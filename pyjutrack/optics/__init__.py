"""Optics of rings and lines, differentiable: orbits, matrices, Twiss functions, radiation.

Elements of a kind are linearised together (`stacks`, `passing`), the closed orbit is found by
shooting through all of them at once (`orbit`), and what is periodic comes from the matrices by
algebra (`modes`, `linear`).
"""

from . import (
    distributions,
    file_goals,  # noqa: F401  # which registers itself
)
from .envelope import Equilibrium, equilibrium
from .gradient import optics_gradient
from .linear import linear_optics, twiss_table
from .matching import Match, Target, match
from .quadrupole_scan import ScannedBeam, quadrupole_scan
from .radiation import Radiation, radiation_integrals
from .ring import chromaticities, closed_orbit, one_turn_matrix, transfer_matrices, twiss
from .synchrotron import SynchrotronOptics, synchrotron_optics
from .table import Twiss, TwissTable
from .tapering import taper
from .tunes import synchrobetatron_tunes, tune_slopes, tunes

__all__ = [
    "Equilibrium",
    "Match",
    "Radiation",
    "ScannedBeam",
    "SynchrotronOptics",
    "Target",
    "Twiss",
    "TwissTable",
    "chromaticities",
    "closed_orbit",
    "distributions",
    "equilibrium",
    "linear_optics",
    "match",
    "one_turn_matrix",
    "optics_gradient",
    "quadrupole_scan",
    "radiation_integrals",
    "synchrobetatron_tunes",
    "synchrotron_optics",
    "taper",
    "transfer_matrices",
    "tune_slopes",
    "tunes",
    "twiss",
    "twiss_table",
]


def __dir__() -> list[str]:
    return __all__

"""Wakes of bunches: the effect, its components, and functions of time."""

from .files import read_wakes
from .function import WakeFunction
from .neural import NeuralWake, WakeModel
from .resistive_wall import ResistiveWall
from .resonator import Resonator
from .table import WakeTable
from .wake import Wake

__all__ = [
    "NeuralWake",
    "ResistiveWall",
    "Resonator",
    "Wake",
    "WakeFunction",
    "WakeModel",
    "WakeTable",
    "read_wakes",
]

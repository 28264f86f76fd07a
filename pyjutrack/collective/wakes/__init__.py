"""Wakes of bunches: the effect, its components, and functions of time."""

from .files import read_wakes
from .function import WakeFunction
from .resistive_wall import ResistiveWall
from .resonator import Resonator
from .table import WakeTable
from .wake import Wake

__all__ = ["ResistiveWall", "Resonator", "Wake", "WakeFunction", "WakeTable", "read_wakes"]

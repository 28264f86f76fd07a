"""Wakes of bunches: the effect, its components, and functions of time."""

from .function import WakeFunction
from .resonator import Resonator
from .wake import Wake

__all__ = ["Resonator", "Wake", "WakeFunction"]

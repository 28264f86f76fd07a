"""How each kind of element moves particles: from the record of parameters to the map."""

from . import bends, learned, places, straight
from .base import WHOLE, Part, State, passable, slices, transport
from .cavities import behind
from .placement import advance

__all__ = [
    "WHOLE",
    "Part",
    "State",
    "advance",
    "behind",
    "bends",
    "learned",
    "passable",
    "places",
    "slices",
    "straight",
    "transport",
]

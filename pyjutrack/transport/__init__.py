"""How each kind of element moves particles: from the record of parameters to the map."""

from . import bends, fields, places, straight
from .base import WHOLE, Part, State, passable, slices, transport
from .fields import behind
from .placed import advance

__all__ = [
    "WHOLE",
    "Part",
    "State",
    "advance",
    "behind",
    "bends",
    "fields",
    "passable",
    "places",
    "slices",
    "straight",
    "transport",
]

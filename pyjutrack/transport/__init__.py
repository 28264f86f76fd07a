"""How each kind of element moves particles: from the record of parameters to the map."""

from . import straight
from .base import WHOLE, Part, State, passable, slices, transport
from .placed import advance

__all__ = ["WHOLE", "Part", "State", "advance", "passable", "slices", "straight", "transport"]

"""Forward mode in many directions at once, with little overhead per operation.

A `Pushed` tensor carries tangents beside its value. Compiled operators push them all in one pass
over the particles; the few PyTorch operations that tracking is made of have rules here, and any
other falls back on `torch.func`. It does what `vmap(jvp(...))` of `torch.func` does, and a test
holds it to that; it exists because those transforms cost a millisecond for every operator call,
and because it knows zeros: a knob costs nothing before the beam has reached it.
"""

from . import rules as _rules  # noqa: F401  # fills `dual.RULES`
from .dual import Directions, Pushed, collect_tangents, map_linear, seeds, tangents_along, value_of
from .function import PositionalFunction

__all__ = [
    "Directions",
    "PositionalFunction",
    "Pushed",
    "collect_tangents",
    "map_linear",
    "seeds",
    "tangents_along",
    "value_of",
]

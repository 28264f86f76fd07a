"""Straight magnets of Bmad, and the hard edges of their fields."""

from __future__ import annotations

from collections.abc import Callable

from ...elements import Element
from ..arithmetic import is_on
from .source import BmadSource as Source

_BOTH_ENDS = ("both_ends", "continuous", "wall_transition")


def read_magnet(kind: type[Element], order: int, name: str) -> Callable[[Source], list[Element]]:
    """A magnet by its order and the name of its strength."""

    def read(source: Source) -> list[Element]:
        strength = source.strength(name, f"b{order}_gradient")
        fringe = _fringe(source, order)
        tilt = source.number("tilt")
        fields = source.errors(strength * source.length, order, tilt)
        placed = source.placement()
        gradients = [
            f[1] for f in (fields["knl"], fields["ksl"]) if isinstance(f, tuple) and len(f) > 1
        ]
        if fringe and any(map(is_on, gradients)):
            source.say("the fringe is that of its errors in the gradient too")
        fields |= fringe
        return [source.make(kind, length=source.length, **{name: strength}, **fields, **placed)]

    return read


def _fringe(source: Source, order: int) -> dict[str, str]:
    """The hard edges of a quadrupole; FULL has soft ones too, of no effect without FQ1 and FQ2."""
    kind = source.definition.attributes.get("fringe_type", "none")
    ends = source.definition.attributes.get("fringe_at", "both_ends")
    if kind == "none" or ends == "no_end":
        source.word("fringe_type"), source.word("fringe_at")
    elif order == 1 and kind in ("full", "hard_edge_only") and ends in _BOTH_ENDS:
        source.word("fringe_type"), source.word("fringe_at")
        return {"fringe": "hard-edge"}
    return {}

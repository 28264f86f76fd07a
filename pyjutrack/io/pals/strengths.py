"""Magnetic multipoles of PALS: strengths per metre or integrated, normalised or fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ...lattice.expressions import Formula, call
from ..arithmetic import is_on, series_of, times

STRENGTH = re.compile(r"(?P<unit>[KB])(?P<part>[ns])(?P<order>\d+)(?P<integrated>L?)$")


def rivals(key: str, keys: Iterable[str]) -> list[str]:
    """The keys that state the strength of `key` in another form."""
    match = STRENGTH.match(key)
    if match is None:
        return []
    form = match["unit"], match["integrated"]
    found = []
    for other in keys:
        m = STRENGTH.match(other)
        if m and m["order"] == match["order"] and (m["unit"], m["integrated"]) != form:
            found.append(other)
    return found


@dataclass(frozen=True)
class Strengths:
    """The multipoles of an element: (normal, skew, whether integrated) of every order."""

    by_order: dict[int, tuple[Formula, Formula, bool]]
    length: Formula
    say: Callable[[str], None]

    def take(self, order: int) -> tuple[Formula, Formula]:
        """Take the strengths per metre of one order out of the rest."""
        normal, skew, integrated = self.by_order.pop(order, (0.0, 0.0, False))
        if not integrated:
            return normal, skew
        if not is_on(self.length):
            self.by_order[order] = (normal, skew, True)
            return 0.0, 0.0
        return _over(normal, self.length), _over(skew, self.length)

    def series(self) -> dict[str, Any]:
        """Return the rest as integrated series `knl` and `ksl`."""
        if not is_on(self.length):
            for order, (n, s, integrated) in self.by_order.items():
                if not integrated and (is_on(n) or is_on(s)):
                    self.say(f"a strength of order {order} per metre has no effect in no length")
        whole = {
            order: (n, s) if integrated else (times(n, self.length), times(s, self.length))
            for order, (n, s, integrated) in self.by_order.items()
        }
        found = {
            name: series_of({n: pair[part] for n, pair in whole.items() if is_on(pair[part])})
            for part, name in enumerate(("knl", "ksl"))
        }
        return {name: series for name, series in found.items() if series}


def _over(value: Formula, length: Formula) -> Formula:
    return value / length if is_on(value) else 0.0


def turn(normal: Formula, skew: Formula, order: int, tilt: Formula) -> tuple[Formula, Formula]:
    """Strengths of a multipole that is tilted: n + i s times exp(-i (order + 1) tilt)."""
    if not is_on(tilt):
        return normal, skew
    angle = (order + 1) * tilt
    cosine, sine = call("cos", angle), call("sin", angle)
    return (
        times(normal, cosine) + times(skew, sine),
        times(skew, cosine) - times(normal, sine),
    )

"""Errors of quadrupoles that a machine hides, and unknowns to find them."""

from __future__ import annotations

from twin_cases import small

from pyjutrack.twin import Twin, Unknown

QUADRUPOLES = [Unknown(f"q{i}.k1", prior=0.1, relative=True) for i in (1, 2)]
TRUE = {"q1.k1": 0.05, "q2.k1": -0.04}


def hidden(*more: Unknown, **changes: object) -> Twin:
    errors = [Unknown(a, relative=True, value=v) for a, v in TRUE.items()]
    return small(unknowns=(*errors, *more), **changes)

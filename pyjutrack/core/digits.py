"""Numbers in messages, with as many digits as say what is meant."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations


def round_down(value: float) -> float:
    """A positive number to two digits, or one after the point, never up: too little stays so."""
    if not 0 < value < math.inf:
        return value
    digits = max(1, 1 - math.floor(math.log10(value)))
    return math.floor(value * 10**digits) / 10**digits


def tell_apart(*values: float, digits: int = 6, slack: float = 0.0) -> tuple[str, ...]:
    """Numbers with some digits, or as many more as tell those apart that are not the same.

    Args:
        slack: by which those may differ that count as the same.
    """
    plain = [value + 0.0 for value in values]  # a zero has no sign
    apart = [pair for pair in combinations(range(len(plain)), 2) if _gap(plain, *pair) > slack]
    for count in range(digits, 18):
        shown = tuple(f"{value:.{count}g}" for value in plain)
        if all(shown[one] != shown[other] for one, other in apart):
            break
    return shown


def _gap(values: Sequence[float], one: int, other: int) -> float:
    return abs(values[one] - values[other])

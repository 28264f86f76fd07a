"""Numbers in messages, with as many digits as say what is meant."""

from __future__ import annotations

import math


def round_down(value: float) -> float:
    """A positive number to two digits, or one after the point, never up: too little stays so."""
    if not 0 < value < math.inf:
        return value
    digits = max(1, 1 - math.floor(math.log10(value)))
    return math.floor(value * 10**digits) / 10**digits


def tell_apart(*values: float, digits: int = 6) -> tuple[str, ...]:
    """Numbers with some digits, or as many more as tell those apart that are not the same."""
    different = len(set(values))
    for count in range(digits, 18):
        shown = tuple(f"{value:.{count}g}" for value in values)
        if len(set(shown)) == different:
            break
    return shown

"""Symplectic integrators: a free motion and kicks, composed to a chosen order."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cache
from typing import Any

from ..maps.state import State

Step = Callable[[State, Any], State]


def _compose(weights: tuple[float, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Free motions and kicks of leapfrogs of these lengths in a row."""
    halves = [w / 2 for w in (*weights, 0.0)]
    free = [halves[0], *(a + b for a, b in itertools.pairwise(halves))]
    return tuple(free[: len(weights) + 1]), weights


# Sources: E. Forest, R. Ruth, Physica D 43 (1990) 105; H. Yoshida, Phys. Lett. A 150 (1990) 262,
# solution A of sixth order.
_FOURTH = 1 / (2 - 2 ** (1 / 3))
_SIXTH = (-1.17767998417887, 0.235573213359357, 0.784513610477560)
_WEIGHTS = {
    2: (1.0,),
    4: (_FOURTH, 1 - 2 * _FOURTH, _FOURTH),
    6: (*_SIXTH[::-1], 1 - 2 * sum(_SIXTH), *_SIXTH),
}


@cache
def scheme(order: int, steps: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Shares of free motions, and of the kicks between them, one fewer, of an integrator.

    The last free motion of a step and the first of the next are one.
    """
    return _compose(tuple(w / steps for w in _WEIGHTS[order]) * steps)


def integrate(state: State, order: int, steps: int, free: Step, kick: Step) -> State:
    """Pass an element by `steps` of an integrator.

    Args:
        order: 2, 4 or 6.
        free, kick: (state, share of the whole) -> state.
    """
    drifts, kicks = scheme(order, steps)
    for drift, strength in zip(drifts, kicks, strict=False):
        state = kick(free(state, drift), strength)
    return free(state, drifts[-1])

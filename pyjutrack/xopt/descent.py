"""Descent by slopes within bounds, a point at a time: projected L-BFGS.

Variables at a bound that would leave it stand still; the others go along the direction of L-BFGS of
theirs, cut off at the bounds, and back until the value has fallen enough (Armijo). After Nocedal
and Wright, Numerical Optimization, 2nd ed., sections 3.1, 7.2 and 16.7.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: part of the fall that the slope promises which a step must bring
_ENOUGH = 1e-4
#: of a variable, the change that counts as none, as a part of its range
_STILL = 1e-11


@dataclass(frozen=True)
class Seen:
    """A point, of variables from 0 to 1, with value and slopes; no number where it failed."""

    point: Array
    value: float
    slopes: Array

    @property
    def is_finite(self) -> bool:
        return bool(np.isfinite(self.value) and np.isfinite(self.slopes).all())


def descend(
    start: Array, first_step: float, memory: int, tolerance: float
) -> Generator[Array, Seen, None]:
    """Yield points to be seen, and be sent what was seen there; ends where nothing falls more."""
    here = yield start
    pairs: deque[tuple[Array, Array]] = deque(maxlen=memory)
    while here.is_finite:
        outward = np.where(here.point <= 0, here.slopes > 0, (here.point >= 1) & (here.slopes < 0))
        slopes = np.where(outward, 0.0, here.slopes)
        way = -_times_inverse_hessian(slopes, pairs, ~outward)
        if not way @ slopes < 0:
            pairs.clear()
            way = -slopes
        longest = float(np.abs(way).max())
        step = 1.0 if pairs or not longest else first_step / longest
        found = yield from _search(here, way, step)
        if found is None:
            if not pairs:
                return
            pairs.clear()
            continue
        gain = here.value - found.value
        moved, changed = found.point - here.point, found.slopes - here.slopes
        is_done = bool(pairs) and gain <= tolerance * max(abs(here.value), abs(found.value))
        here = found
        if is_done:
            return
        if moved @ changed > 1e-12 * float(np.linalg.norm(moved) * np.linalg.norm(changed)):
            pairs.append((moved, changed))


def _search(here: Seen, way: Array, step: float) -> Generator[Array, Seen, Seen | None]:
    """Go back along a way, cut off at the bounds, to where the value has fallen enough."""
    while True:
        trial = np.clip(here.point + step * way, 0.0, 1.0)
        if np.abs(trial - here.point).max() <= _STILL:
            return None
        found = yield trial
        promised = float(here.slopes @ (found.point - here.point))
        rise = found.value - here.value
        if found.is_finite and rise <= _ENOUGH * promised:
            return found
        # the lowest point of the parabola through value and slope here and the value there
        lowest = -promised / (2 * (rise - promised)) if np.isfinite(rise) else 0.0
        step *= min(max(lowest, 0.1), 0.5)


def _times_inverse_hessian(
    slopes: Array, pairs: Iterable[tuple[Array, Array]], free: NDArray[np.bool_]
) -> Array:
    """The inverse Hessian that steps and changes of slopes tell of, times the slopes."""
    kept = [(s * free, y * free) for s, y in pairs if (s * free) @ (y * free) > 0]
    found, parts = slopes.copy(), []
    for s, y in reversed(kept):
        part = s @ found / (s @ y)
        parts.append(part)
        found -= part * y
    if kept:
        s, y = kept[-1]
        found *= s @ y / (y @ y)
    for (s, y), part in zip(kept, reversed(parts), strict=True):
        found += (part - y @ found / (s @ y)) * s
    return found

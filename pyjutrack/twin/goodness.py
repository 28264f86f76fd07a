"""Whether a model fits: mean squares of residuals beside what chance makes of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

#: so many rms of chance, and so much of any number of readings, may a mean square be beyond one:
#: a twin of few particles has a noise of its own
_SIGMAS, _SLACK = 5.0, 0.2


class Misfit(NamedTuple):
    """A mean square of residuals that chance does not make.

    Attributes:
        name: of the diagnostic; empty for all together.
        square: mean square of its residuals in units of their errors.
        spread: rms by which it may differ from one by chance.
    """

    name: str
    square: float
    spread: float


def spread_of(readings: int) -> float:
    """The rms by which the mean square of so many residuals differs from one by chance."""
    return math.sqrt(2 / readings) if readings else math.nan


def find_misfit(residuals: Mapping[str, Array], shots: Sequence[int]) -> Misfit | None:
    """The diagnostic that fits worst, or all together; None where chance may make them.

    Args:
        residuals: by diagnostic, (all shots, *shape), NaN where there is none.
        shots: that trained; those held out are off by the errors of the unknowns too.
    """
    kept = {name: off[list(shots)] for name, off in residuals.items()}
    kept = {name: off[np.isfinite(off)] for name, off in kept.items()}
    groups = {**kept, "": np.concatenate([np.zeros(0), *kept.values()])}
    found = [
        Misfit(name, float(np.mean(off**2)), spread_of(off.size))
        for name, off in groups.items()
        if off.size
    ]
    beyond = [m for m in found if m.square - 1 > max(_SIGMAS * m.spread, _SLACK)]
    return max(beyond, key=lambda m: (m.square - 1) / m.spread, default=None)

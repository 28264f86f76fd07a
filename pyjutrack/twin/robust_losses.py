"""Losses of residuals: how much a reading counts that lies far off."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.errors import require_known

Array = NDArray[np.float64]
#: residuals beyond which each loss is robust, for 95 % efficiency with Gaussian noise
_HUBER, _CAUCHY = 1.345, 2.385


class Loss(NamedTuple):
    """Loss of a residual r in units of its error: rho(r), r^2/2 near zero, and rho'(r)/r."""

    value: Callable[[Array], Array]
    weight: Callable[[Array], Array]


def _huber(r: Array) -> Array:
    far = np.abs(r) > _HUBER
    return np.where(far, _HUBER * (np.abs(r) - _HUBER / 2), r * r / 2)


def _huber_weight(r: Array) -> Array:
    return _HUBER / np.maximum(np.abs(r), _HUBER)


#: Source: P. J. Huber, Robust Statistics, ch. 7; constants: P. Holland, R. Welsch, Commun. Stat. A6
#: (1977) 813.
LOSSES = {
    "gaussian": Loss(lambda r: r * r / 2, np.ones_like),
    "huber": Loss(_huber, _huber_weight),
    "cauchy": Loss(
        lambda r: _CAUCHY**2 / 2 * np.log1p((r / _CAUCHY) ** 2),
        lambda r: 1 / (1 + (r / _CAUCHY) ** 2),
    ),
}


def find_loss(name: str) -> Loss:
    """Find a loss by its name: "gaussian", "huber" or "cauchy".

    Raises:
        UnknownNameError: there is none.
    """
    require_known("loss", name, LOSSES)
    return LOSSES[name]

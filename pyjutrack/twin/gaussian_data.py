"""Training data of a Gaussian process: settings, residuals of a calibration, and their scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InvalidValueError, unknown
from .calibration import Calibration

Array = NDArray[np.float64]


def places_of(
    calibration: Calibration, kept: Sequence[int], wanted: Sequence[str] | None
) -> tuple[tuple[str, ...], Array, Array, Array]:
    """Addresses of settings that vary, their means and rms, and the shots in units of these."""
    given = calibration.data.settings
    for address in wanted or ():
        if address not in given[0]:
            raise unknown("setting of the shots", address, given[0])
    names = list(given[0]) if wanted is None else list(wanted)
    table = np.array([[given[i][a] for a in names] for i in kept]).reshape(len(kept), len(names))
    centre, scale = table.mean(0), table.std(0)
    varied = scale > 1e-12 * np.abs(table).max(0, initial=0.0)
    if not varied.any():
        raise InvalidValueError(f"no setting of {names} varies among the shots that train")
    centre, scale = centre[varied], scale[varied]
    addresses = tuple(a for a, v in zip(names, varied, strict=True) if v)
    return addresses, centre, scale, (table[:, varied] - centre) / scale


def residuals_of(calibration: Calibration, kept: Sequence[int]) -> tuple[Array, Array, Array]:
    """rms errors of the readings (M,), and residuals and errors in units of these, (n, M).

    Residuals that do not count are NaN.
    """
    data = calibration.data
    off, errors = calibration.residuals(), data.errors(calibration.twin)

    def rows(table: Mapping[str, Any]) -> Array:
        joined = [np.asarray(table[n])[kept].reshape(len(kept), -1) for n in data.readings]
        return np.concatenate(joined, 1)

    sigma, used = rows(errors), rows(data.used)
    counts = used.sum(0)
    squares = np.where(used, sigma, 0.0) ** 2
    # readings that never count are never corrected, whatever their unit
    units = np.where(counts > 0, np.sqrt(squares.sum(0) / np.maximum(counts, 1)), 1.0)
    with np.errstate(invalid="ignore"):
        return units, -rows(off) * sigma / units, sigma / units


def scores_of(residuals: Array, errors: Array, axes: Array) -> tuple[Array, Array]:
    """Scores (n, K) of residuals by least squares over those that count, and their variances."""
    scores, noise = np.zeros((2, len(residuals), len(axes)))
    for n, (row, error) in enumerate(zip(residuals, errors, strict=True)):
        used = np.isfinite(row)
        weighted = axes[:, used] / error[used]
        # a shot of which hardly anything counts says little of any axis
        covariance = np.linalg.inv(weighted @ weighted.T + 1e-9 * np.eye(len(axes)))
        scores[n] = covariance @ (weighted @ (row[used] / error[used]))
        noise[n] = np.diagonal(covariance)
    return scores, noise

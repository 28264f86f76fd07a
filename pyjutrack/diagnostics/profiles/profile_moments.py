"""Sizes of measured profiles: the rms of what was seen, and a Gaussian fitted to it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...core.errors import MeasurementError
from .profile_checks import place
from .saturation import remedy

if TYPE_CHECKING:
    from .profiles import Profiles

Array = NDArray[np.float64]

#: part of the largest signal that may stand where a profile is cut: at three sigma of a Gaussian
#: it is 1.1 %, and the rms of the rest 1.4 % too small
_CUT = 0.01
#: so many standard deviations above what noise makes are signal
_NOISE = 2.0


@dataclass(frozen=True, eq=False)
class GaussianFit:
    """Gaussians over a constant offset, fitted to profiles by least squares.

    Attributes:
        sizes: standard deviations along each axis, (S, dimensions) [m]. As those of `sizes`, they
            hold the resolution of the instrument and the width of its pixels.
        centres: (S, dimensions) [m].
        errors: of the sizes, (S, dimensions) [m], from the scatter about the fit: standard
            deviations, to first order, if a Gaussian is what the profile is.
        centre_errors: of the centres, likewise.
        amplitudes, offsets: (S,), in the unit of the values.
        scatter: rms of the values about the fit, (S,); much more than the noise says that the
            profile is no Gaussian.
    """

    sizes: Array
    centres: Array
    errors: Array
    centre_errors: Array
    amplitudes: Array
    offsets: Array
    scatter: Array


def rms_sizes(profiles: Profiles) -> Array:
    """See `Profiles.sizes`."""
    found = np.empty((len(profiles), len(profiles.axes)))
    for row, profile in enumerate(np.where(profiles.mask, profiles.values, 0.0)):
        _require_whole(profiles, row)
        for i, (label, axis) in enumerate(zip(profiles.labels, profiles.axes, strict=True)):
            others = tuple(j for j in range(len(profiles.axes)) if j != i)
            along = profile.sum(others)
            total = along.sum()
            mean = along @ axis / total if total > 0 else math.nan
            variance = along @ (axis - mean) ** 2 / total
            if not variance >= 0:
                raise MeasurementError(
                    f"profile {row} has no size along {label}: its sum is {total:g} and its "
                    f"variance {variance:g} m^2; {remedy(profile)}"
                )
            found[row, i] = math.sqrt(variance)
    return found


def _require_whole(profiles: Profiles, row: int) -> None:
    """Raise unless what is masked, and what lies beyond the axes, touches no signal."""
    values, mask = profiles.values[row], profiles.mask[row]
    masked, ends = np.zeros_like(mask), np.zeros_like(mask)
    for axis in range(mask.ndim):
        hidden, out = np.moveaxis(~mask, axis, 0), np.moveaxis(masked, axis, 0)
        out[1:] |= hidden[:-1]
        out[:-1] |= hidden[1:]
        np.moveaxis(ends, axis, 0)[[0, -1]] = True
    noise, peak = _noise(values, mask), float(values[mask].max())
    said = {"the mask cuts the signal: beside a masked pixel": masked, "the axes cut it": ends}
    for what, pixels in said.items():
        seen = np.where(pixels & mask, values, -math.inf)
        at = np.unravel_index(int(seen.argmax()), seen.shape)
        # the largest of n noisy pixels is about sqrt(2 ln n) standard deviations up
        expected = _NOISE + math.sqrt(2 * math.log(max(2, int((pixels & mask).sum()))))
        if peak > 0 and seen[at] > max(_CUT * peak, expected * noise):
            raise MeasurementError(
                f"profile {row}: {what}, at {place(profiles, np.array(at))} it is "
                f"{seen[at] / peak:.0%} of its largest, so that the rms of the rest is not that of "
                "the beam; take the background off if that is all, measure over a wider range or "
                "with a lower gain, or fit a Gaussian to the pixels that count: gaussian_fit()"
            )


def _noise(values: Array, mask: NDArray[np.bool_]) -> float:
    """Standard deviation of a pixel, from differences of neighbours; blind to smooth signals."""
    second = np.diff(values, 2, axis=0)
    whole = mask[2:] & mask[1:-1] & mask[:-2]
    return float(np.median(np.abs(second[whole]))) / (0.6745 * math.sqrt(6)) if whole.any() else 0.0


def fit_gaussians(profiles: Profiles) -> GaussianFit:
    """See `Profiles.gaussian_fit`."""
    dims = len(profiles.axes)
    places = np.stack([g.reshape(-1) for g in np.meshgrid(*profiles.axes, indexing="ij")])
    rows = []
    for row, (values, mask) in enumerate(zip(profiles.values, profiles.mask, strict=True)):
        used = mask.reshape(-1)
        rows.append(_fit(row, places[:, used], values.reshape(-1)[used]))
    found = np.stack([r[0] for r in rows])
    errors = np.stack([r[1] for r in rows])
    return GaussianFit(
        sizes=found[:, 2 + dims : 2 + 2 * dims],
        centres=found[:, 2 : 2 + dims],
        errors=errors[:, 2 + dims : 2 + 2 * dims],
        centre_errors=errors[:, 2 : 2 + dims],
        amplitudes=found[:, 0],
        offsets=found[:, 1],
        scatter=np.array([r[2] for r in rows]),
    )


def _fit(row: int, places: Array, values: Array) -> tuple[Array, Array, float]:
    """Parameters, their errors, and the rms about the fit.

    Parameters are amplitude, offset, centres, sizes, and in two dimensions the correlation.
    """
    dims, count = places.shape
    size = 2 + 2 * dims + (dims == 2)
    if count <= size:
        raise MeasurementError(
            f"profile {row}: {count} pixels count, and a Gaussian with an offset has {size} "
            "parameters; mask fewer, or leave the profile out"
        )
    low, high = float(np.quantile(values, 0.1)), float(values.max())
    height, reach = high - low, np.ptp(places, axis=1)
    if not height > 0:
        raise MeasurementError(f"profile {row} has no signal to fit; leave it out")
    weight = np.clip(values - low - 0.2 * height, 0.0, None)
    centre = places @ weight / weight.sum()
    spread = np.sqrt((places - centre[:, None]) ** 2 @ weight / weight.sum())
    first = np.concatenate(
        [
            [1.0, 0.0],
            np.zeros(dims),
            np.log(np.maximum(spread / reach, 1e-3)),
            np.zeros(int(dims == 2)),
        ]
    )
    # in units of the signal and of the axes, sizes as logarithms, the correlation as a tangent
    scaled, heights = (places - centre[:, None]) / reach[:, None], (values - low) / height

    def residuals(p: Array) -> Array:
        offs = (scaled - p[2 : 2 + dims, None]) / np.exp(p[2 + dims : 2 + 2 * dims, None])
        square = (offs**2).sum(0)
        if dims == 2:
            r = math.tanh(p[-1])
            square = (square - 2 * r * offs[0] * offs[1]) / (1 - r * r)
        return np.asarray(p[0] * np.exp(-square / 2) + p[1] - heights)

    from scipy.optimize import least_squares  # late: it takes a moment to load

    found = least_squares(residuals, first, x_scale="jac", xtol=1e-12, ftol=1e-12, max_nfev=400)
    logs = found.x[2 + dims : 2 + 2 * dims]
    sigma = np.exp(logs) * reach
    steps = reach / np.array([len(np.unique(p)) for p in places])
    if not found.success or found.x[0] <= 0 or (sigma > reach).any() or (sigma < steps / 3).any():
        raise MeasurementError(
            f"profile {row}: no Gaussian fits what the mask leaves of it; measure with a lower "
            "gain or a wider range, or leave the profile out"
        )
    scatter = math.sqrt(2 * found.cost / (count - size))
    try:
        covariance = np.linalg.inv(found.jac.T @ found.jac) * scatter**2
    except np.linalg.LinAlgError:
        covariance = np.full((size, size), np.inf)
    error = np.sqrt(np.diag(covariance))
    unit = np.concatenate([[height, height], reach, sigma, np.ones(int(dims == 2))])
    best = found.x * unit
    best[1] += low
    best[2 : 2 + dims] += centre
    best[2 + dims : 2 + 2 * dims] = sigma
    return best, error * unit, scatter * height

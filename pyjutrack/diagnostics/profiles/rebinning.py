"""Measured profiles brought onto the bins of a diagnostic, with what was counted kept."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...core.digits import tell_apart
from ...core.errors import InvalidValueError, MeasurementError, ResolutionWarning, warn
from ...core.scalars import is_real
from ..bins import Bins
from ..instrument import Diagnostic
from .saturation import remedy

if TYPE_CHECKING:
    from .profiles import Profiles

Array = NDArray[np.float64]

#: how far, in pixels, an axis may end before the range of the bins
_SLACK = 1e-3
#: what axes are called elsewhere, in lower case
_PLANES = {"x": "x", "y": "y", "horizontal": "x", "vertical": "y"}


def rebin(
    profiles: Profiles, diagnostic: Diagnostic, background: float | str, normalise: bool
) -> Profiles:
    """See `Profiles.rebin`."""
    bins = _bins(profiles, diagnostic)
    level = _background(profiles, background)
    values = np.where(profiles.mask, profiles.values - level, 0.0)
    hidden = (~profiles.mask).astype(float)
    for i, (one, axis) in enumerate(zip(bins, profiles.axes, strict=True)):
        share = overlaps(axis, one)
        values, hidden = (_rebin_axis(share, a, i + 1) for a in (values, hidden))
    mask = hidden <= 1e-12
    values = np.where(mask, values, 0.0)
    if normalise:
        totals = values.reshape(len(values), -1).sum(1)
        if not (totals > 0).all():
            row = int(np.argmin(totals > 0))
            raise MeasurementError(
                f"profile {row} cannot be normalised: its sum over the bins of "
                f"{diagnostic.name!r} is {totals[row]:g}; {remedy(profiles.values[row])}, or leave "
                "the profile out"
            )
        values = values / totals.reshape(-1, *[1] * len(bins))
    return profiles.replace(
        values=values,
        axes=tuple(one.centres for one in bins),
        mask=mask,
        name=diagnostic.name,
    )


def plane_of(label: str) -> str:
    """ "x" or "y" where a label means one of them; otherwise the label in lower case."""
    return _PLANES.get(label.strip().lower(), label.strip().lower())


def overlaps(axis: Array, bins: Bins) -> Array:
    """The part of each pixel that lies in each bin, (bins, pixels)."""
    step = (axis[-1] - axis[0]) / (len(axis) - 1)
    edges = np.append(axis - step / 2, axis[-1] + step / 2)
    low = np.maximum(bins.edges[:-1, None], edges[None, :-1])
    high = np.minimum(bins.edges[1:, None], edges[None, 1:])
    return np.asarray(np.maximum(high - low, 0.0) / np.diff(edges))


def _rebin_axis(matrix: Array, values: Array, axis: int) -> Array:
    return np.moveaxis(np.tensordot(values, matrix, (axis, 1)), -1, axis)


def _bins(profiles: Profiles, diagnostic: Any) -> tuple[Bins, ...]:
    """The bins of a diagnostic, which the axes must cover."""
    bins = getattr(diagnostic, "axes", None)
    if not isinstance(bins, tuple) or not all(isinstance(one, Bins) for one in bins):
        name = getattr(diagnostic, "name", None)
        raise InvalidValueError(
            f"{'this' if name is None else repr(name)} is a {type(diagnostic).__name__} and has no "
            "bins; profiles are those of a WireScanner or a Screen"
        )
    if len(bins) != len(profiles.axes):
        raise MeasurementError(
            f"{diagnostic.name!r} reads {len(bins)} dimensions, and the profiles have "
            f"{len(profiles.axes)}"
        )
    for label, own, axis, one in zip(
        profiles.labels, diagnostic.labels, profiles.axes, bins, strict=True
    ):
        plane = plane_of(label)
        if plane != plane_of(own) and plane not in _PLANES:
            raise MeasurementError(
                f"the axis of the profiles is {label!r}, and {diagnostic.name!r} reads along "
                f'{own}; label axes "x" and "y", or "horizontal" and "vertical"'
            )
        if plane != plane_of(own):
            raise MeasurementError(
                f"the profiles go along {label} where {diagnostic.name!r} reads {own}; give the "
                "axes in its order, or correct the labels"
            )
        step = (axis[-1] - axis[0]) / (len(axis) - 1)
        if step > one.width:
            raise MeasurementError(
                f"pixels along {label} of {1e3 * step:g} mm are wider than all bins of "
                f"{diagnostic.name!r} together, {1e3 * one.width:g} mm: is the axis in metres?"
            )
        low, high = axis[0] - step / 2, axis[-1] + step / 2
        first, last = one.edges[0], one.edges[-1]
        if low > first + _SLACK * step or high < last - _SLACK * step:
            ends = tell_apart(*map(float, (low, high, first, last)), slack=_SLACK * float(step))
            raise MeasurementError(
                f"axis {label} goes from {ends[0]} to {ends[1]} m and does not cover the bins of "
                f"{diagnostic.name!r}, from {ends[2]} to {ends[3]} m; give the diagnostic a "
                "smaller width or another centre"
            )
        if step > 1.01 * one.spacing:
            warn(
                f"pixels along {label} are {step:g} m wide, the bins of {diagnostic.name!r} "
                f"{one.spacing:g} m: neighbouring bins share a pixel; take fewer bins",
                ResolutionWarning,
            )
    return bins


def _background(profiles: Profiles, background: Any) -> Array:
    """Background to subtract, broadcast over the pixels of each profile."""
    shape = (-1, *[1] * len(profiles.axes))
    if is_real(background):
        if not math.isfinite(background):
            raise InvalidValueError(f"background must be finite, got {background}")
        return np.full(len(profiles), float(background)).reshape(shape)
    if not isinstance(background, str) or background != "edges":
        raise InvalidValueError(f'background must be a number or "edges", got {background!r}')
    outer = np.zeros(profiles.values.shape[1:], bool)
    for i, axis in enumerate(profiles.axes):
        border = max(1, round(len(axis) / 20))
        along = np.moveaxis(outer, i, 0)
        along[:border] = along[-border:] = True
    rows = zip(profiles.values, profiles.mask, strict=True)
    levels = []
    for row, (values, mask) in enumerate(rows):
        if not (outer & mask).any():
            raise MeasurementError(
                f"profile {row}: all pixels at its edges are masked; give the "
                "background as a number"
            )
        levels.append(np.median(values[outer & mask]))
    return np.array(levels).reshape(shape)

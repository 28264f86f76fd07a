"""Plateaus of profiles, where an instrument was saturated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from ...core.errors import MeasurementError, SaturationWarning, require_known, warn
from .profile_checks import place

if TYPE_CHECKING:
    from .profiles import Profiles

Array = NDArray[np.float64]
Saturated = Literal["refuse", "mask", "keep"]

#: so many equal pixels at the maximum, side by side, are a saturated camera or amplifier
_PLATEAU = 3


def mask_saturated(profiles: Profiles, saturated: Saturated) -> Profiles:
    """See `Profiles.without_saturation`."""
    require_known("treatment of saturated pixels", saturated, ("refuse", "mask", "keep"))
    if saturated == "keep":
        return profiles
    mask = profiles.mask.copy()
    for row, profile in enumerate(profiles.values):
        seen = profile[mask[row]]
        if seen.min() == seen.max():
            raise MeasurementError(
                f"profile {row}: all pixels are {seen.max():g}, no signal or all of it "
                "saturated; leave the profile out"
            )
        flat = _plateaus(profile, mask[row])
        if flat.any() and saturated == "refuse":
            raise MeasurementError(
                f"{_describe(profiles, row, flat)}; measure with a lower gain, or take them out by "
                'saturated="mask" (or "keep" them if this is no saturation)'
            )
        mask[row] &= ~_dilate(flat)
    return profiles.replace(mask=mask)


def warn_of_plateaus(profiles: Profiles) -> None:
    """Warn, of the first of them, where sizes are taken from profiles that look saturated."""
    for row, profile in enumerate(profiles.values):
        flat = _plateaus(profile, profiles.mask[row])
        if flat.any() and np.ptp(profile[profiles.mask[row]]) > 0:
            warn(
                f"{_describe(profiles, row, flat)}: what is read from it is wider than the beam; "
                'measure with a lower gain, or take them out: without_saturation("mask")',
                SaturationWarning,
            )
            return


def _describe(profiles: Profiles, row: int, flat: NDArray[np.bool_]) -> str:
    seen = profiles.values[row]
    extremum = "minimum" if is_negative(seen[profiles.mask[row]]) else "maximum"
    return (
        f"profile {row}: {int(flat.sum())} equal pixels at its {extremum} of {seen[flat][0]:g}, "
        f"from {place(profiles, np.argwhere(flat)[0])}, look saturated"
    )


def remedy(profile: Array) -> str:
    """Say what to do about a profile whose sum is not positive."""
    if is_negative(profile):
        return "its signal is negative: change its sign, as by replace(values=-profiles.values)"
    return "take less background off"


def is_negative(seen: Array) -> bool:
    """Return whether the signal goes down from zero: a wide positive one may have a high median."""
    low, median, high = seen.min(), np.median(seen), seen.max()
    return bool(median - low > high - median and -low > high)


def _plateaus(profile: Array, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """All pixels at the maximum, if three or more of them stand in a row along an axis.

    Of a negative signal, at the minimum.
    """
    seen = profile[mask]
    top = mask & (profile == (seen.min() if is_negative(seen) else seen.max()))
    found = np.zeros_like(top)
    for axis in range(profile.ndim):
        along, out = np.moveaxis(top, axis, -1), np.moveaxis(found, axis, -1)
        if along.shape[-1] < _PLATEAU:
            continue
        runs = np.lib.stride_tricks.sliding_window_view(along, _PLATEAU, -1).all(-1)
        for shift in range(_PLATEAU):
            out[..., shift : shift + runs.shape[-1]] |= runs
    return top if found.any() else found


def _dilate(pixels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mark these pixels and their neighbours along each axis."""
    found = pixels.copy()
    for axis in range(pixels.ndim):
        source, out = np.moveaxis(pixels, axis, 0), np.moveaxis(found, axis, 0)
        out[1:] |= source[:-1]
        out[:-1] |= source[1:]
    return found

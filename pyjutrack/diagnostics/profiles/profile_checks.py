"""Checks of measured profiles, and their messages."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...core.digits import tell_apart
from ...core.errors import MeasurementError
from ...core.scalars import is_real

if TYPE_CHECKING:
    from .profiles import Profiles

Array = NDArray[np.float64]

#: an axis that reaches farther than this was not written in metres [m]
FAR = 0.5
#: relative differences of the steps of an axis that count as none
_UNEVEN = 1e-3


def numbers(what: str, given: Any) -> Array:
    """Something measured as an array.

    Raises:
        MeasurementError: it is none of real numbers.
    """
    try:
        array = np.array(given)
        if given is None or array.dtype.kind in "cSU":
            raise TypeError(f"got {given!r}")
        return array.astype(np.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise MeasurementError(f"{what} must be an array of numbers: {error}") from None


def axes_of(given: Any) -> tuple[Array, ...]:
    """Axes as arrays; an array in one dimension is the only one.

    Raises:
        MeasurementError: they are none.
    """
    if isinstance(given, np.ndarray) and given.ndim == 1:
        given = (given,)
    return tuple(numbers("axes", axis) for axis in _several("axes", given, "an array for each"))


def labels_of(given: Any) -> tuple[str, ...]:
    """Labels of axes; a string is the only one. Errors as for `axes_of`."""
    if isinstance(given, str):
        given = (given,)
    labels = _several("labels", given, "a name for each axis")
    if not all(isinstance(label, str) and label.strip() for label in labels):
        raise MeasurementError(f'labels must be names of axes, such as ("x",), got {labels!r}')
    return labels


def mask_of(given: Any, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Make the mask of pixels that count; all if None. Errors as for `axes_of`."""
    if given is None:
        return np.ones(shape, bool)
    try:
        return np.array(given, bool)
    except (TypeError, ValueError) as error:
        raise MeasurementError(f"mask must be an array of true and false: {error}") from None


def settings_of(given: Any) -> tuple[dict[str, float], ...]:
    """Settings of each profile, checked.

    Raises:
        MeasurementError: no dicts of finite numbers by address, or of different addresses.
    """
    wanted = 'a dict for each profile, such as ({"q1.k1": 3.9}, {"q1.k1": 4.0})'
    if isinstance(given, (str, Mapping)):
        raise MeasurementError(f"settings must be {wanted}, got {given!r}")
    rows = _several("settings", given, wanted)
    for row, one in enumerate(rows):
        if not isinstance(one, Mapping) or not all(isinstance(a, str) for a in one):
            raise MeasurementError(
                f"profile {row}: settings must be a dict of numbers by address, such as "
                f'{{"q1.k1": 3.9}}, got {one!r}'
            )
    every = {address: None for one in rows for address in one}
    for row, one in enumerate(rows):
        for address in every:
            if address not in one:
                raise MeasurementError(
                    f"profile {row} has no setting of {address!r}, which others have; give each "
                    "profile the values of all knobs that were changed"
                )
            value: Any = one[address]
            if not is_real(value) or not math.isfinite(value):
                raise MeasurementError(
                    f"profile {row}: the setting of {address!r} must be a finite number, got "
                    f"{value!r}"
                )
    return tuple(dict(one) for one in rows)


def _several(what: str, given: Any, wanted: str) -> tuple[Any, ...]:
    try:
        return tuple(given)
    except TypeError:
        raise MeasurementError(f"{what} must be {wanted}, got {given!r}") from None


def check_shapes(p: Profiles) -> None:
    dims = len(p.axes)
    if dims not in (1, 2) or any(a.ndim != 1 for a in p.axes):
        shapes = [a.shape for a in p.axes]
        raise MeasurementError(f"profiles have one or two axes of one dimension, got {shapes}")
    pixels = tuple(len(a) for a in p.axes)
    if p.values.ndim != dims + 1 or p.values.shape[1:] != pixels or not len(p.values):
        raise MeasurementError(
            f"values must have shape (profiles, {', '.join(map(str, pixels))}), as the axes have, "
            f"with at least one profile; got {p.values.shape}"
        )
    if p.mask.shape != p.values.shape:
        raise MeasurementError(f"mask must have shape {p.values.shape}, got {p.mask.shape}")
    if len(p.labels) != dims:
        raise MeasurementError(f"{dims} axes need as many labels, got {p.labels}")
    if len(p.settings) != len(p.values):
        raise MeasurementError(
            f"there are {len(p.values)} profiles and {len(p.settings)} settings; give each its own"
        )


def check_axis(label: str, axis: Array) -> None:
    if len(axis) < 2:
        raise MeasurementError(f"axis {label} has {len(axis)} pixels; a profile needs two or more")
    if not np.isfinite(axis).all():
        pixel = int(np.argmin(np.isfinite(axis)))
        raise MeasurementError(f"axis {label}: pixel {pixel} is at {axis[pixel]}; give its place")
    steps = np.diff(axis)
    if not (steps > 0).all():
        pixel = int(np.argmin(steps > 0))
        after, before = tell_apart(*axis[[pixel + 1, pixel]].tolist())
        raise MeasurementError(
            f"axis {label} is not ascending: {after} m at pixel {pixel + 1} follows "
            f"{before} m; sort the pixels, and flip an axis that descends"
        )
    mean = (axis[-1] - axis[0]) / (len(axis) - 1)
    uneven = np.abs(steps - mean) > _UNEVEN * mean
    if uneven.any():
        pixel = int(np.argmax(uneven))
        own, usual = tell_apart(float(steps[pixel]), float(mean))
        raise MeasurementError(
            f"axis {label} is not uniform: the step after pixel {pixel} is {own} m, "
            f"the mean one {usual} m; interpolate onto equal steps"
        )
    far = float(np.abs(axis).max())
    if far > FAR:
        raise MeasurementError(
            f"axis {label} reaches {far:g} m, which looks like millimetres or micrometres; axes "
            'are in metres: multiply by 1e-3 or 1e-6, or name the unit ("x [mm]" in a CSV file)'
        )


def check_values(p: Profiles) -> None:
    bad = ~np.isfinite(p.values) & p.mask
    if bad.any():
        row, *pixel = np.argwhere(bad)[0]
        value = p.values[(row, *pixel)]
        raise MeasurementError(
            f"profile {row} is {value} at {place(p, np.array(pixel))} ({int(bad.sum())} such "
            "pixels in all); leave the profile out, or mask the pixels"
        )
    empty = ~p.mask.reshape(len(p), -1).any(1)
    if empty.any():
        raise MeasurementError(
            f"profile {int(np.argmax(empty))} is masked as a whole; leave it out"
        )


def place(p: Profiles, pixel: NDArray[np.int64]) -> str:
    """A pixel in words: its numbers and where it is."""
    where = zip(p.labels, p.axes, pixel, strict=True)
    places = ", ".join(f"{label} = {axis[i]:g} m" for label, axis, i in where)
    number = tuple(map(int, pixel)) if len(pixel) > 1 else int(pixel[0])
    return f"pixel {number} ({places})"

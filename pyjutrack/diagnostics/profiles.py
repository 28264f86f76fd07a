"""Measured profiles, one for each setting of the machine, as checked data."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import MeasurementError, require_known
from .instrument import Diagnostic
from .rebinning import rebinned

Array = NDArray[np.float64]
Saturated = Literal["refuse", "mask", "keep"]

#: an axis that reaches farther than this was not written in metres [m]
_FAR = 0.5
#: relative differences of the steps of an axis that count as none
_UNEVEN = 1e-3
#: so many equal pixels at the maximum, side by side, are a saturated camera or amplifier
_PLATEAU = 3


@dataclass(frozen=True, eq=False, repr=False)
class Profiles:
    """Profiles of one instrument, in one or two dimensions, at S settings or shots.

    Attributes:
        values: (S, M) or (S, M_x, M_y), in any unit; what was counted in each pixel.
        axes: of each dimension, the middles of the pixels [m], ascending and uniform.
        labels: of each dimension; where they are "x" and "y" they are held against the diagnostic.
        settings: for each profile, knobs of the machine by address: {"q1.k1": 29.6, ...}.
        name: of the diagnostic, by which data find their instrument.
        mask: which pixels count, of the shape of the values; all if left out.

    Raises:
        MeasurementError: shapes that do not fit together; NaN or infinite values where the mask
            does not hide them; an axis that is not ascending, not uniform, or not in metres;
            settings that are missing in some profiles, or no numbers.
    """

    values: Array
    axes: tuple[Array, ...]
    labels: tuple[str, ...] = ("x",)
    settings: tuple[dict[str, float], ...] = ()
    name: str = ""
    mask: NDArray[np.bool_] = None  # type: ignore[assignment]  # filled in __post_init__

    def __post_init__(self) -> None:
        given: Any = self.axes
        if isinstance(given, np.ndarray) and given.ndim == 1:
            given = (given,)
        values = _numbers("values", self.values)
        axes = tuple(_numbers("axes", a) for a in given)
        mask = np.ones(values.shape, bool) if self.mask is None else np.array(self.mask, bool)
        settings = tuple(dict(s) for s in self.settings) or ({},) * len(values)
        labels = (self.labels,) if isinstance(self.labels, str) else tuple(self.labels)
        filled = {"values": values, "axes": axes, "labels": labels, "settings": settings}
        for name, value in (filled | {"mask": mask}).items():
            object.__setattr__(self, name, value)
        _check_shapes(self)
        for label, axis in zip(labels, axes, strict=True):
            _check_axis(label, axis)
        _check_values(self)
        _check_settings(settings)

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        pixels = " x ".join(str(len(a)) for a in self.axes)
        named = f"{self.name!r}: " if self.name else ""
        return f"Profiles({named}{len(self)} of {pixels} pixels along {', '.join(self.labels)})"

    @property
    def axis(self) -> Array:
        """The axis of profiles in one dimension [m]."""
        if len(self.axes) != 1:
            raise MeasurementError(f"these are images, with axes {self.labels}; use axes")
        return self.axes[0]

    def replace(self, **changes: Any) -> Profiles:
        """A copy with some attributes changed."""
        return dataclasses.replace(self, **changes)

    def knob(self, address: str) -> Array:
        """The value of a knob at each setting, (S,).

        Raises:
            UnknownNameError: the settings do not tell it.
        """
        require_known("setting", address, self.settings[0])
        return np.array([s[address] for s in self.settings])

    def sizes(self) -> Array:
        """rms about the mean along each axis, (S, dimensions) [m]; masked pixels do not count.

        Take the background off first, as `on` does: it counts most where the beam is not.

        Raises:
            MeasurementError: nothing is left of a profile, or its variance is negative.
        """
        found = np.empty((len(self), len(self.axes)))
        for row, profile in enumerate(np.where(self.mask, self.values, 0.0)):
            for i, (label, axis) in enumerate(zip(self.labels, self.axes, strict=True)):
                others = tuple(j for j in range(len(self.axes)) if j != i)
                along = profile.sum(others)
                total = along.sum()
                mean = along @ axis / total if total > 0 else math.nan
                variance = along @ (axis - mean) ** 2 / total
                if not variance >= 0:
                    raise MeasurementError(
                        f"profile {row} has no size along {label}: its sum is {total:g} and its "
                        f"variance {variance:g} m^2; take less background off"
                    )
                found[row, i] = math.sqrt(variance)
        return found

    def without_saturation(self, saturated: Saturated = "refuse") -> Profiles:
        """Profiles whose maximum is a peak and no plateau.

        Three or more equal pixels side by side, at the maximum of a profile, are taken for a
        saturated instrument.

        Args:
            saturated: "refuse" raises, "mask" takes out all pixels at such a maximum and those that
                touch them, whose noise is cut above and on which a camera blooms, "keep" keeps all.

        Raises:
            MeasurementError: a plateau, where it is refused; a profile in which all is alike.
        """
        require_known("treatment of saturated pixels", saturated, ("refuse", "mask", "keep"))
        mask = self.mask.copy()
        for row, profile in enumerate(self.values):
            seen = profile[mask[row]]
            if saturated == "keep":
                continue
            if seen.size and seen.min() == seen.max():
                raise MeasurementError(
                    f"profile {row}: all pixels are {seen.max():g}, no signal or all of it "
                    "saturated; leave the profile out"
                )
            flat = _plateaus(np.where(mask[row], profile, -np.inf))
            if flat.any() and saturated == "refuse":
                at = _place(self, np.argwhere(flat)[0])
                raise MeasurementError(
                    f"profile {row}: {int(flat.sum())} equal pixels at its maximum of "
                    f"{profile[flat].max():g}, from {at}, look saturated; measure with a lower "
                    'gain, or take them out with saturated="mask" (or "keep" them if this is no '
                    "saturation)"
                )
            mask[row] &= ~_touched(flat)
        return self.replace(mask=mask)

    def on(
        self, diagnostic: Diagnostic, *, background: float | str = 0.0, normalise: bool = True
    ) -> Profiles:
        """The profiles on the bins of a diagnostic, to be held against its readings.

        Each pixel is shared among the bins that it overlaps, so that the sum is kept. A bin that a
        masked pixel overlaps is masked.

        Args:
            diagnostic: a `WireScanner` or a `Screen`, or what has `axes` and `labels` like them.
            background: taken off each pixel: a number in the unit of the values; or "edges", the
                median of the outer tenth of the pixels, a twentieth at each end of each axis,
                profile by profile.
            normalise: divide each profile by its sum over the bins that are not masked. A reading
                that leaves out a part of the beam, or that is compared with a masked profile, is to
                be normalised over the same bins.

        Raises:
            MeasurementError: another number of dimensions, other labels, axes that do not cover
                the bins, nothing left of a profile to be normalised.
            InvalidValueError: a diagnostic without bins.
        """
        return rebinned(self, diagnostic, background, normalise)


def _numbers(what: str, given: Any) -> Array:
    try:
        return np.array(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise MeasurementError(f"{what} must be an array of numbers: {error}") from None


def _check_shapes(p: Profiles) -> None:
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


def _check_axis(label: str, axis: Array) -> None:
    if len(axis) < 2:
        raise MeasurementError(f"axis {label} has {len(axis)} pixels; a profile needs two or more")
    if not np.isfinite(axis).all():
        pixel = int(np.argmin(np.isfinite(axis)))
        raise MeasurementError(f"axis {label}: pixel {pixel} is at {axis[pixel]}; give its place")
    steps = np.diff(axis)
    if not (steps > 0).all():
        pixel = int(np.argmin(steps > 0))
        raise MeasurementError(
            f"axis {label} is not ascending: {axis[pixel + 1]:g} m at pixel {pixel + 1} follows "
            f"{axis[pixel]:g} m; sort the pixels, and flip an axis that descends"
        )
    mean = (axis[-1] - axis[0]) / (len(axis) - 1)
    uneven = np.abs(steps - mean) > _UNEVEN * mean
    if uneven.any():
        pixel = int(np.argmax(uneven))
        raise MeasurementError(
            f"axis {label} is not uniform: the step behind pixel {pixel} is {steps[pixel]:g} m, "
            f"the mean one {mean:g} m; interpolate onto equal steps"
        )
    far = float(np.abs(axis).max())
    if far > _FAR:
        raise MeasurementError(
            f"axis {label} reaches {far:g} m, which looks like millimetres or micrometres; axes "
            'are in metres: multiply by 1e-3 or 1e-6, or name the unit ("x [mm]" in a CSV file)'
        )


def _check_values(p: Profiles) -> None:
    bad = ~np.isfinite(p.values) & p.mask
    if bad.any():
        row, *pixel = np.argwhere(bad)[0]
        value = p.values[(row, *pixel)]
        raise MeasurementError(
            f"profile {row} is {value} at {_place(p, np.array(pixel))} ({int(bad.sum())} such "
            "pixels in all); leave the profile out, or mask the pixels"
        )
    empty = ~p.mask.reshape(len(p), -1).any(1)
    if empty.any():
        raise MeasurementError(
            f"profile {int(np.argmax(empty))} is masked as a whole; leave it out"
        )


def _check_settings(settings: Sequence[Mapping[str, float]]) -> None:
    every = {address: None for s in settings for address in s}
    for row, s in enumerate(settings):
        for address in every:
            if address not in s:
                raise MeasurementError(
                    f"profile {row} has no setting of {address!r}, which others have; give each "
                    "profile the values of all knobs that were changed"
                )
            value: Any = s[address]
            number = isinstance(value, Real) and not isinstance(value, bool)
            if not number or not math.isfinite(value):
                raise MeasurementError(
                    f"profile {row}: the setting of {address!r} must be a finite number, got "
                    f"{value!r}"
                )


def _plateaus(profile: Array) -> NDArray[np.bool_]:
    """All pixels at the maximum, if three or more of them stand in a row along an axis."""
    top = profile == profile.max()
    found = np.zeros_like(top)
    for axis in range(profile.ndim):
        along, out = np.moveaxis(top, axis, -1), np.moveaxis(found, axis, -1)
        if along.shape[-1] < _PLATEAU:
            continue
        runs = np.lib.stride_tricks.sliding_window_view(along, _PLATEAU, -1).all(-1)
        for shift in range(_PLATEAU):
            out[..., shift : shift + runs.shape[-1]] |= runs
    return top if found.any() else found


def _touched(pixels: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """These, and their neighbours along each axis."""
    found = pixels.copy()
    for axis in range(pixels.ndim):
        source, out = np.moveaxis(pixels, axis, 0), np.moveaxis(found, axis, 0)
        out[1:] |= source[:-1]
        out[:-1] |= source[1:]
    return found


def _place(p: Profiles, pixel: NDArray[np.int64]) -> str:
    """A pixel in words: its numbers and where it is."""
    where = zip(p.labels, p.axes, pixel, strict=True)
    places = ", ".join(f"{label} = {axis[i]:g} m" for label, axis, i in where)
    number = tuple(map(int, pixel)) if len(pixel) > 1 else int(pixel[0])
    return f"pixel {number} ({places})"

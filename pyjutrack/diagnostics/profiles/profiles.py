"""Measured profiles, one for each setting of the machine, as checked data."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.checks import require_flag, require_text
from ...core.errors import MeasurementError, require_known
from ..instrument import Diagnostic
from .profile_checks import (
    axes_of,
    check_axis,
    check_shapes,
    check_values,
    labels_of,
    mask_of,
    numbers,
    settings_of,
)
from .profile_moments import GaussianFit, fit_gaussians, rms_sizes
from .rebinning import rebin
from .saturation import Saturated, mask_saturated, warn_of_plateaus

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Profiles:
    """Profiles of one instrument, in one or two dimensions, at S settings or shots.

    Attributes:
        values: (S, M) or (S, M_x, M_y), in any unit; what was counted in each pixel.
        axes: of each dimension, the middles of the pixels [m], ascending and uniform.
        labels: of each dimension, "x" or "y"; "X", "horizontal" and "vertical" mean the same to
            `on`, which holds them against the diagnostic.
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
        require_text("name", self.name)
        values, axes, labels = (
            numbers("values", self.values),
            axes_of(self.axes),
            labels_of(self.labels),
        )
        mask, settings = mask_of(self.mask, values.shape), settings_of(self.settings)
        settings = settings or ({},) * (len(values) if values.ndim else 0)
        filled = {"values": values, "axes": axes, "labels": labels, "settings": settings}
        for name, value in (filled | {"mask": mask}).items():
            object.__setattr__(self, name, value)
        check_shapes(self)
        for label, axis in zip(labels, axes, strict=True):
            check_axis(label, axis)
        check_values(self)

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
        """A copy with some attributes changed, which are given as `changes` by name."""
        return dataclasses.replace(self, **changes)

    def knob(self, address: str) -> Array:
        """The value of the knob at an address at each setting, (S,).

        Raises:
            UnknownNameError: the settings do not have it.
        """
        require_known("setting", address, self.settings[0])
        return np.array([s[address] for s in self.settings])

    def sizes(self) -> Array:
        """rms about the mean along each axis, (S, dimensions) [m].

        Take the background off first, as `on` does: it counts most where the beam is not. Masked
        pixels do not count. Beside them and at the ends of the axes there must be no signal: at
        most 1 % of the largest, or what noise makes. Warns (`SaturationWarning`) where a profile
        looks cut off at its maximum: see `without_saturation`.

        Raises:
            MeasurementError: the mask or the axes cut the signal (use `gaussian_fit`); nothing is
                left of a profile, or its variance is negative.
        """
        warn_of_plateaus(self)
        return rms_sizes(self)

    def gaussian_fit(self) -> GaussianFit:
        """A Gaussian and a constant offset fitted to the pixels that count, with errors.

        For profiles of which something is masked, a saturated peak say, and so that no background
        has to be taken off. In two dimensions the Gaussian may be tilted; sizes are along the axes.

        Raises:
            MeasurementError: too few pixels, no signal, or no Gaussian that fits.
        """
        warn_of_plateaus(self)
        return fit_gaussians(self)

    def without_saturation(self, saturated: Saturated = "refuse") -> Profiles:
        """Profiles whose maximum is a peak and no plateau.

        Three or more equal pixels side by side, at the maximum of a profile, are taken for a
        saturated instrument; two are not, since coarse steps make them as well. Of a negative
        signal, such as the current of a wire, it is the minimum: where that is farther both from
        zero and from the median than the maximum.

        Args:
            saturated: "refuse" raises, "mask" takes out all pixels at such a maximum and those that
                touch them, whose noise is cut above and on which a camera blooms, "keep" keeps all.
                A masked peak has no rms; see `gaussian_fit`.

        Raises:
            MeasurementError: a plateau, where it is refused; a profile in which all is alike.
            UnknownNameError: another treatment.
        """
        return mask_saturated(self, saturated)

    def rebin(
        self, diagnostic: Diagnostic, *, background: float | str = 0.0, normalise: bool = True
    ) -> Profiles:
        """Rebin the profiles to the bins of a diagnostic, to be compared with its readings.

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
            MeasurementError: another number of dimensions, labels of the other plane or of none,
                pixels wider than all bins together, axes that do not cover the bins, nothing left
                of a profile to be normalised.
            InvalidValueError: no diagnostic, or one without bins; another background.
        """
        require_flag("normalise", normalise)
        warn_of_plateaus(self)
        return rebin(self, diagnostic, background, normalise)

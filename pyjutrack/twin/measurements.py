"""What was measured, at which settings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InvalidValueError, unknown
from .model import Twin

Array = NDArray[np.float64]
#: equal pixels at the maximum that are a plateau, for each at the level below
_PLATEAU = 3


@dataclass(frozen=True, eq=False)
class Measurements:
    """Readings of diagnostics at many settings of a machine.

    Attributes:
        settings: of each shot, address to value.
        readings: name of a diagnostic to (shots, *shape of its reading).
        sigma: rms error of the readings, by name: a number, or an array that broadcasts against
            the readings. Where it is missing it is the `noise` of the diagnostic.
        used: name to a mask of the readings that count; all by default.

    Raises:
        InvalidValueError: shots whose settings differ in what they name, readings of another
            number of shots, NaN or plateaus (of saturation) where they are not masked.
    """

    settings: Sequence[Mapping[str, float]]
    readings: Mapping[str, Array]
    sigma: Mapping[str, Any] = field(default_factory=dict)
    used: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        settings = tuple({str(k): float(v) for k, v in row.items()} for row in self.settings)
        object.__setattr__(self, "settings", settings)
        _check_settings(settings)
        readings = {n: np.asarray(r, dtype=float) for n, r in self.readings.items()}
        object.__setattr__(self, "readings", readings)
        sigma = {n: np.asarray(s, dtype=float) for n, s in self.sigma.items()}
        object.__setattr__(self, "sigma", sigma)
        if not readings:
            raise InvalidValueError("there are no readings; give those of one diagnostic at least")
        used = {n: _mask(n, r, self.used.get(n)) for n, r in readings.items()}
        for name in (*self.used, *self.sigma):
            if name not in readings:
                raise unknown("reading", name, readings)
        for name, reading in readings.items():
            if reading.ndim == 0 or len(reading) != len(settings):
                raise InvalidValueError(
                    f"the readings of {name} have shape {reading.shape}, and there are "
                    f"{len(settings)} shots; the first axis must count them"
                )
            _check_numbers(name, reading, used[name])
        if not any(mask.any() for mask in used.values()):
            raise InvalidValueError("all readings of the shots are masked; leave some that count")
        object.__setattr__(self, "used", used)

    def __len__(self) -> int:
        """Number of shots."""
        return len(self.settings)

    def shots(self, which: Sequence[int]) -> Measurements:
        """Some of the shots."""
        rows = list(which)
        sigma = {
            n: s[rows] if np.ndim(s) == self.readings[n].ndim and len(s) == len(self) else s
            for n, s in self.sigma.items()
        }
        return Measurements(
            [self.settings[i] for i in rows],
            {n: r[rows] for n, r in self.readings.items()},
            sigma,
            {n: m[rows] for n, m in self.used.items()},
        )

    def errors(self, twin: Twin) -> dict[str, Array]:
        """rms error of every reading, of its shape, checked against the diagnostics of a twin.

        Raises:
            UnknownNameError: a reading of no diagnostic. InvalidValueError: one of another shape,
                or whose error is not positive.
        """
        found = {}
        for name, reading in self.readings.items():
            diagnostic = twin.diagnostic(name)
            shape = tuple(diagnostic.shape)
            if reading.shape[1:] != shape:
                raise InvalidValueError(
                    f"the readings of {name} have shape {reading.shape[1:]} a shot, and the "
                    f"diagnostic {shape}; bring them onto its axis first (Profiles.on)"
                )
            sigma = np.asarray(self.sigma.get(name, diagnostic.noise))
            try:
                rms = np.broadcast_to(sigma, reading.shape)
            except ValueError as error:
                raise InvalidValueError(
                    f"sigma of {name} has shape {sigma.shape}, and its readings {reading.shape}"
                ) from error
            bad = self.used[name] & ~(np.isfinite(rms) & (rms > 0))
            if bad.any():
                raise InvalidValueError(
                    f"the error of {name}{_place(bad)} must be positive, got {rms[bad][0]}; give "
                    f"sigma={{{name!r}: ...}} to the measurements, or noise= to the diagnostic"
                )
            found[name] = rms
        return found


def _check_settings(settings: Sequence[Mapping[str, float]]) -> None:
    if not settings:
        raise InvalidValueError("there are no shots")
    names = set().union(*settings)
    for i, row in enumerate(settings):
        missing = sorted(names - set(row))
        if missing:
            raise InvalidValueError(
                f"shot {i} does not say how {missing[0]} was set, which others do; give each shot "
                "every setting that was varied"
            )
        for name, value in row.items():
            if not math.isfinite(value):
                raise InvalidValueError(f"shot {i}: {name} was set to {value}")


def _mask(name: str, reading: Array, used: ArrayLike | None) -> NDArray[np.bool_]:
    if used is None:
        return np.ones(reading.shape, dtype=bool)
    mask = np.asarray(used, dtype=bool)
    if mask.shape != reading.shape:
        raise InvalidValueError(
            f"the mask of {name} has shape {mask.shape}, and its readings {reading.shape}"
        )
    return mask


def _check_numbers(name: str, reading: Array, used: NDArray[np.bool_]) -> None:
    bad = used & ~np.isfinite(reading)
    if bad.any():
        raise InvalidValueError(
            f"{name}{_place(bad)} is {reading[bad][0]} ({int(bad.sum())} such readings); mask "
            "them with used="
        )
    if reading.ndim < 2 or reading[0].size < 2 * _PLATEAU:
        return
    for shot, (row, mask) in enumerate(zip(reading, used, strict=True)):
        levels, counts = np.unique(row[mask], return_counts=True)
        # saturation piles up at the maximum; a coarse scale alone has as many just below it
        below = counts[-2] if len(counts) > 1 else 1
        if len(levels) and levels[-1] > 0 and counts[-1] >= _PLATEAU * below:
            raise InvalidValueError(
                f"{name}, shot {shot} is saturated: {counts[-1]} readings are {levels[-1]:g}, its "
                "maximum; lower the gain, or mask them with used="
            )


def _place(bad: NDArray[np.bool_]) -> str:
    shot, *pixel = (int(i) for i in np.argwhere(bad)[0])
    return f", shot {shot}" + (f", pixel {tuple(pixel)}" if pixel else "")

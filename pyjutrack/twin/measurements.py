"""Measurements: readings and the settings at which they were taken."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..core.checks import require_mapping, require_texts, wrong
from ..core.errors import InvalidValueError, unknown
from ..core.scalars import is_whole
from ..core.storage import storable
from ..diagnostics import Profiles
from .model import Twin

Array = NDArray[np.float64]
#: equal pixels at the maximum that are a plateau, for each at the level below
_PLATEAU = 3


@storable
@dataclass(frozen=True, eq=False)
class Measurements:
    """Readings of diagnostics at many settings of a machine.

    Attributes:
        settings: of each shot, address to value.
        readings: name of a diagnostic to (shots, *shape of its reading).
        sigma: rms error of the readings, by name: a number, or an array that broadcasts against
            the readings. Where it is missing it is the `noise` of the diagnostic.
        used: name to a mask of the readings that count; all by default.
        scaled: names of readings in a scale of their own, such as profiles in counts or with masked
            pixels: the twin's reading is brought to their sum over what counts, shot by shot. A
            `noise` of the diagnostic is in units of that sum.

    Raises:
        InvalidValueError: shots whose settings differ in what they name, readings of another
            number of shots, NaN or plateaus (of saturation) where they are not masked.

    Example:
        >>> pj.Measurements([{"q1.k1": 4.0}, {"q1.k1": 4.2}], {"bpm1.position": values})
    """

    settings: Sequence[Mapping[str, float]]
    readings: Mapping[str, Array]
    sigma: Mapping[str, Any] = field(default_factory=dict)
    used: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    scaled: Sequence[str] = ()

    def __post_init__(self) -> None:
        kinds = {"settings": Sequence, "readings": Mapping, "sigma": Mapping, "used": Mapping}
        for name, wanted in kinds.items():
            given: Any = getattr(self, name)
            if not isinstance(given, wanted) or isinstance(given, str):
                what = "a list of shots" if wanted is Sequence else "a dict by name of diagnostic"
                raise InvalidValueError(f"{name} must be {what}, got {type(given).__name__}")
        settings = tuple(_settings(i, row) for i, row in enumerate(self.settings))
        object.__setattr__(self, "settings", settings)
        _check_settings(settings)
        readings = {n: _numbers(f"the readings of {n}", r) for n, r in self.readings.items()}
        object.__setattr__(self, "readings", readings)
        sigma = {n: _numbers(f"sigma of {n}", s) for n, s in self.sigma.items()}
        object.__setattr__(self, "sigma", sigma)
        given_scaled = [self.scaled] if isinstance(self.scaled, str) else self.scaled
        scaled = tuple(require_texts("scaled", given_scaled, "a list of names of diagnostics"))
        object.__setattr__(self, "scaled", scaled)
        if not readings:
            raise InvalidValueError("there are no readings; give those of one diagnostic at least")
        used = {n: _mask(n, r, self.used.get(n)) for n, r in readings.items()}
        for name in (*self.used, *self.sigma, *scaled):
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
        for name in scaled:
            totals = self.totals(name)
            if not (totals > 0).all():
                shot = int(np.argmin(totals > 0))
                raise InvalidValueError(
                    f"{name}, shot {shot} has a sum of {totals[shot]:g} and cannot be scaled; take "
                    "less background off, or mask it"
                )

    @classmethod
    def from_profiles(
        cls,
        profiles: Sequence[Profiles],
        twin: Twin,
        *,
        background: float | str = 0.0,
        sigma: Mapping[str, Any] | None = None,
    ) -> Measurements:
        """Profiles of several instruments, taken at the same shots, on the bins of a twin.

        Each goes to the diagnostic of its name, normalised; masked pixels do not count, and the
        twin's readings are normalised over what is left (`scaled`).

        Args:
            profiles: of each instrument, with its name and the settings of its shots.
            twin: which has diagnostics of these names.
            background: taken off each pixel; see `Profiles.rebin`.
            sigma: as of `Measurements`; the `noise` of the diagnostics by default.

        Raises:
            InvalidValueError: no profiles, one without a name or of other shots than the rest.
            UnknownNameError: a name of no diagnostic. MeasurementError: as for `Profiles.rebin`.
        """
        if not isinstance(profiles, (list, tuple)) or not profiles:
            raise wrong("profiles", profiles, "a list of Profiles")
        if not hasattr(twin, "diagnostic"):
            raise wrong("twin", twin, "a Twin")
        if sigma is not None:
            require_mapping("sigma", sigma, "a dict by name of diagnostic")
        if not all(isinstance(p, Profiles) for p in profiles):
            raise InvalidValueError(f"profiles must be a list of Profiles, got {profiles!r}")
        first = profiles[0]
        for p in profiles:
            if not p.name:
                raise InvalidValueError(
                    f"{p!r} does not say of which diagnostic it is; set it by replace(name=...)"
                )
            if p.settings != first.settings:
                raise InvalidValueError(
                    f"the profiles of {p.name} and of {first.name} were not taken at the same "
                    "settings; give those of the same shots, in the same order"
                )
        binned = [p.rebin(twin.diagnostic(p.name), background=background) for p in profiles]
        return cls(
            first.settings,
            {p.name: p.values for p in binned},
            sigma or {},
            {p.name: p.mask for p in binned},
            [p.name for p in binned],
        )

    def __len__(self) -> int:
        """Number of shots."""
        return len(self.settings)

    def shots(self, which: Sequence[int]) -> Measurements:
        """Some of the shots, which are counted from 0."""
        if not isinstance(which, Iterable) or isinstance(which, (str, bytes, Mapping)):
            raise wrong("which", which, "a list of numbers of shots")
        rows = [*which] if getattr(which, "ndim", 1) else []
        for row in rows:
            if not is_whole(row) or not -len(self) <= row < len(self):
                raise wrong("each entry of which", row, f"one of the {len(self)} shots, from 0")
        if not rows:
            raise wrong("which", which, "a list of numbers of shots, one at least")
        sigma = {
            n: s[rows] if np.ndim(s) == self.readings[n].ndim and len(s) == len(self) else s
            for n, s in self.sigma.items()
        }
        return Measurements(
            [self.settings[i] for i in rows],
            {n: r[rows] for n, r in self.readings.items()},
            sigma,
            {n: m[rows] for n, m in self.used.items()},
            self.scaled,
        )

    def totals(self, name: str) -> Array:
        """Sums over what counts of the reading of that name, one a shot; one where nothing does."""
        return self._sums(name, self.readings[name])

    def in_scale(self, name: str, predicted: Array) -> Array:
        """Readings of a name as predicted, (shots, *shape), in the scale of those measured."""
        if name not in self.scaled:
            return predicted
        scale = self.totals(name) / self._sums(name, predicted)
        return predicted * scale.reshape(-1, *[1] * (predicted.ndim - 1))

    def _sums(self, name: str, values: Array) -> Array:
        used = self.used[name].reshape(len(self), -1)
        sums = np.where(used, values.reshape(len(self), -1), 0.0).sum(1)
        return np.where(used.any(1), sums, 1.0)

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
                    f"diagnostic {shape}; bring them onto its axis first (Profiles.rebin)"
                )
            sigma = np.asarray(self.sigma.get(name, diagnostic.noise))
            if name in self.scaled and name not in self.sigma:
                sigma = sigma * self.totals(name).reshape(-1, *[1] * len(shape))
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


def _settings(shot: int, row: Any) -> dict[str, float]:
    if not isinstance(row, Mapping):
        raise InvalidValueError(f"the settings of shot {shot} must be a dict, got {row!r}")
    found = {}
    for name, value in row.items():
        try:
            found[str(name)] = float(value)
        except (TypeError, ValueError) as error:
            raise InvalidValueError(
                f"shot {shot}: {name} must be a number, got {value!r}"
            ) from error
    return found


def _numbers(what: str, given: Any) -> Array:
    try:
        return np.asarray(given, dtype=float)
    except (TypeError, ValueError) as error:
        raise InvalidValueError(f"{what} must be an array of numbers: {error}") from error


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

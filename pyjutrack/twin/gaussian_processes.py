"""Correction of a calibrated twin by a Gaussian process over the settings.

The data-poor alternative to learned fields: a few shots teach a smooth correction of the readings,
which fades to none, with the error that belongs to it, where nothing was measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.checks import require_whole
from ..core.errors import InvalidValueError
from ..core.storage import storable
from .calibration import Calibration
from .gaussian_data import places_of, residuals_of, scores_of
from .marginal_likelihood import fit_process
from .serialization import Saved

Array = NDArray[np.float64]
#: shots below which nothing can be said of how readings go with settings
_FEWEST = 4
#: singular values, beside the largest, below which residuals carry nothing
_NOTHING = 1e-12


@storable
@dataclass(frozen=True, eq=False)
class Component:
    """A Gaussian process for one principal component of the residuals.

    Attributes:
        direction: of the component, (M,) in units of the errors of the readings.
        scores: of the shots that train, (n,).
        noise: variance of each score by the errors of the readings, (n,).
        size: rms that the process expects of scores.
        lengths: of each setting, (D,), over which scores change, in units of `scale`.
    """

    direction: Array
    scores: Array
    noise: Array
    size: float
    lengths: Array

    def at(self, known: Array, place: Array) -> tuple[float, float]:
        """Mean and variance of the score at a place (D,), from shots at known places (n, D).

        Source: C. Rasmussen, C. Williams, Gaussian Processes for Machine Learning, algorithm 2.1.
        """
        from scipy.linalg import cho_solve, cholesky, solve_triangular  # late: a moment to load

        factor = cholesky(self.kernel(known, known) + np.diag(self.noise), lower=True)
        near = self.kernel(known, place[None])[:, 0]
        mean = near @ cho_solve((factor, True), self.scores)
        explained = solve_triangular(factor, near, lower=True)
        return float(mean), float(max(self.size**2 - explained @ explained, 0.0))

    def kernel(self, a: Array, b: Array) -> Array:
        """Covariance of scores at places (n, D) and (m, D): a Gaussian of their distance."""
        apart = (a[:, None] - b[None]) / self.lengths
        return np.asarray(self.size**2 * np.exp(-0.5 * (apart * apart).sum(-1)))


@storable
@dataclass(frozen=True, eq=False)
class GaussianProcess(Saved):
    """A calibrated twin, and what it misses as a function of the settings.

    Made by `gaussian_process`.

    Attributes:
        calibration: what is corrected.
        settings: addresses of the settings that were varied, (D,).
        centre, scale: of each over the shots that train, mean and rms, (D,).
        units: rms error of each reading, all diagnostics in a row, (M,).
        places: of the shots that train, (n, D) in units of `scale` about `centre`.
        components: each by a process of its own.
    """

    calibration: Calibration
    settings: tuple[str, ...]
    centre: Array
    scale: Array
    units: Array
    places: Array
    components: tuple[Component, ...]

    def predict(self, settings: Mapping[str, float]) -> tuple[dict[str, Array], dict[str, Array]]:
        """Corrected readings at some settings, and their rms errors.

        The errors are those that the unknowns of the twin leave, and those of the correction; noise
        of a reading comes on top. Diagnostics that were not measured have no correction.

        Args:
            settings: address to value, those that were varied among them.

        Raises:
            InvalidValueError: as for `correction`; otherwise as for `Calibration.predict`.
        """
        correction, variance = self.correction(settings)
        readings, errors = self.calibration.predict(settings)
        for name, added in correction.items():
            readings[name] = readings[name] + added
            # without a posterior the errors of the unknowns are not known, and do not count
            errors[name] = np.sqrt(np.nan_to_num(errors[name]) ** 2 + variance[name])
        return readings, errors

    def correction(
        self, settings: Mapping[str, float]
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        """Correct the readings of the twin: the addition and its variance, by diagnostic.

        Args:
            settings: address to value, those that were varied among them.

        Raises:
            InvalidValueError: a setting that was varied is not given, or one is no finite number.
        """
        _check_settings(settings)
        for address in self.settings:
            if address not in settings:
                raise InvalidValueError(
                    f"the correction depends on {address}, which the settings do not have"
                )
        values = np.array([float(settings[a]) for a in self.settings])
        place = (values - self.centre) / self.scale
        mean, variance = np.zeros_like(self.units), np.zeros_like(self.units)
        for component in self.components:
            score, spread = component.at(self.places, place)
            mean += component.direction * score
            variance += component.direction**2 * spread
        return self._split_readings(self.units * mean), self._split_readings(
            self.units**2 * variance
        )

    def _split_readings(self, row: Array) -> dict[str, Array]:
        """Split a row of readings by diagnostic."""
        twin, found, at = self.calibration.twin, {}, 0
        for name in self.calibration.data.readings:
            shape = tuple(twin.diagnostic(name).shape)
            size = math.prod(shape)
            found[name] = row[at : at + size].reshape(shape)
            at += size
        return found


def gaussian_process(
    calibration: Calibration,
    *,
    settings: Sequence[str] | None = None,
    components: int | None = None,
    seed: int = 0,
) -> GaussianProcess:
    """Learn what a calibrated twin misses from the shots that trained it.

    Residuals, measured minus predicted in units of the errors, are cut into principal components;
    the score of each is a Gaussian process over the settings with mean zero, a Gaussian kernel and
    the noise that the errors make. Its size and lengths are those of the largest marginal
    likelihood, with weak priors on the lengths. What it does not know costs nothing: far from all
    shots the correction is zero, and its error that size.

    Args:
        calibration: how it was fitted. The shots held out stay out.
        settings: addresses on which the correction may depend; those that were varied if None.
        components: how many, at most, of those that the residuals have; those that stand out of
            the noise if None.
        seed: of the first lengths from which likelihoods are climbed.

    Raises:
        InvalidValueError: fewer than 4 shots that train, or no setting that varies among them; no
            calibration; no list of different addresses; a number of components below zero.
        UnknownNameError: a setting that the shots do not have.

    Sources: V. Marchenko, L. Pastur, Math. USSR Sb. 1 (1967) 457, for the largest singular value
    of noise; C. Hvarfner, E. Hellsten, L. Nardi, ICML 2024, for the priors on the lengths.
    """
    _check_choices(calibration, settings, components, seed)
    kept = [i for i in range(len(calibration.data)) if i not in calibration.held_out]
    if len(kept) < _FEWEST:
        raise InvalidValueError(
            f"a Gaussian process needs {_FEWEST} shots that train, and there are {len(kept)}; "
            "measure at more settings, or hold fewer out"
        )
    addresses, centre, scale, places = places_of(calibration, kept, settings)
    units, residuals, errors = residuals_of(calibration, kept)
    whole = np.where(np.isfinite(residuals), residuals, 0.0)
    _, values, directions = np.linalg.svd(whole, full_matrices=False)
    edge = math.sqrt(len(kept)) + math.sqrt(np.isfinite(residuals).mean() * len(units))
    wanted = int((values > edge).sum()) if components is None else int(components)
    count = min(wanted, int((values > _NOTHING * values[0]).sum()))
    axes = directions[:count]
    scores, noise = scores_of(residuals, errors, axes)
    found = tuple(
        Component(
            axes[k],
            scores[:, k],
            noise[:, k],
            *fit_process(places, scores[:, k], noise[:, k], int(seed)),
        )
        for k in range(count)
    )
    return GaussianProcess(calibration, addresses, centre, scale, units, places, found)


def _check_choices(calibration: Any, settings: Any, components: Any, seed: Any) -> None:
    """Raise for what `gaussian_process` cannot be asked."""
    if not isinstance(calibration, Calibration):
        raise InvalidValueError(
            "a Gaussian process corrects a Calibration, as `calibrate` returns it, and not a "
            f"{type(calibration).__name__}"
        )
    if settings is not None:
        if isinstance(settings, str) or not isinstance(settings, Sequence):
            raise InvalidValueError(
                f'settings must be a list of addresses such as ["q1.k1"], got {settings!r}'
            )
        for address in settings:
            if list(settings).count(address) > 1:
                raise InvalidValueError(f"setting {address!r} is named twice")
    if components is not None:
        require_whole("components", components)
    require_whole("seed", seed)


def _check_settings(settings: Any) -> None:
    """Raise unless these are addresses with finite numbers."""
    if not isinstance(settings, Mapping):
        raise InvalidValueError(
            f'settings must be a dict such as {{"q1.k1": 3.9}}, got {settings!r}; a correction has '
            "no values of its own for what was varied"
        )
    for address, value in settings.items():
        try:
            finite = math.isfinite(value)
        except (TypeError, ValueError):
            finite = False
        if not finite:
            raise InvalidValueError(f"setting {address!r} must be a finite number, got {value!r}")

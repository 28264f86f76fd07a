"""The posterior of a fit: Laplace's covariance, and what stays unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.storage import storable

Array = NDArray[np.float64]
#: singular values below this share of the largest determine nothing
_RANK = 1e-9
#: the share of a blind direction from which on a figure is not determined
_TOUCHED = 1e-6
#: entries of a direction that are worth naming
_NAMED = 0.2


@storable
@dataclass(frozen=True, eq=False)
class Posterior:
    """A Gaussian around the best fit.

    Attributes:
        covariance: (P, P), priors included; of what is determined, all but `blind`.
        blind: directions (D, P), of unit length in units of `scales`, that neither the data nor a
            prior determine.
        scales: (P,), in which the unknowns are of one size.
    """

    covariance: Array
    blind: Array
    scales: Array

    @property
    def sigma(self) -> Array:
        """rms of each unknown, (P,); infinite where a blind direction has a part of it."""
        return self.spread(np.eye(len(self.scales)))

    @property
    def correlation(self) -> Array:
        """Correlation of the unknowns, (P, P); NaN where they are not determined."""
        sigma = np.where(np.isfinite(self.sigma), self.sigma, np.nan)
        return np.asarray(self.covariance / np.outer(sigma, sigma))

    def spread(self, slopes: Array) -> Array:
        """rms (M,) of what has slopes (M, P) by the unknowns; infinite if it is not determined."""
        variance = ((slopes @ self.covariance) * slopes).sum(1)
        scaled = slopes * self.scales
        # what a blind direction moves, beside what all do
        lost = np.abs(scaled @ self.blind.T).max(1, initial=0.0)
        blind = lost > _TOUCHED * np.linalg.norm(scaled, axis=1)
        return np.where(blind, np.inf, np.sqrt(np.maximum(variance, 0.0)))


def laplace(slopes: Array, precision: Array) -> Posterior:
    """The posterior of a linear model with unit noise.

    Args:
        slopes: weighted Jacobian of the residuals (R, P).
        precision: of the priors, 1 / rms^2 (P,), zero where nothing is known.

    Source: C. Bishop, Pattern Recognition and Machine Learning, sec. 4.4; the Gauss-Newton form
    of the Hessian.
    """
    rows = np.concatenate([slopes, np.diag(np.sqrt(precision))])
    norms = np.sqrt((rows * rows).sum(0))
    scales = 1 / np.where(norms > 0, norms, 1.0)
    _, values, directions = np.linalg.svd(rows * scales, full_matrices=False)
    known = values > _RANK * max(values.max(initial=0.0), 1e-300)
    half = directions[known] / values[known, None] * scales
    return Posterior(half.T @ half, directions[~known], scales)


def describe_direction(direction: Array, labels: Sequence[str]) -> str:
    """Describe a direction by its largest entries with their labels."""
    unit = direction / np.abs(direction).max()
    # of entries alike the first comes first
    order = np.argsort(-np.abs(unit).round(6), kind="stable")
    kept = [i for i in order if abs(unit[i]) >= _NAMED][:6]
    sign = np.sign(unit[kept[0]])
    terms = [f"{sign * unit[i]:+.2g} {labels[i]}" for i in kept]
    return " ".join(terms).removeprefix("+")

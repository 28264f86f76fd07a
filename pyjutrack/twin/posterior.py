"""What is known of the unknowns after a fit: Laplace's covariance, and what stays unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
#: singular values below this share of the largest determine nothing
_RANK = 1e-9
#: entries of a direction that are worth naming
_NAMED = 0.2


@dataclass(frozen=True, eq=False)
class Posterior:
    """A Gaussian around the best fit.

    Attributes:
        covariance: (P, P), priors included; of directions that nothing determines it is infinite.
        blind: directions (D, P), of unit length in units of `scales`, that neither the data nor a
            prior determine.
        scales: (P,), in which the unknowns are of one size.
    """

    covariance: Array
    blind: Array
    scales: Array

    @property
    def sigma(self) -> Array:
        """rms of each unknown, (P,)."""
        return np.asarray(np.sqrt(np.diagonal(self.covariance)))


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
    covariance = half.T @ half
    blind = directions[~known]
    for direction in blind:
        touched = np.abs(direction) > 1e-6
        covariance[touched, touched] = np.inf
    return Posterior(covariance, blind, scales)


def named(direction: Array, labels: Sequence[str]) -> str:
    """A direction in words: its largest entries with their labels."""
    unit = direction / np.abs(direction).max()
    order = np.argsort(-np.abs(unit), kind="stable")
    kept = [i for i in order if abs(unit[i]) >= _NAMED][:6]
    sign = np.sign(unit[kept[0]])
    terms = [f"{sign * unit[i]:+.2g} {labels[i]}" for i in kept]
    return " ".join(terms).removeprefix("+")

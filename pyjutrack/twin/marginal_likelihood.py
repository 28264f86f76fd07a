"""The size and the lengths of a Gaussian process, of the largest marginal likelihood."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..core.errors import InvalidValueError

Array = NDArray[np.float64]
#: searches from different first lengths
_SEARCHES = 4
#: shortest length, in units of the rms of a setting: at zero there is no likelihood
_SHORTEST = 1e-3
#: logarithm of what is as good as infinite, beside the rms of the scores or of a setting
_FAR = 10.0


def fit_process(places: Array, scores: Array, noise: Array, seed: int) -> tuple[float, Array]:
    """Fit size and lengths (D,) of a process to scores (n,) at places (n, D), with variances.

    Raises:
        InvalidValueError: no search has a finite likelihood at its end.

    Source: C. Rasmussen, C. Williams, Gaussian Processes for Machine Learning, eq. 5.8 and 5.9.
    """
    from scipy.linalg import LinAlgError, cho_factor, cho_solve  # late: a moment to load
    from scipy.optimize import minimize

    apart = (places[:, None] - places[None]) ** 2
    dimensions = places.shape[1]
    usual = math.sqrt(2) + math.log(dimensions) / 2

    def against(logs: Array) -> tuple[float, Array]:
        """Minus the logarithm of the likelihood and of the priors, and its slopes by the logs."""
        squares = apart / np.exp(2 * logs[1:])
        kernel = np.exp(2 * logs[0] - 0.5 * squares.sum(-1))
        try:
            factor, lower = cho_factor(kernel + np.diag(noise), lower=True)
        except LinAlgError:
            return math.inf, np.zeros_like(logs)  # a step too long
        solved = cho_solve((factor, lower), scores)
        off = (logs[1:] - usual) / 3
        value = scores @ solved / 2 + np.log(np.diagonal(factor)).sum()
        value += (logs[1:] + 1.5 * off**2).sum()
        rest = cho_solve((factor, lower), np.eye(len(scores))) - np.outer(solved, solved)
        by_kernel = rest * kernel
        by_lengths = 0.5 * np.einsum("ij,ijd->d", by_kernel, squares)
        return float(value), np.append(by_kernel.sum(), by_lengths + 1 + off)

    size = 0.5 * math.log(max(float((scores * scores).mean()), 1e-6))
    bounds = [(size - _FAR, size + _FAR), *[(math.log(_SHORTEST), _FAR)] * dimensions]
    draw = np.random.default_rng(seed)
    firsts = [np.append(size, draw.uniform(0.0, 2.0, dimensions)) for _ in range(_SEARCHES)]
    ends = [minimize(against, f, jac=True, method="L-BFGS-B", bounds=bounds) for f in firsts]
    best = min(ends, key=lambda end: end.fun if math.isfinite(end.fun) else math.inf)
    if not math.isfinite(best.fun):
        raise InvalidValueError(
            "no Gaussian process fits the scores of a component of the residuals; take fewer "
            "components, or measure at more settings"
        )
    return math.exp(best.x[0]), np.exp(best.x[1:])

"""The search for the largest marginal likelihood of a Gaussian process."""

from __future__ import annotations

import math

import numpy as np
from scipy.stats import lognorm, multivariate_normal

from pyjutrack.twin.marginal_likelihood import fit_process as process_of


def test_the_likelihood_is_at_a_maximum() -> None:
    draw = np.random.default_rng(4)
    places = draw.uniform(-2, 2, (25, 2))
    noise = draw.uniform(0.5, 1.5, 25)
    scores = 8 * np.sin(1.5 * places[:, 0]) + np.sqrt(noise) * draw.standard_normal(25)
    size, lengths = process_of(places, scores, noise, seed=0)
    again, same = process_of(places, scores, noise, seed=0)
    assert (size, *lengths) == (again, *same)
    assert lengths[1] > 3 * lengths[0]  # nothing goes with the second setting

    def evidence(logs: np.ndarray) -> float:
        apart = (places[:, None] - places[None]) / np.exp(logs[1:])
        covariance = np.exp(2 * logs[0] - 0.5 * (apart**2).sum(-1)) + np.diag(noise)
        prior = lognorm(math.sqrt(3), scale=math.exp(math.sqrt(2) + math.log(2) / 2))
        return (
            multivariate_normal(cov=covariance).logpdf(scores)
            + prior.logpdf(np.exp(logs[1:])).sum()
        )

    best = np.log([size, *lengths])
    for step in 0.05 * np.concatenate([np.eye(3), -np.eye(3)]):
        assert evidence(best + step) < evidence(best) + 1e-3


def test_a_step_to_lengths_of_zero_ends_no_search() -> None:
    """Of these scores one search steps so far that a length would vanish, were it not bounded."""
    draw = np.random.default_rng(20)
    places, scores = draw.standard_normal((7, 2)), 4 * draw.standard_normal(7)
    size, lengths = process_of(places, scores, np.ones(7), seed=0)
    assert np.isfinite(size)
    assert (lengths > 1e-2).all()

"""Descent by slopes, a point at a time, against scipy's L-BFGS-B and closed forms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize, rosen, rosen_der

from pyjutrack.xopt.descent import Seen, descend

Array = NDArray[np.float64]


def follow(
    value: Callable[[Array], float], slopes: Callable[[Array], Array], start: Array, most: int = 500
) -> list[Seen]:
    """What a search saw, to its end."""
    search = descend(start, 0.1, 10, 1e-12)
    seen: list[Seen] = []
    point = next(search)
    while True:
        assert ((point >= 0) & (point <= 1)).all()
        seen.append(Seen(point, value(point), slopes(point)))
        assert len(seen) < most
        try:
            point = search.send(seen[-1])
        except StopIteration:
            return seen


def least(seen: list[Seen]) -> Seen:
    return min(seen, key=lambda one: one.value)


@pytest.mark.parametrize("upper", [2.0, 0.7])
@pytest.mark.parametrize("count", [2, 10])
def test_a_bent_valley_as_scipy_finds_it(count: int, upper: float) -> None:
    """Rosenbrock's function, whose minimum is within the bounds, or outside of them."""
    low, span = -1.5, upper + 1.5

    def at(point: Array) -> Array:
        return low + span * point

    start = np.full(count, 0.2)
    seen = follow(lambda u: rosen(at(u)), lambda u: span * rosen_der(at(u)), start)
    theirs = minimize(
        rosen,
        at(start),
        jac=rosen_der,
        method="L-BFGS-B",
        bounds=[(low, upper)] * count,
        options={"ftol": 1e-15, "gtol": 1e-10},
    )
    np.testing.assert_allclose(at(least(seen).point), theirs.x, atol=1e-5)
    assert len(seen) < max(60, 2.5 * theirs.nfev)


def test_a_quadratic_form_whose_minimum_is_on_the_bounds() -> None:
    """Without coupling it is the free minimum, cut off at the bounds."""
    free, stiff = np.array([1.4, 0.3, -0.2, 0.9]), np.array([1.0, 40.0, 5.0, 300.0])
    seen = follow(
        lambda u: float(stiff @ (u - free) ** 2), lambda u: 2 * stiff * (u - free), np.full(4, 0.5)
    )
    np.testing.assert_allclose(least(seen).point, np.clip(free, 0, 1), atol=1e-6)


def test_a_point_that_fails_is_a_step_too_far() -> None:
    """The value is no number beyond 0.62, just beyond the minimum at 0.6."""

    def value(u: Array) -> float:
        return float(np.sum((u - 0.6) ** 2)) if u.max() < 0.62 else np.nan

    seen = follow(value, lambda u: 2 * (u - 0.6), np.array([0.0, 0.1]))
    assert any(np.isnan(one.value) for one in seen)
    np.testing.assert_allclose(least([s for s in seen if s.is_finite]).point, 0.6, atol=1e-6)


def test_a_search_ends_where_it_starts_at_the_minimum_or_fails() -> None:
    flat = follow(lambda u: 1.0, lambda u: np.zeros(2), np.full(2, 0.5))
    cornered = follow(lambda u: float(u.sum()), lambda u: np.ones(2), np.zeros(2))
    failed = follow(lambda u: np.nan, lambda u: np.ones(2), np.zeros(2))
    assert len(flat) == len(cornered) == len(failed) == 1


def test_slopes_that_are_wrong_end_it() -> None:
    """Uphill in truth, so that no step along them is low enough."""
    seen = follow(lambda u: float(u @ u), lambda u: -2 * u, np.full(2, 0.5))
    assert least(seen).value == 0.5

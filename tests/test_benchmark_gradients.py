"""The public benchmark of gradients: what it asks of codes, and ours, that others are held to."""

from __future__ import annotations

import importlib

import numpy as np
import pytest

from benchmarks.case_gradients import CODES
from benchmarks.gradients import code_pyjutrack, figures


def test_every_way_is_of_a_figure() -> None:
    for code in CODES:
        ways = importlib.import_module(f"benchmarks.gradients.code_{code}").WAYS
        assert ways
        assert set(ways) <= set(figures.TITLES)


def test_differences_are_slopes() -> None:
    def value(knobs: figures.Array) -> figures.Array:
        return np.array([knobs[0] ** 2, knobs[0] * knobs[1]])

    found, slopes = figures.by_differences(value, np.array([3.0, 2.0]))
    np.testing.assert_allclose(found, [9.0, 6.0])
    np.testing.assert_allclose(slopes, [[6.0, 0.0], [2.0, 3.0]], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("figure", ["size", "tunes"])
def test_our_ways_agree(figure: str) -> None:
    found = [make()() for way, make in code_pyjutrack.WAYS[figure].items() if "julia" not in way]
    for value, slopes in found:
        assert value.ndim == 1
        assert slopes.shape == (len(value), 288 if figure == "tunes" else len(figures.AT))
        np.testing.assert_allclose(slopes, found[0][1], rtol=1e-9)

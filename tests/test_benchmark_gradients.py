"""The public benchmark of gradients: what it asks of codes, and ours, that others are held to."""

from __future__ import annotations

import importlib
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import pytest

from benchmarks import case_gradients, gradients
from benchmarks.case_gradients import CODES
from benchmarks.gradients import code_pyjutrack, figures


def test_every_way_is_of_a_figure() -> None:
    for code in CODES:
        ways = importlib.import_module(f"benchmarks.gradients.code_{code}").WAYS
        assert ways
        assert set(ways) <= set(figures.TITLES)
    assert CODES[0] == "pyjutrack"


@pytest.mark.parametrize("code", sorted(set(CODES) - {"jutrack"}))
def test_every_code_states_its_version(code: str) -> None:
    module = importlib.import_module(f"benchmarks.gradients.code_{code}")
    try:
        found = module.versions()
    except PackageNotFoundError as error:
        pytest.skip(f"needs {error.name}")
    assert found
    assert all(found.values())


def measured(name: str, **others: object) -> dict[str, object]:
    """What a process of a code says."""
    found = {"value": [1.0], "gradient": [[2.0]], "first": 1.0, "seconds": [0.1], "memory": 0}
    return found | {"versions": {name: "1.2"}} | others


def test_a_code_is_added_by_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "code_newcomer.py").write_text("WAYS = {'size': {'exact': None}}\n")
    with monkeypatch.context() as patch:
        patch.setattr(gradients, "__path__", [*gradients.__path__, str(tmp_path)])
        assert "newcomer" in importlib.reload(case_gradients).CODES
        patch.setattr(case_gradients, "CODES", ["pyjutrack", "newcomer"])
        patch.setattr(case_gradients, "_measure", lambda code, *_: measured(code))
        table = case_gradients.run(1, 1, 1)
    importlib.reload(case_gradients)
    assert "size: newcomer, exact" in [row.name for row in table.rows]
    assert "one core each; pyjutrack 1.2, newcomer 1.2" in table.remarks


def test_a_code_that_fails_says_how_and_leaves_the_rest() -> None:
    found = case_gradients._measure("pyjutrack", "size", "by guessing", 1)
    assert found == {"missing": "ended with 1: KeyError: 'by guessing'"}


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

"""The benchmarks run: with few particles, once, whatever stands beside ours."""

from __future__ import annotations

import importlib

import pytest

from benchmarks.__main__ import _USUAL


@pytest.mark.slow
@pytest.mark.parametrize("name", _USUAL)
def test_a_case_runs(name: str) -> None:
    table = importlib.import_module(f"benchmarks.case_{name}").run(500, 1, 1)
    assert len(table.rows) >= 2

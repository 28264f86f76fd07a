"""The benchmarks run: with few particles, once, whatever stands beside ours."""

from __future__ import annotations

import importlib

import pytest

from benchmarks import bunch as bunches
from benchmarks import bunch_kick, case_effects, effects_space_charge
from benchmarks.__main__ import _USUAL


@pytest.mark.slow
@pytest.mark.parametrize("name", _USUAL)
def test_a_case_runs(name: str) -> None:
    table = importlib.import_module(f"benchmarks.case_{name}").run(500, 1, 1)
    assert len(table.rows) >= 2


@pytest.mark.slow
def test_effects_run() -> None:
    few = effects_space_charge.Sizes((2000,), 2**13, (0.2,), 16)
    sizes = case_effects.Sizes((20_000,), few, (1, 20), (1000, 1, 100_000))
    table = case_effects.table(sizes, 1, 1)
    assert len(table.rows) >= 4


@pytest.mark.parametrize("slices", [False, True])
def test_the_grid_that_a_search_finds_is_the_least(slices: bool) -> None:
    """Ours alone, which every machine has; its kicks there are those of the closed form."""
    ours, length = bunch_kick.Ours(slices), bunches.LONG if slices else bunches.SHORT
    sample, known = bunches.bunch(2**14, length), {}
    found = bunch_kick.cheapest(ours, sample, slices, 0.05, 1, known)
    assert found is not None
    nodes, error = found
    assert error == known[nodes] <= 0.05
    kicks = ours.make(sample, nodes, 1).kicks
    assert bunches.error(kicks, sample.exact(slices)) == pytest.approx(error, rel=1e-9)
    fewer = [other for other, off in known.items() if off > 0.05]
    assert all(other[0] < nodes[0] or other[2] < nodes[2] for other in fewer)

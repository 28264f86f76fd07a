"""The benchmarks run: with few particles, once, whatever stands beside ours."""

from __future__ import annotations

import importlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from benchmarks import bunch as bunches
from benchmarks import bunch_kick, case_space_charge, page
from benchmarks.__main__ import _USUAL, CASES
from benchmarks.in_short import LINES

FEW = case_space_charge.Sizes((2000,), 2**13, (0.2,), 16)
#: what `table` of a case of collective effects takes before rounds and threads
EFFECTS: list[tuple[str, tuple[Any, ...]]] = [
    ("space_charge", (FEW,)),
    ("wakes", ((20_000,),)),
    ("beam_beam", ((20_000,),)),
    ("radiation", ((1, 20),)),
    ("together", (1000, 1, 100_000)),
]


def test_every_case_that_can_be_asked_for_is_there() -> None:
    for name in CASES:
        assert callable(importlib.import_module(f"benchmarks.case_{name}").run)


@pytest.mark.slow
@pytest.mark.parametrize("name", _USUAL)
def test_a_case_runs(name: str) -> None:
    table = importlib.import_module(f"benchmarks.case_{name}").run(500, 1, 1)
    assert len(table.rows) >= 2


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("name", "sizes"), EFFECTS, ids=[name for name, _ in EFFECTS])
def test_effects_run(name: str, sizes: tuple[Any, ...], threads: int) -> None:
    """With two threads Xsuite compiles, which it cannot where two packages are, as here."""
    table = importlib.import_module(f"benchmarks.case_{name}").table(*sizes, 1, threads)
    assert len(table.rows) >= 2 or table.remarks[0].startswith("skipped")
    text = page.page({"machine": {}, "cases": [asdict(table)]})
    assert "What the tables of collective effects compare" in text


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


def test_what_is_said_in_short_is_in_the_tables() -> None:
    page = (Path(__file__).parents[1] / "docs" / "performance.md").read_text()
    short = page[page.index("## In short") : page.index("## The machine")]
    for line in LINES:
        row = next(row for row in short.splitlines() if row.startswith(f"| {line.says} |"))
        table = page[page.index(f"\n## {line.table}") :]
        said = next(r for r in table.splitlines() if r.startswith(f"| {line.row}")).split(" | ")
        assert float(row.split(" | ")[2].split()[0] if line.ratio else 1) == pytest.approx(
            float(said[3]) if line.ratio else 1, rel=0.06
        )

"""Writes docs/performance.md from what `python -m benchmarks --json FILE` measured.

`python -m benchmarks.page FILE ... [--docs docs]`: of several files the later tables stand.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import median
from typing import Any

from pyjutrack.core.atomic import write_text

from .in_short import in_short

_INTRO = """# Performance

Written by `python -m benchmarks.page` from `python -m benchmarks --json`; every number of a table
was measured in one run, peers beside pyjutrack in turns. Ratios are medians over the rounds
of the ratio within a round, times are medians (and the best) of a call.

{short}
## The machine

{machine}

## What is compared

What the tables do not hold: nothing here was run on a GPU. The plain PyTorch path that serves
devices makes no copy to the device, looks at no number in its loop, and launches 77 operations a
slice of a drift with space charge and 150 of a quadrupole (`tests/test_device_loop.py`); its speed
has not been measured.

What the comparisons with other codes mean:

- **xtrack's derivatives.** The table of linear optics has its gradient of tunes by differences,
  that of gradients its exact one as well, by its truncated power series (TPSA).
- **Cheetah's kick** solves for the field in three dimensions; ours in two, as the coasting beam
  asks. The ratio is that of what each code offers for this beam, not of equal work; kicks of a
  bunch in three dimensions by both stand with the collective effects and the gradients.
- **Gradients** are those of `benchmarks/gradients`, to which any code can be added. Every code
  there has a process of its own, so that rows are not in turns, and one core, as some packages have
  no more. Differences are central. Values and gradients of space charge differ by what each code's
  grid resolves; without it by the quadrupoles' model. JuTrack's gridless sum, whose walls stand
  where the particles do, is other work than a grid: its equal stands in the table of the engines.
{effects}"""

_EFFECTS = """
What the tables of collective effects compare:

- **Space charge of a bunch**: a round bunch at rest, and a long one by slices, both Gaussian, of
  even points. Every code has the cheapest grid on which its kicks are right to 1 % and to 0.3 %
  (rms over the particles, the worst direction) against the exact field, which the run itself
  searches, and next to it 64 nodes a side. Ours undoes the smoothing of grid and shape function,
  which the others' kicks have to second order in the cell; that is most of what it gains at equal
  errors, and none of it on equal grids. It then has less than two nodes a rms size, of which
  `track` warns: enough for a Gaussian, and not for what is finer. Points are even, so that the
  noise of random particles is in no error.
- **By slices** ours kicks delta too and has walls at 7 rms sizes, as a pipe does; the peers are in
  open space with their longitudinal kick off. ImpactX's "2.5D" and xfields' averaged solver solve
  one density for all slices, which is right for this bunch and not for one that is tilted.
- **ImpactX** runs in a process of its own, on one core, as its package has no OpenMP; the others
  have all cores, xfields whichever of its contexts and transforms is faster. **Cheetah**'s kicks
  are compared with the exact ones half a cell away, where it reads them: as they are, they would
  be off by 8 % on 64 nodes a side.
- **Wakes** are those of a resonator, on as many cells as xwakes has slices, against the integral
  over a Gaussian. **Radiation** acts on as many slices of as many magnets in both codes, which
  lose the same energy; beside our fluctuation stands xtrack's "quantum-kick", of the same kind.
- **All together**: the same ring, grids, places and numbers of kicks. The rows exist only where
  each effect changes momenta as the peer's does.
"""

_LIMITS = """
## Where the limits are

- A slice is one pass over the particles: kick, maps, admission to the box and deposit, on a block
  while it is in the first-level cache. It is limited by arithmetic and not by memory; the profile
  has the sum.
- The solver folds a density into four parities, each of these once more where cells are a multiple
  of four, and multiplies matrices: its cost grows with the third power of the cells a side, and
  passes that of the particles where cells are many. All modes, damped, cost a third more than half.
- Below some ten thousand particles a slice costs the calls around the kernels, about two tenths of
  a millisecond.
- `adjoint="reversible"` needs the memory of some fifteen beams, whatever the number of kicks;
  `"store"` needs that for every kick.
- One kick of a particle takes some 240 floating-point operations (80 to deposit, 160 to read) and
  66 bytes of memory. On one thread of a loaded machine a deposit took 4.1 to 5.0 ns and a reading
  5.3 to 6.8 ns, from 50 000 particles to a million: 16 to 30 Gflop/s where products of matrices of
  the solver reach 47, and 5.6 of the 8.5 GB/s of a copy at a million. A density of 128 x 128 cells
  is solved in 0.13 ms, 0.09 of it in these products.
- What was tried for the kick and left out, in ns a particle at 50 000 and a million. Particles
  sorted by cells: to deposit 6.4 for 4.1 and 6.2 for 5.0, as each sum waits for the store of the
  particle before; to read 5.8 for 5.3 and 5.6 for 6.8. Two grids a thread, for particles in turns:
  3.3 for 4.5 and 5.0 for 4.9 to deposit by itself. In a kick as tracking has it they were tried
  together with weights multiplied beforehand alone: 1.25 and 1.09 times slower, by the one, the
  other or both.
  A beam in single precision: 4.5 for 4.5 and 4.2 for 4.9 to deposit, 5.5 for 5.8 and 5.5 for 7.0
  to read, too little for the digits that are lost. Momenta in place: 5.2 for 5.3 and 6.4 for 6.8.
  Rows of four nodes fill vectors of 256 bits, of which this processor adds and multiplies two a
  cycle, or one of 512. Deposit and reading are fused where tracking has maps between two kicks; in
  one kick the field of all stands between them. All this is in processor time, from runs of their
  own.
- Networks run on one core a kick.
- A kick of a bunch on a grid that is right to 1 % is two passes for its extent, a deposit and a
  reading of 64 nodes a particle, and next to no transforms; on 64 nodes a side transforms are four
  fifths of it at 100 000 particles and a third at a million.
- Photons are drawn slice by slice, by calls from Python, which cost some tenths of a millisecond
  whatever the number of particles: below a few thousand they are all of the time.
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    args = parser.parse_args()
    found = _join([json.loads(file.read_text()) for file in args.files])
    text = page(found)
    picture = scaling(found["cases"], args.docs)
    if picture:
        text += f"\n![Cost against size, and fitted exponents]({picture})\n"
    write_text(args.docs / "performance.md", text)


def _join(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Join runs on one machine: of two tables of a name, the later one stands."""
    about = {k: v for k, v in runs[0]["machine"].items() if k != "date"}
    for run in runs:
        other = {k: v for k, v in run["machine"].items() if k not in ("date", "load")}
        if any(about[k] != v for k, v in other.items()):
            raise SystemExit("the runs are not of one machine with the same packages")
    dates = ", ".join(run["machine"]["date"] for run in runs)
    cases = {case["name"]: case for run in runs for case in run["cases"]}
    return {**runs[0], "machine": {"date": dates, **about}, "cases": [*cases.values()]}


def page(found: dict[str, Any]) -> str:
    """The page as Markdown."""
    about = found["machine"]
    machine = "\n".join(["| | |", "|---|---|", *(f"| {k} | {v} |" for k, v in about.items())])
    measured = any(case["name"].startswith("Collective effects") for case in found["cases"])
    short = in_short(found["cases"])
    intro = _INTRO.format(short=short, machine=machine, effects=_EFFECTS if measured else "")
    parts = [intro, *(_table(c) for c in found["cases"]), _LIMITS]
    return "\n".join(parts)


def _table(case: dict[str, Any]) -> str:
    lines = [f"## {case['name']}", "", f"Ratio: {case['ratio']}.", ""]
    lines += ["| | ms | best | ratio | asked | |", "|---|---|---|---|---|---|"]
    for row in case["rows"]:
        seconds = row["seconds"]["seconds"] if row["seconds"] else None
        times = [median(seconds), min(seconds)] if seconds else [None, None]
        cells = ["" if t is None else f"{1e3 * t:.3g}" for t in times]
        ratio = "" if row["measured"] is None else f"{row['measured']:.3g}"
        lines.append(
            f"| {row['name']} | {cells[0]} | {cells[1]} | {ratio} | {row['asked']} | "
            f"{row['note']} |"
        )
    return "\n".join([*lines, "", *(f"{remark}  " for remark in case["remarks"]), ""])


def scaling(cases: list[dict[str, Any]], docs: Path) -> str:
    """Draw the curves of the case "Scaling"; the name of the picture, or nothing."""
    rows = [row for case in cases if case["name"] == "Scaling" for row in case["rows"]]
    if not rows:
        return ""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    curves: dict[str, list[Any]] = {}
    for row in rows:
        kind, _, point = row["name"].partition(": ")
        curves.setdefault(kind, []).append((int(point.split()[0]), row))
    figure = Figure(figsize=(9, 6.5), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (kind, points) in zip(figure.subplots(2, 2).flat, curves.items(), strict=False):
        sizes = [size for size, _ in points]
        times = [min(row["seconds"]["seconds"]) for _, row in points]
        axes.loglog(sizes, times, "o-")
        if max(times) < 10 * min(times):  # noise must not fill the picture
            axes.set_ylim(min(times) / 4, 4 * max(times))
        note = next((row["note"] for _, row in points if row["note"]), "")
        note = note.replace("-0.00", "0.00")
        what, _, unit = kind.rpartition(", by ")
        axes.set_title(f"{what}\n{note}", fontsize="medium")
        axes.set_xlabel(unit)
        axes.set_ylabel("time [s]")
        axes.grid(alpha=0.3)
    figure.savefig(docs / "scaling.png", dpi=110)
    return "scaling.png"


if __name__ == "__main__":
    main()

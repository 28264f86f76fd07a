"""Two processes beside one: the paper's cell with a beam shared between ranks of MPI."""

from __future__ import annotations

import os
from statistics import median

from .clock import Samples
from .mpirun import run_ranks
from .report import Row, Table

#: so many that there is something to share, whatever the other cases take
PARTICLES = 1_000_000
RANKS = 2


def run(particles: int, repeats: int, threads: int) -> Table:
    del particles, threads
    cores = len(os.sched_getaffinity(0))
    if cores < RANKS:
        raise SystemExit(f"the case needs {RANKS} cores, and there are {cores}")
    found = run_ranks("ranks", RANKS, repeats)
    rows, remarks = [], []
    for what in ("track", "7 gradients, reverse"):
        one, two = (Samples(tuple(found[f"{what}, {n}"])) for n in ("one", "two"))
        alone, shared = (median(found[f"{what}, {n}, work"]) for n in ("one", "two"))
        rows += [
            Row(f"{what}: one process", one),
            Row(
                f"{what}: {RANKS} processes",
                two,
                one.over(two),
                ">= 1.8",
                f"of the shortest times: {one.min / two.min:.2f}",
            ),
        ]
        remarks.append(
            f"{what}, by clocks of processors: {alone * 1e3:.0f} ms, and {shared * 1e3:.0f} ms on "
            f"each rank without sums, {alone / shared:.2f} times less"
        )
    differs = f"coordinates differ by {found['difference']:.1e} of the largest"
    summed = f"sum of a density over the ranks: {found['sum'] * 1e3:.2f} ms, median"
    return Table(
        f"Ranks: the paper's cell, {PARTICLES} particles, 24 kicks, MPI, one thread a process",
        "time of one process / time of all together",
        rows,
        [*remarks, differs, summed],
    )

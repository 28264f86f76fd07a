"""What it costs to share a beam: a model of time, its constants here, and what it predicts.

One kick, and the maps to the next, of N particles on p ranks:

    T = a N / p + b + s,    s = L log2 p + V (p - 1) / B              one all-gather, or
                            s = L (p - 1 + log2 p) + 2 V (p - 1) / (p B)    an all-to-all before it

a: per particle; b: the field, which every rank solves for by itself; s: the sum of a density of V
bytes, with L to each message and B bytes a second, gathered whole while p V is short.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from pyjutrack.beam.communicator import SHORT

from .mpirun import run_ranks
from .rank_costs import NUMBERS
from .report import Row, Table

#: of the paper's cell
_KICKS = 24
#: in one process, by which a and b are told apart; the last is shared, too
_COUNTS = (50_000, 200_000, 1_000_000)
_RANKS = (2, 4)
#: bytes of the density of 128 x 128 cells
_DENSITY = 8 * 17_424
#: a usual network between nodes: 2 us a message, 100 Gb/s; not measured here
_NETWORK = (2e-6, 12.5e9)
_LARGE = 100_000_000
#: nodes, ranks on each, and threads of each
_CLUSTERS = ((1, 1, 64), (1, 64, 1), (16, 1, 64), (64, 1, 64), (64, 8, 8), (64, 64, 1))


@dataclass(frozen=True)
class Costs:
    """Constants of the model [s, s, s, bytes/s]."""

    a: float
    b: float
    latency: float
    bandwidth: float

    def work(self, particles: float, ranks: int) -> float:
        """Of one rank, for one kick [s]."""
        return self.a * particles / ranks + self.b

    def sum(self, ranks: int, size: int = _DENSITY) -> float:
        """Of one density over the ranks [s]; nothing for one."""
        messages, sent = _messages(ranks, size)
        return self.latency * messages + sent / self.bandwidth

    def efficiency(self, particles: float, ranks: int) -> float:
        """Time of one process over that of all ranks together."""
        total = self.work(particles, ranks) + self.sum(ranks)
        return self.work(particles, 1) / total / ranks


def run(particles: int, repeats: int, threads: int) -> Table:
    del particles, threads
    alone = run_ranks("rank_costs", 1, repeats, *_COUNTS)["work"]
    shared = {ranks: run_ranks("rank_costs", ranks, repeats, _COUNTS[-1]) for ranks in _RANKS}
    a, b = np.polyfit(_COUNTS, [alone[str(n)] / _KICKS for n in _COUNTS], 1)
    sums = [shared[2]["sums"][str(n)] for n in NUMBERS]
    terms = np.array([_messages(2, 8 * n) for n in NUMBERS])
    latency, slowness = np.linalg.lstsq(terms, np.array(sums), rcond=None)[0]
    here = Costs(float(a), float(b), float(latency), 1 / float(slowness))
    rows = [
        Row(
            f"{ranks} ranks, own work",
            None,
            found["work"][str(_COUNTS[-1])] / _KICKS / here.work(_COUNTS[-1], ranks),
            "1",
            f"{found['work'][str(_COUNTS[-1])] / _KICKS * 1e3:.2f} ms a kick, predicted "
            f"{here.work(_COUNTS[-1], ranks) * 1e3:.2f}",
        )
        for ranks, found in shared.items()
    ]
    rows += [
        Row(
            f"{ranks} ranks, sum of {size} numbers",
            None,
            found["sums"][str(size)] / here.sum(ranks, 8 * size),
            "",
            f"{found['sums'][str(size)] * 1e3:.3f} ms, predicted "
            f"{here.sum(ranks, 8 * size) * 1e3:.3f}",
        )
        for ranks, found in shared.items()
        for size in NUMBERS
    ]
    remarks = [
        f"a = {here.a * 1e9:.1f} ns a particle, b = {here.b * 1e3:.2f} ms, "
        f"L = {here.latency * 1e6:.0f} us, B = {here.bandwidth / 1e9:.2f} GB/s",
        *(
            f"{count} particles on {ranks} ranks here: {here.efficiency(count, ranks):.2f} of ideal"
            for count in (100_000, 1_000_000, 10_000_000)
            for ranks in (2, 4)
        ),
        *_predict(Costs(here.a, here.b, *_NETWORK)),
    ]
    return Table(
        f"Costs of ranks: the paper's cell, {_COUNTS[-1]} particles, MPI, one thread a process",
        "measured / predicted by the model, of clocks of processors for work",
        rows,
        remarks,
    )


def _messages(ranks: int, size: int) -> tuple[float, float]:
    """One after another for a sum, and the bytes that a rank sends."""
    if ranks * size <= SHORT:
        return math.log2(ranks), size * (ranks - 1)
    return ranks - 1 + math.log2(ranks), 2 * size * (1 - 1 / ranks)


def _predict(costs: Costs) -> list[str]:
    """What the model says of many particles on nodes of 64 cores, if threads share work evenly."""
    found = []
    for nodes, ranks, threads in _CLUSTERS:
        of_one = dataclasses.replace(costs, a=costs.a / threads)
        all_ranks = nodes * ranks
        own, total = of_one.work(_LARGE, all_ranks), costs.sum(all_ranks)
        found.append(
            f"{_LARGE:.0e} particles, {nodes} nodes x {ranks} ranks x {threads} threads: "
            f"{(own + total) * 1e3:.2f} ms a kick (particles {(own - costs.b) * 1e3:.2f}, field "
            f"{costs.b * 1e3:.2f}, sum {total * 1e3:.2f}), "
            f"{costs.work(_LARGE, 1) / (own + total) / all_ranks / threads:.2f} of ideal"
        )
    return found

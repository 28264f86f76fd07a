"""One rank of the jobs that `case_rank_costs` measures; run by it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median

import torch

import pyjutrack as pj
from pyjutrack.distributed import Communicator, job, shard

from .ranks import time_call
from .setup import paper_cell
from .timed_ranks import TimedRanks, time_ranks

#: of a sum alone
_SUMS = 50
#: numbers in the sums that are timed: little but messages, and densities of 128^2 and 512^2 cells
NUMBERS = (1_000, 17_424, 270_400)


def main() -> None:
    out, repeats, *counts = Path(sys.argv[1]), *map(int, sys.argv[2:])
    torch.set_num_threads(1)
    with job(timeout=600.0) as world:
        found = measure(*time_ranks(world), repeats, counts)
    if world.rank == 0:
        out.write_text(json.dumps(found))


def measure(
    world: Communicator, clock: TimedRanks, repeats: int, counts: list[int]
) -> dict[str, dict[str, float]]:
    """Seconds of own work to track so many particles in all, and of sums of so many numbers."""
    work = {}
    for count in counts:
        setup = paper_cell(count)
        part = shard(setup.beam, world)

        def track(beam: pj.Beam, setup=setup) -> pj.Beam:
            return pj.track(setup.lattice, beam, effects=[setup.kick])

        runs = [world.gather(time_call(track, part, world, clock)[1]) for _ in range(repeats + 1)]
        work[str(count)] = median(max(each) for each in runs[1:])  # after compilation
    sums = {}
    for count in NUMBERS:
        numbers = torch.rand(count, dtype=torch.float64)
        times = [time_call(world.sum, numbers, world, clock)[0] for _ in range(_SUMS)]
        sums[str(count)] = sorted(times)[_SUMS // 10]  # where nothing else ran
    return {"work": work, "sums": sums}


if __name__ == "__main__":
    main()

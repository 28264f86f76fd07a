"""One rank of the job that `case_ranks` measures; run by it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time

import torch

import pyjutrack as pj
from pyjutrack.distributed import Communicator, gather, job, shard

from .case_ranks import PARTICLES
from .clock import no_collection
from .setup import KNOBS, paper_cell
from .timed_ranks import TimedRanks, time_ranks

#: of the sum of a density alone
_SUMS = 200


def main() -> None:
    out, repeats = Path(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(1)
    with job(timeout=600.0) as world:
        found = measure(*time_ranks(world), repeats)
    if world.rank == 0:
        out.write_text(json.dumps(found))


def measure(world: Communicator, clock: TimedRanks, repeats: int) -> dict[str, object]:
    """Seconds, of one process while the others wait, and of all together, in turns."""
    setup = paper_cell(PARTICLES)
    whole, effects = setup.beam, [setup.kick]
    part = shard(whole, world)
    growth = pj.observables.emittance_growth("x")

    def track(beam: pj.Beam) -> pj.Beam:
        return pj.track(setup.lattice, beam, effects=effects)

    def gradient(beam: pj.Beam) -> object:
        return pj.gradient(growth, setup.lattice, beam, wrt=KNOBS, effects=effects)

    found: dict[str, object] = {}
    for what, call in (("track", track), ("7 gradients, reverse", gradient)):
        alone, together = [], []
        for n in range(repeats + 1):
            nothing = (0.0, 0.0)
            one = time_call(call, whole, world, clock) if world.rank == 0 else wait(world, nothing)
            all_of_them = world.gather(time_call(call, part, world, clock))
            if n > 0:  # after compilation
                alone.append(one)
                together.append([max(times) for times in zip(*all_of_them, strict=True)])
        for n, times in (("one", alone), ("two", together)):
            found[f"{what}, {n}"], found[f"{what}, {n}, work"] = zip(*times, strict=True)
    shared = gather(track(part)).coordinates
    if world.rank == 0:
        exact = track(whole).coordinates
        found["difference"] = float((shared - exact).abs().max() / exact.abs().max())
    density = torch.rand(setup.kick.potential.mesh.grid.padded_shape, dtype=torch.float64)
    sums = sorted(time_call(world.sum, density, world, clock)[0] for _ in range(_SUMS))
    found["sum"] = sums[_SUMS // 2]
    return found


def time_call(
    call: Callable[..., object], thing: object, world: Communicator, clock: TimedRanks
) -> tuple[float, float]:
    """Seconds of a call from when all ranks are there, and those of work of this rank's own.

    That is by its clock of the processor, less what it spends in sending and waiting.
    """
    with no_collection():
        world.barrier()
        wall, work = perf_counter(), process_time() - clock.work
        call(thing)
        return perf_counter() - wall, process_time() - clock.work - work


def wait(world: Communicator, nothing: tuple[float, float]) -> tuple[float, float]:
    """Wait until rank 0 is done with its own work."""
    world.barrier()
    return nothing


if __name__ == "__main__":
    main()

"""One rank of the job that `case_ranks` measures; run by it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from time import perf_counter

import torch

import pyjutrack as pj
from pyjutrack.distributed import Communicator, gather, job, shard

from .case_ranks import PARTICLES
from .clock import no_collection
from .setup import KNOBS, paper_cell

#: of the sum of a density alone
_SUMS = 200


def main() -> None:
    folder, out, repeats = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    with job(init_method=(folder / "meeting").as_uri()) as world:
        found = measure(world, repeats)
    if world.rank == 0:
        out.write_text(json.dumps(found))


def measure(world: Communicator, repeats: int) -> dict[str, object]:
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
        one, two = [], []
        for n in range(repeats + 1):
            alone = time_call(call, whole, world) if world.rank == 0 else wait(world)
            together = time_call(call, part, world)
            if n > 0:  # after compilation
                one.append(alone)
                two.append(together)
        found[f"{what}, one"], found[f"{what}, two"] = one, two
    shared = gather(track(part)).coordinates
    if world.rank == 0:
        exact = track(whole).coordinates
        found["difference"] = float((shared - exact).abs().max() / exact.abs().max())
    density = torch.rand(setup.kick.potential.mesh.grid.padded_shape, dtype=torch.float64)
    sums = sorted(time_call(world.sum, density) for _ in range(_SUMS))
    found["sum"] = sums[_SUMS // 2]
    return found


def time_call(call, thing, world: Communicator | None = None) -> float:
    """Seconds of a call; with a world, from when all ranks are there."""
    with no_collection():
        if world is not None:
            meet(world)
        start = perf_counter()
        call(thing)
        return perf_counter() - start


def wait(world: Communicator) -> float:
    """Wait until rank 0 is done with its own work."""
    meet(world)
    return 0.0


def meet(world: Communicator) -> None:
    world.sum(torch.zeros(1))


if __name__ == "__main__":
    main()

"""Peak memory and time of one gradient by weights; run by `case_learning` in its own process."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace

import torch

from .child import Watch
from .learned import LEARNED
from .setup import paper_cell


def main() -> None:
    name = sys.argv[1]
    particles, turns, threads = map(int, sys.argv[2:5])
    torch.set_num_threads(threads)
    setup = paper_cell(particles)
    learned = LEARNED[name](setup)
    few = setup.beam.replace(coordinates=setup.beam.coordinates[:100], alive=None)
    # few particles bring all code and no arrays into memory
    learned.gradient(replace(setup, beam=few), 1, "reversible")
    learned.track(setup, learned.weights, 1)
    start = time.perf_counter()
    learned.track(setup, learned.weights, turns)
    plain = time.perf_counter() - start
    with Watch() as watch:
        start = time.perf_counter()
        learned.gradient(setup, turns, "reversible")
        seconds = time.perf_counter() - start
    out = {"plain": plain, "seconds": seconds, "peak": watch.peak - watch.before}
    print(json.dumps({**out, "resident": watch.peak}))


if __name__ == "__main__":
    main()

"""A rank that comes to an end in the midst of a tracking; run by each rank of a job."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from time import monotonic

from shared_study import CELL, KICK, by_sockets, whole_beam

import pyjutrack as pj
from pyjutrack.distributed import job

#: of a stopped rank, for the others [s]
PATIENCE = 4.0


class Fatal(pj.CollectiveEffect):
    """A kick that is the end of rank 1, at its tenth call."""

    max_step = 0.05

    def __init__(self, how: str) -> None:
        self.how, self.left = how, 10

    def field(self, beam, state, place, memory):
        self.left -= 1
        if beam.world.rank != 1 or self.left:
            return None
        print(f"ends at {monotonic()}", flush=True)
        if self.how == "raise":
            raise ValueError("the roof is leaking")
        if self.how == "leave":
            sys.exit()
        os.kill(os.getpid(), signal.SIGKILL if self.how == "kill" else signal.SIGSTOP)

    def apply(self, state, field, place):
        return state


def main() -> None:
    folder, how = Path(sys.argv[1]), sys.argv[2]
    if "sockets" in sys.argv:
        by_sockets()
    meeting = (folder / "meeting").absolute().as_uri()
    try:
        with job(init_method=meeting, patience=PATIENCE) as world:
            beam = whole_beam(world)
            pj.track(CELL, beam, effects=[KICK])  # compiled, loaded
            if how == "early" and world.rank == 1:
                print(f"ends at {monotonic()}", flush=True)
                return
            pj.track(CELL, beam, effects=[KICK, Fatal(how)])
    finally:
        print(f"over at {monotonic()}", flush=True)


if __name__ == "__main__":
    main()

"""Ranks that come to an end in the midst of a tracking: of MPI, or all forked by one process."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from time import monotonic

from shared_study import CELL, KICK, whole_beam

import pyjutrack as pj
from pyjutrack.distributed import job

#: for a rank that does not come [s]
TIMEOUT = 4.0
#: after which a rank that hangs is killed [s]
LIMIT = 120


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
        os.kill(os.getpid(), signal.SIGKILL if self.how == "kill" else signal.SIGSTOP)

    def apply(self, state, field, place):
        return state


def be(how: str, **meeting: str) -> None:
    """Be one of the ranks of a job that ends so."""
    pj.track(CELL, whole_beam(), effects=[KICK])  # compiled, loaded
    try:
        with job(timeout=TIMEOUT, **meeting) as world:
            beam = whole_beam(world)
            if how == "early" and world.rank == 1:
                print(f"ends at {monotonic()}", flush=True)
                return
            pj.track(CELL, beam, effects=[KICK, Fatal(how)])
    finally:
        print(f"over at {monotonic()}", flush=True)


def fork(rank: int, how: str, folder: Path) -> int:
    """The process of one rank, which writes what it says to a file, and ends as any script does."""
    process = os.fork()
    if process:
        return process
    signal.alarm(LIMIT)
    write_to(folder / f"{rank}.txt")
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2"}
    be(how, init_method=(folder / "meeting").absolute().as_uri())
    sys.exit()


def write_to(file: Path) -> None:
    """Have all that this process says go to a file."""
    said = os.open(file, os.O_WRONLY | os.O_CREAT)
    os.dup2(said, 1)
    os.dup2(said, 2)


def main() -> None:
    """Be one of MPI's ranks, or all of two ranks for each end, which do little but wait.

    Those print their exit codes.
    """
    folder, *ends = sys.argv[1:]
    if "OMPI_COMM_WORLD_RANK" in os.environ:
        write_to(Path(folder, f"{os.environ['OMPI_COMM_WORLD_RANK']}.txt"))
        be(*ends)
        return
    ranks = {}
    for how in ends:
        own = Path(folder, how)
        own.mkdir()
        ranks[how] = [fork(rank, how, own) for rank in range(2)]
    codes = {}
    for how, (survivor, other) in ranks.items():
        first = os.waitpid(survivor, 0)[1]
        if how == "stop":
            os.kill(other, signal.SIGKILL)  # as a launcher does
        codes[how] = [*map(os.waitstatus_to_exitcode, (first, os.waitpid(other, 0)[1]))]
    print(json.dumps(codes))


if __name__ == "__main__":
    main()

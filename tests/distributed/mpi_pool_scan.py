"""A scan on the workers of mpi4py.futures, the ranks of MPI but for the first; run by a test."""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path

from mpi4py import MPI
from mpi4py.futures import MPICommExecutor

import pyjutrack as pj


def square(log: str, point: int) -> int:
    """The square of a number, with a note of every call and its rank; an error at one of them."""
    time.sleep(0.002)
    with Path(log).open("a") as file:
        file.write(f"{point} {MPI.COMM_WORLD.rank}\n")
    if point == 7:
        raise ValueError("seven is not allowed")
    return point**2


def main() -> None:
    store, log = sys.argv[1:]
    with MPICommExecutor(MPI.COMM_WORLD, root=0) as pool:
        if pool is not None:
            pj.distributed.scan(partial(square, log), range(200), executor=pool, store=store)


if __name__ == "__main__":
    main()

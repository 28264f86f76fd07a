"""A scan on a Dask cluster of two workers, which is killed halfway or not; run by a test."""

from __future__ import annotations

import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

from distributed import Client, LocalCluster

import pyjutrack as pj

POINTS = range(200)


def square(log: str, point: int) -> int:
    """The square of a number, with a note of every call; an error at one of them."""
    time.sleep(0.01)
    with Path(log).open("a") as file:  # short lines, each written whole
        file.write(f"{point}\n")
    if point == 7:
        raise ValueError("seven is not allowed")
    return point**2


def kill_at(store: str, count: int) -> None:
    """Kill this process, the scan's and the scheduler's, once so many points are kept."""
    while not Path(store).exists() or Path(store).read_text().count("\n") < 1 + count:
        time.sleep(0.005)
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    store, log, count = sys.argv[1:]
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        if int(count):
            from threading import Thread

            Thread(target=kill_at, args=(store, int(count)), daemon=True).start()
        pj.distributed.scan(
            partial(square, log), POINTS, executor=client.get_executor(pure=False), store=store
        )


if __name__ == "__main__":
    main()

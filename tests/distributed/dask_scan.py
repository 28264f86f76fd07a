"""Scans on a Dask cluster of two workers; run by tests.

One of 200 points, which is killed halfway or not; one of equal points; one whose worker is killed.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Thread

from dask import config
from distributed import Client, LocalCluster

import pyjutrack as pj

POINTS = range(200)


@dataclass(frozen=True)
class Log:
    """Where calls are noted: no JSON, and so no part of what a scan is."""

    path: str


def square(log: Log, point: int) -> int:
    """The square of a number, with a note of every call; an error at one of them."""
    time.sleep(0.01)
    with Path(log.path).open("a") as file:  # short lines, each written whole
        file.write(f"{point} {os.getpid()}\n")
    if point == 7:
        raise ValueError("seven is not allowed")
    return point**2


def kill_at(store: str, count: int) -> None:
    """Kill this process, the scan's and the scheduler's, once so many points are kept."""
    while not Path(store).exists() or Path(store).read_text().count("\n") < 1 + count:
        time.sleep(0.005)
    os.kill(os.getpid(), signal.SIGKILL)


def draw(point: int) -> float:
    """Another number in every call."""
    return random.random()


def end_worker(point: int) -> int:
    """The point, and the end of the worker at one of them."""
    if point == 3:
        time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGKILL)
    return point


def scan_and_kill(client: Client, store: str, log: str, count: str) -> None:
    if int(count):
        Thread(target=kill_at, args=(store, int(count)), daemon=True).start()
    scan = partial(pj.distributed.scan, partial(square, Log(log)), POINTS, store=store)
    print(os.getpid(), len(scan(executor=client.get_executor())))


def scan_with_faults(client: Client, store: str) -> None:
    """Print what two scans of equal points found, and what a killed worker raises."""
    scan = partial(pj.distributed.scan, draw, [1] * 3)
    found = [scan(executor=client.get_executor()) for _ in range(2)]
    print(json.dumps([outcome.value for outcomes in found for outcome in outcomes]))
    try:
        pj.distributed.scan(end_worker, range(6), store=store, executor=client.get_executor())
    except pj.errors.ScanError as error:
        print(error)


def main() -> None:
    study, *arguments = sys.argv[1:]
    with (
        config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        globals()[study](client, *arguments)


if __name__ == "__main__":
    main()

"""Long jobs with a file to go on from; as a script, some of them, stopped while they write."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
from twin_cases import measured, scan, small

import pyjutrack as pj
from pyjutrack.core import atomic
from pyjutrack.twin import Unknown, calibrate

#: the write that is stopped: others came before it
STOPPED = 3
#: by what
HOW = (signal.SIGKILL, signal.SIGINT)
#: after which a job that hangs is killed, and what a process takes to start at most [s]
LIMIT, START = 300, 60


def calibration(path: Path | None) -> np.ndarray:
    hidden = small(effects=(), unknowns=[Unknown("q1.k1", value=0.4)])
    data = measured(hidden, scan(3))
    wanted = [Unknown("q1.k1", prior=1.0), Unknown("q2.dx", prior=1e-3)]
    options: dict[str, Any] = {"method": "adam", "max_steps": 6, "held_out": 0, "rate": 0.01}
    return calibrate(small(effects=()), data, wanted, checkpoint=path, **options).values


def training(path: Path | None) -> np.ndarray:
    pj.surrogate.training.fit.SAVE_EVERY = 1
    recipe = pj.surrogate.Recipe(channels=(4, 8), shape=(32, 32), samples=4, batch=2, steps=6)
    weights = pj.surrogate.train(recipe, checkpoint=path).network.weights
    return np.concatenate([weights[k].numpy().reshape(-1) for k in sorted(weights)])


def study(path: Path | None) -> np.ndarray:
    return np.array([o.value for o in pj.distributed.scan(square, range(6), store=path)])


def square(point: int) -> int:
    if os.environ.get("STOP") and point == STOPPED:
        os.kill(os.getpid(), int(os.environ["STOP"]))
    return point**2


JOBS = {"calibrate": calibration, "train": training, "study": study}


def stop(job: str, path: Path, how: signal.Signals) -> None:
    """Run a job and stop it by a signal, before a file takes its place."""
    flush, count = atomic._flush, 0
    os.environ["STOP"] = str(int(how))

    def stopped(written: Path) -> None:
        nonlocal count
        flush(written)
        count += 1
        if count == STOPPED:
            os.kill(os.getpid(), how)

    atomic._flush = stopped
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.alarm(LIMIT)
    JOBS[job](path)


def main(folder: str, *names: str) -> None:
    """Stop jobs, such as "train-SIGINT", each in a folder of its own.

    One is stopped in this process, and its threads with it. Of several each is in a fork, which has
    one thread, and the exit codes are printed.
    """
    codes = {}
    for name in names:
        own = Path(folder, name)
        own.mkdir()
        process = os.fork() if len(names) > 1 else 0
        if not process:
            os.dup2(os.open(f"{own}.txt", os.O_WRONLY | os.O_CREAT), 2)
            job, how = name.split("-")
            stop(job, own / "state", signal.Signals[how])
            sys.exit()
        codes[name] = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    print(json.dumps(codes))


if __name__ == "__main__":
    main(*sys.argv[1:])

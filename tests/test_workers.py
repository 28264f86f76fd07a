"""Threads of kernels: all parts are done, once, whoever does them, and errors come out."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch

from pyjutrack.kernels import parallel, workers
from pyjutrack.kernels.workers import Worker


def counted(part: int, start: int, stop: int, marks: np.ndarray) -> None:
    marks[start:stop] += 1


@pytest.mark.parametrize("share", [1, 2, 3, 5])
def test_every_part_is_done_once(share: int) -> None:
    marks = np.zeros(1000, int)
    for _ in range(200):
        parallel.run(counted, 1000, share, marks)
    assert (marks == 200).all()


def test_sleepers_wake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_SPINS", 10)
    worker, marks = Worker(), np.zeros(10, int)
    for n in range(20):
        if n % 3 == 0:
            time.sleep(0.01)
        worker.give(counted, (1, 0, 10, marks))
        time.sleep(0.002 * (n % 2))
        assert worker.finish() is None
    assert (marks == 20).all()


def test_a_task_that_no_worker_has_taken_is_done_by_the_caller() -> None:
    worker, marks = Worker(), np.zeros(10, int)
    for _ in range(500):
        worker.give(counted, (1, 0, 10, marks))
        worker.finish()
    assert (marks == 500).all()


@pytest.mark.parametrize("part", [0, 1])
def test_errors_come_out_and_leave_the_workers_usable(part: int) -> None:
    def broken(number: int, start: int, stop: int, marks: np.ndarray) -> None:
        if number == part:
            time.sleep(0.01)
            raise ValueError(f"part {number}")
        marks[start:stop] += 1

    marks = np.zeros(100, int)
    with pytest.raises(ValueError, match=f"part {part}"):
        parallel.run(broken, 100, 2, marks)
    parallel.run(counted, 100, 2, marks)
    assert marks.sum() == 150


def test_two_threads_of_python_at_once() -> None:
    totals = [np.zeros(400, int) for _ in range(4)]

    def many(marks: np.ndarray) -> None:
        for _ in range(100):
            parallel.run(counted, 400, 2, marks)

    threads = [threading.Thread(target=many, args=(marks,)) for marks in totals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all((marks == 100).all() for marks in totals)


def test_a_process_ends_and_forks_with_workers_about() -> None:
    program = (
        "import os, numpy as np\n"
        "from pyjutrack.kernels import parallel\n"
        "def one(part, start, stop, marks): marks[start:stop] += 1\n"
        "marks = np.zeros(100, int)\n"
        "parallel.run(one, 100, 2, marks)\n"
        "child = os.fork()\n"
        "parallel.run(one, 100, 2, marks)\n"
        "assert (marks == 2).all()\n"
        "if child == 0: os._exit(0)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
    )
    if not hasattr(__import__("os"), "fork"):
        pytest.skip("this system has no fork")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()


def test_the_number_of_threads_is_pytorchs() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        with parallel.cores():
            assert torch.get_num_threads() == 1
            assert parallel.parts(10**6) == 3
            assert parallel.parts(10) == 1
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)

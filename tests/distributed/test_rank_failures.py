"""A rank that dies ends the job of all: soon, and with an error that says which and why."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from time import monotonic

import launch
import pytest
from launch import Ended
from rank_failures import TIMEOUT

#: what rank 0 says of rank 1, and within how many seconds of its end. A connection breaks at once;
#: the rest is time to find out which it was
ENDS = {
    "kill": (r"rank 1 has not come any more \(.*\): dead, stopped", 6.0),
    "raise": (r"rank 1 has stopped with ValueError: the roof is leaking", 6.0),
    "early": (r"rank 1 has finished already", 6.0),
    "stop": (r"rank 1 has not come within [\d.]+ s: dead, stopped", TIMEOUT + 6.0),
}
#: on a machine with other work to do
LENIENCE = 10.0
#: of a killed rank, to the end of all others by mpirun [s]
BY_MPIRUN = 10.0


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Ended]]:
    """Survivor and other rank of each job."""
    folder = tmp_path_factory.mktemp("ends")
    (forks,) = launch.finish(launch.start("rank_failures.py", 1, folder, *ENDS), limit=200)
    assert forks.code == 0, forks.said
    return {
        how: [
            Ended(code, (folder / how / f"{rank}.txt").read_text())
            for rank, code in enumerate(codes)
        ]
        for how, codes in json.loads(forks.said).items()
    }


def time_from_end(said: str, until: float) -> float:
    (end,) = re.findall(r"ends at ([\d.]+)", said)
    return until - float(end)


@pytest.mark.parametrize("how", ENDS)
def test_the_others_hear_of_it(jobs: dict[str, list[Ended]], how: str) -> None:
    survivor, other = jobs[how]
    said, limit = ENDS[how]
    assert survivor.code == 1, survivor.said
    assert re.search(rf"RankError: {said}", survivor.said), survivor.said
    (over,) = re.findall(r"over at ([\d.]+)", survivor.said)
    assert time_from_end(other.said, float(over)) < limit + LENIENCE


def test_each_ended_as_it_was_meant_to(jobs: dict[str, list[Ended]]) -> None:
    codes = {how: ended[1].code for how, ended in jobs.items()}
    killed = -signal.SIGKILL
    assert codes == {"kill": killed, "raise": 1, "early": 1, "stop": killed}
    assert "RankError: rank 1 has finished already" in jobs["early"][1].said


@launch.needs_mpi
@pytest.mark.parametrize(("how", "ranks"), [("raise", 4), ("early", 2), ("stop", 4)])
def test_ranks_of_mpi_hear_of_it(tmp_path: Path, how: str, ranks: int) -> None:
    """All of them, and mpirun ends, with an error, soon after the last."""
    ended = launch.run_by_mpi("rank_failures.py", ranks, str(tmp_path), how, limit=200)
    stopped = monotonic()
    assert ended.code not in (0, None), ended.said
    expected, limit = ENDS[how]
    said = [(tmp_path / f"{rank}.txt").read_text() for rank in range(ranks)]
    for rank in {*range(ranks)} - {1}:
        assert re.search(rf"RankError: {expected}", said[rank]), said[rank]
    assert time_from_end(said[1], stopped) < limit + BY_MPIRUN + LENIENCE


@launch.needs_mpi
@pytest.mark.parametrize("ranks", [2, 4])
def test_mpirun_ends_all_when_one_is_killed_and_says_which(tmp_path: Path, ranks: int) -> None:
    ended = launch.run_by_mpi("rank_failures.py", ranks, str(tmp_path), "kill", limit=200)
    stopped = monotonic()
    assert ended.code not in (0, None), ended.said
    assert re.search(r"rank 1 .*signal\s+9", ended.said, re.S), ended.said
    assert time_from_end((tmp_path / "1.txt").read_text(), stopped) < BY_MPIRUN

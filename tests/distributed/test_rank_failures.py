"""A rank that dies ends the job of all: soon, and with an error that says which and why."""

from __future__ import annotations

import json
import re
import signal

import launch
import pytest
from launch import Ended
from rank_failures import PATIENCE

#: what rank 0 says of rank 1, and within how many seconds of its end. A connection breaks at once;
#: the rest is time to find out which it was
ENDS = {
    "kill": (r"rank 1 has given no sign of life", 6.0),
    "raise": (r"rank 1 has stopped with ValueError: the roof is leaking", 6.0),
    "early": (r"rank 1 has finished already", 6.0),
    "stop": (r"rank 1 has given no sign of life for [\d.]+ s: it, or its machine", PATIENCE + 6.0),
}
#: what sees a rank's end when the ranks add up by sockets, and not on a board
ENDS |= {f"{how} sockets": ENDS[how] for how in ("kill", "stop")}
#: on a machine with other work to do
LENIENCE = 10.0


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Ended]]:
    """Survivor and other rank of each job."""
    folder = tmp_path_factory.mktemp("ends")
    (forks,) = launch.finish(launch.start("rank_failures.py", 1, folder, *ENDS), limit=200)
    assert forks.code == 0, forks.said
    return {
        how: [
            Ended(code, (folder / how.replace(" ", "-") / f"{rank}.txt").read_text())
            for rank, code in enumerate(codes)
        ]
        for how, codes in json.loads(forks.said).items()
    }


@pytest.mark.parametrize("how", ENDS)
def test_the_others_hear_of_it(jobs: dict[str, list[Ended]], how: str) -> None:
    survivor, other = jobs[how]
    said, limit = ENDS[how]
    assert survivor.code == 1, survivor.said
    assert re.search(rf"RankError: {said}", survivor.said), survivor.said
    (end,) = re.findall(r"ends at ([\d.]+)", other.said)
    (over,) = re.findall(r"over at ([\d.]+)", survivor.said)
    assert float(over) - float(end) < limit + LENIENCE


def test_each_ended_as_it_was_meant_to(jobs: dict[str, list[Ended]]) -> None:
    codes = {how: ended[1].code for how, ended in jobs.items()}
    killed = -signal.SIGKILL
    assert codes == {
        "kill": killed,
        "raise": 1,
        "early": 0,
        "stop": killed,
        "kill sockets": killed,
        "stop sockets": killed,
    }

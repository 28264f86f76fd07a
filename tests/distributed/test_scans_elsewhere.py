"""Scans on executors of other packages: Dask's and mpi4py's."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import launch
import pytest

HERE = Path(__file__).parent
needs_dask = pytest.mark.skipif(find_spec("distributed") is None, reason="needs Dask's distributed")
POINTS = 200


def kept(store: Path) -> dict[int, dict]:
    """What a file of a scan holds, by point; each point stands once."""
    _, *lines = map(json.loads, store.read_text().splitlines())
    found = {line["point"]: line for line in lines}
    assert len(found) == len(lines)
    return found


def check_whole(store: Path) -> None:
    found = kept(store)
    assert found.keys() == {*range(POINTS)}
    assert found[7]["error"] == "ValueError: seven is not allowed"
    assert all(found[n]["value"] == n**2 for n in range(POINTS) if n != 7)


def scan_by_dask(study: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a study of `dask_scan.py`."""
    command = [sys.executable, str(HERE / "dask_scan.py"), study, *map(str, arguments)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=300)


def calls(log: Path) -> tuple[list[int], set[int]]:
    """The points of all calls, and the processes in which they were."""
    lines = [tuple(map(int, line.split())) for line in log.read_text().splitlines()]
    return [point for point, _ in lines], {process for _, process in lines}


@needs_dask
def test_a_scan_on_a_dask_cluster_is_killed_halfway_and_resumed(tmp_path: Path) -> None:
    """No point is lost, and none that is kept is run again; twice run are those in flight."""
    store, log, again = (tmp_path / name for name in ("scan.jsonl", "first", "again"))
    first = scan_by_dask("scan_and_kill", store, log, POINTS // 2)
    assert first.returncode == -signal.SIGKILL
    done = kept_whole(store.read_bytes())
    assert POINTS // 2 <= len(done) < POINTS
    before, workers = calls(log)
    assert len(before) == len(set(before))  # once each, of the first run
    assert done <= set(before)
    assert len(workers) == 2
    second = scan_by_dask("scan_and_kill", store, again, 0)
    assert second.returncode == 0
    process, count = map(int, second.stdout.split())
    assert count == POINTS
    check_whole(store)
    after, workers = calls(again)
    assert sorted(after) == sorted({*range(POINTS)} - done)
    assert len(workers - {process}) == 2
    in_flight = {*before} - done
    print(f"run twice, in flight at the kill: {len(in_flight)}")
    assert len(in_flight) <= POINTS // 4


@needs_dask
def test_equal_points_are_calls_of_their_own_and_a_killed_worker_is_an_error(
    tmp_path: Path,
) -> None:
    """Dask takes equal calls for one, and gives up a call whose workers die."""
    store = tmp_path / "scan.jsonl"
    done = scan_by_dask("scan_with_faults", store)
    assert done.returncode == 0
    drawn, error = done.stdout.splitlines()
    assert len(set(json.loads(drawn))) == 6
    assert error.startswith("the executor broke: KilledWorker")
    found = kept(store)
    assert found
    assert 3 not in found
    assert all(line["value"] == point for point, line in found.items())


def kept_whole(text: bytes) -> set[int]:
    """Points whose lines were written whole."""
    lines = text[: text.rfind(b"\n")].splitlines()[1:]
    return {json.loads(line)["point"] for line in lines}


@launch.needs_mpi
def test_a_scan_on_the_pool_of_mpi4py(tmp_path: Path) -> None:
    """Two workers and the rank that asks; points on both, and those of a file not again."""
    store, log = tmp_path / "scan.jsonl", tmp_path / "log"
    for _ in range(2):  # the second time from the file
        ended = launch.run_by_mpi("mpi_pool_scan.py", 3, str(store), str(log))
        assert ended.code == 0, ended.said
        check_whole(store)
        lines = [line.split() for line in log.read_text().splitlines()]
        assert sorted(int(point) for point, _ in lines) == [*range(POINTS)]
        assert {rank for _, rank in lines} == {"1", "2"}

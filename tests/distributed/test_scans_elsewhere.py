"""Scans on executors of other packages: Dask's and mpi4py's."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import launch
import pytest

HERE = Path(__file__).parent
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


def test_a_scan_on_a_dask_cluster_is_killed_halfway_and_resumed(tmp_path: Path) -> None:
    """No point is lost, and none that is kept is run again."""
    pytest.importorskip("distributed", reason="needs Dask's distributed")
    store, log, again = (tmp_path / name for name in ("scan.jsonl", "first", "again"))
    command = [sys.executable, str(HERE / "dask_scan.py"), str(store)]
    first = subprocess.run([*command, str(log), "100"], check=False, timeout=300)
    assert first.returncode == -signal.SIGKILL
    before = store.read_text().count("\n") - 1
    assert POINTS // 2 <= before < POINTS
    text = store.read_bytes()
    done = kept_whole(text)
    subprocess.run([*command, str(again), "0"], check=True, timeout=300)
    check_whole(store)
    calls = [int(line) for line in again.read_text().split()]
    assert sorted(calls) == sorted({*range(POINTS)} - done)
    assert done <= {int(line) for line in log.read_text().split()}


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

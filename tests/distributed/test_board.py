"""The memory in which the ranks of one machine add up: sums, turns, and lost ranks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from pyjutrack.distributed import SERIAL
from pyjutrack.distributed import shared_memory as module
from pyjutrack.distributed.shared_memory import Board

pytestmark = pytest.mark.skipif(not Path(module._FOLDER).is_dir(), reason="no shared memory here")

RANKS = 3
#: of float64 in a piece
PIECE = module._PIECE // 8
HOLDER = """
import sys, time
from pyjutrack.distributed.shared_memory import Board
board = Board(sys.argv[1], 1, 2, 60.0)
print("here", flush=True)
time.sleep(60)
"""


def patient(complete) -> None:
    assert complete(30.0)


def boards(size: int, timeout: float = 60.0) -> list[Board]:
    name = module._new(size)
    assert name is not None
    try:
        return [Board(name, rank, size, timeout) for rank in range(size)]
    finally:
        Path(name).unlink()


def reduced(parts: list[torch.Tensor], how: str, times: int = 1) -> list[torch.Tensor]:
    """What each rank has of so many reductions: of its part, of twice its part, and so on."""
    held = boards(len(parts))

    def rank(hold: Board, part: torch.Tensor) -> torch.Tensor:
        totals = []
        for turn in range(times):
            total = part * (1 + turn)
            hold.reduce(total, how, patient)
            totals.append(total)
        return torch.stack(totals)

    with ThreadPoolExecutor(len(parts)) as pool:
        found = list(pool.map(rank, held, parts))
    for hold in held:
        hold.close()
    return found


@pytest.mark.parametrize("shape", [(), (0,), (1,), (37, 41), (PIECE,), (2 * PIECE + 5,)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.int64, torch.uint8])
def test_a_reduction_is_that_of_all_parts(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(3)
    parts = [(torch.rand(shape, generator=generator) * 50).to(dtype) for _ in range(RANKS)]
    expected = parts[0] + parts[1] + parts[2]  # in this order, bit by bit
    for total in reduced(parts, "sum"):
        assert torch.equal(total[0], expected)
    for largest in reduced(parts, "max"):
        assert torch.equal(largest[0], torch.stack(parts).amax(0))


def test_no_rank_runs_ahead_of_what_another_has_yet_to_read() -> None:
    """Parts of many turns, through both places in turns, each rank at its own pace."""
    parts = [torch.full((1000,), float(10**rank)) for rank in range(RANKS)]
    turns = torch.arange(1.0, 301.0)
    for totals in reduced(parts, "sum", times=len(turns)):
        assert torch.equal(totals, 111 * turns[:, None].expand_as(totals))


@pytest.fixture
def other() -> Iterator[tuple[Board, subprocess.Popen[bytes]]]:
    """A hold of a board whose other rank is a process that does nothing."""
    name = module._new(2)
    assert name is not None
    hold = Board(name, 0, 2, timeout=0.5)
    command = [sys.executable, "-c", HOLDER, name]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"here\n"
        yield hold, process
        process.kill()
    hold.close()
    Path(name).unlink()


def test_a_lost_rank_is_found(other: tuple[Board, subprocess.Popen[bytes]]) -> None:
    hold, process = other

    def impatient(complete) -> None:
        assert not complete(0.1)
        process.kill()
        while not complete(0.1):
            pass

    with pytest.raises(RuntimeError, match="rank 1 is gone"):
        hold.reduce(torch.ones(3), "sum", impatient)


def test_a_live_rank_that_does_not_come_is_not_waited_for_without_end(
    other: tuple[Board, subprocess.Popen[bytes]],
) -> None:
    def endless(complete) -> None:
        while not complete(0.1):
            pass

    with pytest.raises(RuntimeError, match=r"rank 1 has not come for 0\.5 s"):
        other[0].reduce(torch.ones(3), "sum", endless)


def test_without_such_memory_there_is_no_board(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(module, "_FOLDER", str(tmp_path / "none"))
    assert module.board(SERIAL, 60.0) is None

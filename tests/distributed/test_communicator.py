"""What a communicator makes of the collective calls that carry it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from thread_ranks import worlds

import pyjutrack as pj
from pyjutrack.beam import communicator
from pyjutrack.distributed import SERIAL, Communicator

RANKS = 3
#: of float64 that are exchanged in one call
SHORT = communicator.SHORT // 8


def on_all(call: Callable[[Communicator], Any], size: int = RANKS) -> list[Any]:
    """What each rank has of a call."""
    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(call, worlds(size)))


def drawn(shape: tuple[int, ...], dtype: torch.dtype) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return [(torch.rand(shape, generator=generator) * 50).to(dtype) for _ in range(RANKS)]


@pytest.mark.parametrize("shape", [(), (0,), (1,), (37, 41), (SHORT,), (2 * SHORT + 5,)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.int64, torch.uint8])
def test_parts_are_added_in_the_order_of_the_ranks(
    shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    parts = drawn(shape, dtype)
    expected = parts[0] + parts[1] + parts[2]  # in this order, bit by bit
    largest = torch.stack(parts).amax(0)
    for total, most in on_all(lambda w: (w.sum(parts[w.rank]), w.largest(parts[w.rank]))):
        assert torch.equal(total, expected)
        assert torch.equal(most, largest)


def test_another_order_would_be_another_number() -> None:
    """What the order decides is seen: 1 is less than half a digit of 1e16."""
    parts = [torch.full((2 * SHORT,), n, dtype=torch.float64) for n in (1e16, 1.0, -1e16)]
    assert parts[0][0] + parts[2][0] + parts[1][0] == 1.0
    for total in on_all(lambda w: w.sum(parts[w.rank])):
        assert (total == 0.0).all()


def test_a_part_that_is_a_view_is_left_as_it_is() -> None:
    whole = torch.arange(4.0 * SHORT, dtype=torch.float64).view(2, -1)
    for total in on_all(lambda w: w.sum(whole.T)):
        assert torch.equal(total, 3 * whole.T)
    assert torch.equal(whole.view(-1), torch.arange(4.0 * SHORT, dtype=torch.float64))


def test_messages_of_any_length_reach_all() -> None:
    def call(world: Communicator) -> tuple[Any, ...]:
        mine = {"rank": world.rank, "text": "x" * (10_000 * world.rank)}
        sent = [n**2 for n in range(RANKS)] if world.rank == 1 else None
        world.barrier()
        return world.broadcast(mine, root=2), world.gather(mine), world.scatter(sent, root=1)

    expected = [{"rank": n, "text": "x" * (10_000 * n)} for n in range(RANKS)]
    for rank, (last, all_of_them, own) in enumerate(on_all(call)):
        assert last == expected[2]
        assert all_of_them == expected
        assert own == rank**2


def test_alone_messages_are_what_was_given() -> None:
    thing = object()
    SERIAL.barrier()
    assert SERIAL.broadcast(thing) is thing
    assert SERIAL.gather(thing) == [thing]
    assert SERIAL.scatter([thing]) is thing


@pytest.mark.parametrize("given", [None, [], [1, 2], [1, 2, 3, 4]])
def test_one_thing_for_each_rank_or_an_error_on_all(given: list[int] | None) -> None:
    count = len(given or ())

    def call(world: Communicator) -> str:
        with pytest.raises(pj.errors.InvalidValueError) as said:
            world.scatter(given if world.rank == 0 else None)
        return str(said.value)

    expected = f"scatter needs a thing for each of {RANKS} ranks, got {count}"
    assert on_all(call) == [expected] * RANKS


@pytest.mark.parametrize("root", [-1, 1])
def test_a_root_is_a_rank(root: int) -> None:
    for call in (SERIAL.broadcast, SERIAL.scatter):
        with pytest.raises(pj.errors.InvalidValueError, match=f"from 0 to 0, got {root}"):
            call([0], root=root)


def test_a_fault_of_any_rank_is_raised_on_all_the_first_by_rank() -> None:
    def call(world: Communicator) -> str:
        with pytest.raises(pj.errors.InvalidValueError) as said:
            world.refuse(f"rank {world.rank}" if world.rank else None)
        return str(said.value)

    assert on_all(call) == ["rank 1"] * RANKS
    assert on_all(lambda w: w.refuse(None)) == [None] * RANKS

"""Memory of particles: taken again when nothing lies on it, never under what does."""

from __future__ import annotations

import gc
import resource
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack.kernels import memory
from pyjutrack.kernels.columns import multiply_fields
from pyjutrack.kernels.memory import allocate
from pyjutrack.maps.state import State
from pyjutrack.tracking.array_particles import ArrayParticles

REFERENCE = pj.Reference.from_kinetic("proton", 1e9)
DRIFT = pj.Lattice([pj.Drift(0.1)])
#: particles whose memory is kept
MANY = 30_000


def rows(count: int = MANY) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 1e-3, (count, 6))


@pytest.fixture(autouse=True)
def no_collection() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def test_memory_of_a_dropped_beam_is_taken_again():
    beam = pj.Beam(REFERENCE, rows())
    pj.track(DRIFT, beam)  # compiling holds on to what called it
    first = pj.track(DRIFT, beam)
    address, expected = first.coordinates.data_ptr(), first.numpy()
    del first
    second = pj.track(DRIFT, beam)
    assert second.coordinates.data_ptr() == address
    assert (second.numpy() == expected).all()


def test_no_beam_is_written_over():
    beam = pj.Beam(REFERENCE, rows())
    start, beams = beam.numpy(), [beam]
    for _ in range(5):
        beams.append(pj.track(DRIFT, beams[-1]))
    kept = [b.numpy() for b in beams]
    for _ in range(5):
        pj.track(DRIFT, beams[2])
    assert len({b.coordinates.data_ptr() for b in beams}) == len(beams)
    assert (beam.numpy() == start).all()
    for one, expected in zip(beams, kept, strict=True):
        assert (one.numpy() == expected).all()


@pytest.mark.parametrize(
    "hold",
    [
        lambda beam: beam.coordinates[:, 2],
        lambda beam: beam.coordinates.numpy()[5:, 1],
        lambda beam: beam.coordinates.detach(),
        lambda beam: torch.from_dlpack(beam.coordinates),
        lambda beam: beam.coordinates.untyped_storage(),
    ],
)
def test_what_is_held_of_a_beam_stays(hold):
    beam = pj.Beam(REFERENCE, rows())
    end = pj.track(DRIFT, beam)
    part = hold(end)
    storage = isinstance(part, torch.UntypedStorage)
    before = None if storage else np.asarray(part).copy()
    address = end.coordinates.data_ptr()
    del end
    after = [pj.track(pj.Lattice([pj.Drift(1.0)]), beam) for _ in range(4)]
    assert all(b.coordinates.data_ptr() != address for b in after)
    assert storage or (np.asarray(part) == before).all()


def test_memory_goes_to_its_size_alone():
    count = MANY + 1  # which no other test has
    one = allocate((6, count), np.float64)
    address = one.data_ptr()
    del one
    assert allocate((6, count + 1), np.float64).data_ptr() != address
    other = allocate((12, count), np.float32)
    assert other.data_ptr() == address
    assert (other.shape, other.dtype) == ((12, count), torch.float32)


def test_rows_and_columns_are_tracked_alike():
    given = rows()
    columns = pj.Beam(REFERENCE, given)
    by_rows = pj.Beam(REFERENCE, torch.from_numpy(given.copy()))
    assert columns.coordinates.stride() == (1, MANY)
    assert by_rows.coordinates.stride() == (6, 1)
    ends = [pj.track(DRIFT, beam, turns=3).numpy() for beam in (columns, by_rows)]
    assert (ends[0] == ends[1]).all()
    given[:] = 0.0
    assert columns.numpy().any()


def test_fields_of_many_settings_lie_apart():
    """Fields are large: memory of those before serves again, and never what is still held."""
    fields = torch.from_numpy(np.random.default_rng(2).normal(size=(40, 70, 70)))
    held = [multiply_fields(fields, factor) for factor in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)]
    for n, found in enumerate(held):
        assert torch.equal(found, (n + 1.0) * fields)


def test_other_threads_may_forget_first(monkeypatch: pytest.MonkeyPatch):
    """Between looking how much is kept and letting go of the oldest, all of it may be gone."""
    lent: deque[Any] = deque()

    class Memory:
        @property
        def size(self) -> int:
            lent.clear()
            return 2 * memory._KEPT

    lent.append((Memory(), lambda: lent))  # in use
    monkeypatch.setattr(memory, "_lent", lent)
    made = [allocate((2**17,), np.float64) for _ in range(2)]
    assert made[0].data_ptr() != made[1].data_ptr()


def test_memory_of_losses_is_there_before_kernels_mask_stores_to_it():
    """A masked store to a page that was never touched costs a hundred cycles, written or not."""
    count = 2_200_000  # so much that it comes fresh from the system
    zeros = torch.zeros(count, dtype=torch.float32)
    particles = ArrayParticles(State((zeros,) * 6, zeros == 0), 1.0, ArrayParticles, (0, 0))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for kept in (particles._turn, particles._op):
        kept[::512] = 0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < 10

"""Kept columns take the place of reconstructed ones where both are alike."""

import math

import pytest
import torch

from pyjutrack.elements.inverse import count_astray
from pyjutrack.kernels.columns import restore_columns
from pyjutrack.maps.state import State

SIZE = 30_000  # several blocks, on several threads
LIVE = torch.ones(SIZE, dtype=torch.bool)


def columns(dtype=torch.float64):
    generator = torch.Generator().manual_seed(1)
    return tuple(torch.randn(SIZE, generator=generator, dtype=dtype) for _ in range(6))


@pytest.mark.parametrize(("dtype", "share"), [(torch.float64, 1e-9), (torch.float32, 1e-4)])
def test_columns_that_are_alike_become_those_that_were_kept(dtype, share):
    kept = columns(dtype)
    found = tuple(c + share / 10 for c in kept)
    assert restore_columns(found, kept, LIVE, share)
    assert all(torch.equal(f, k) for f, k in zip(found, kept, strict=True))


@pytest.mark.parametrize("particle", [0, SIZE // 2 - 1, SIZE - 1])
@pytest.mark.parametrize("other", [1.0, math.nan, math.inf])
@pytest.mark.parametrize("column", range(6))
def test_one_number_that_is_not_alike_is_told_and_left(column, other, particle):
    kept = columns()
    found = tuple(c.clone() for c in kept)
    found[column][particle] += other
    assert not restore_columns(found, kept, LIVE, 1e-9)
    left = found[column][particle]
    assert torch.isnan(left) if math.isnan(other) else left == kept[column][particle] + other


def test_columns_between_others_are_read():
    kept = torch.stack(columns(), 1)
    found = tuple(c.contiguous() for c in kept.unbind(1))
    assert restore_columns(found, kept.unbind(1), LIVE, 1e-9)


@pytest.mark.parametrize("lost", [1e3, 1e9])
@pytest.mark.parametrize("particle", [0, SIZE // 2 - 8, SIZE - 8])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_lost_particle_gives_no_scale(dtype, particle, lost):
    """A live one is held against the others, however far away one of its block was lost."""
    share = torch.finfo(dtype).eps ** 0.375
    kept = tuple(1e-3 * c for c in columns(dtype))
    alive = LIVE.clone()
    alive[particle] = False
    for column in kept:
        column[particle] = lost
    found = tuple(c.clone() for c in kept)
    assert restore_columns(found, kept, alive, share)
    assert count_astray(found, tuple(c.clone() for c in kept), alive, share) == 0
    found[2][particle + 3] += 1e-2 * share
    assert not restore_columns(tuple(c.clone() for c in found), kept, alive, share)
    assert count_astray(found, kept, alive, share) == 1
    assert count_astray(found, kept, alive, share, State(kept, alive)) == 1


def test_what_lives_no_more_elsewhere_gives_no_scale():
    kept = tuple(1e-3 * c for c in columns())
    later = tuple(c.clone() for c in kept)
    later[0][8] = 1e9
    found = tuple(c.clone() for c in kept)
    found[0][11] += 1e-6
    left = LIVE.clone()
    assert count_astray(found, kept, LIVE, 1e-6, State(later, left)) == 0
    left[8] = False
    assert count_astray(found, kept, LIVE, 1e-6, State(later, left)) == 1


def test_the_few_that_live_are_held_against_themselves():
    """Most are lost and at the axis; the scale is that of those that live."""
    alive = torch.arange(SIZE) % 100 == 0
    kept = tuple(torch.where(alive, c, 0.0) for c in columns())
    found = tuple(c + 2e-10 for c in kept)
    assert count_astray(found, kept, alive, 1e-9) == 0
    assert restore_columns(found, kept, alive, 1e-9)
    assert all(torch.equal(f, k) for f, k in zip(found, kept, strict=True))


@pytest.mark.parametrize("lost", [1.0, math.nan, math.inf])
def test_what_is_lost_is_not_astray(lost):
    kept, alive = columns(), LIVE.clone()
    alive[:2000] = False
    found = tuple(c.clone() for c in kept)
    for column in found:
        column[:2000] += lost
    assert count_astray(found, kept, alive, 1e-9) == 0
    found[3][2000] += 1.0
    assert count_astray(found, kept, alive, 1e-9) == 1

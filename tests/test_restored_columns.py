"""Kept columns take the place of reconstructed ones where both are alike."""

import math

import pytest
import torch

from pyjutrack.kernels.columns import restore_columns

SIZE = 30_000  # several blocks, on several threads


def columns(dtype=torch.float64):
    generator = torch.Generator().manual_seed(1)
    return tuple(torch.randn(SIZE, generator=generator, dtype=dtype) for _ in range(6))


@pytest.mark.parametrize(("dtype", "share"), [(torch.float64, 1e-9), (torch.float32, 1e-4)])
def test_columns_that_are_alike_become_those_that_were_kept(dtype, share):
    kept = columns(dtype)
    found = tuple(c + share / 10 for c in kept)
    assert restore_columns(found, kept, share)
    assert all(torch.equal(f, k) for f, k in zip(found, kept, strict=True))


@pytest.mark.parametrize("particle", [0, SIZE // 2 - 1, SIZE - 1])
@pytest.mark.parametrize("other", [1.0, math.nan, math.inf])
@pytest.mark.parametrize("column", range(6))
def test_one_number_that_is_not_alike_is_told_and_left(column, other, particle):
    kept = columns()
    found = tuple(c.clone() for c in kept)
    found[column][particle] += other
    assert not restore_columns(found, kept, 1e-9)
    left = found[column][particle]
    assert torch.isnan(left) if math.isnan(other) else left == kept[column][particle] + other


def test_columns_between_others_are_read():
    kept = torch.stack(columns(), 1)
    found = tuple(c.contiguous() for c in kept.unbind(1))
    assert restore_columns(found, kept.unbind(1), 1e-9)

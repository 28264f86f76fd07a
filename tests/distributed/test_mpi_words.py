"""Tensors as words of MPI, however they lie in memory."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from pyjutrack.distributed.mpi import MPIRanks

ROW = torch.arange(1.0, 9.0, dtype=torch.float64)
CASES = {
    "one number out of two": ROW[:2][::2],
    "every other": ROW[::2],
    "a column": ROW.reshape(4, 2)[:, 1],
    "one by one": ROW.reshape(4, 2)[:1, :1],
    "none of every other": ROW[:0][::2],
    "the same again": ROW[:1].expand(4),
    "in single precision": ROW[:2].float()[::2],
    "a number": ROW[3],
}


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("name", CASES)
def test_words(name: str, size: int) -> None:
    tensor = CASES[name]
    ranks: Any = SimpleNamespace(size=size)
    words = MPIRanks._words(ranks, tensor)
    assert words.strides == (words.itemsize,)
    assert words.tobytes() == np.array(tensor.tolist(), tensor.numpy().dtype).tobytes()


def test_what_is_received_is_written_into_the_tensor() -> None:
    ranks: Any = SimpleNamespace(size=1)
    whole = torch.zeros(3, dtype=torch.float64)
    MPIRanks._words(ranks, whole)[:] = np.array([1.0, 2.0, 3.0]).view(np.int64)
    assert whole.tolist() == [1.0, 2.0, 3.0]

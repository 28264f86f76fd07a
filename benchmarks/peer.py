"""The protocol of a peer's space-charge kick."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PeerKick:
    """One configuration of a peer, on the particles of the set-up.

    Attributes:
        name: peer and configuration.
        call: one kick: deposit, solve, interpolate, momentum update.
        kicks: px and py that the first kick adds, (2, N) [P/P0].
        flat: the particles (N,) that see the full line density, so that the physics is ours.
        shift: where the peer reads its field, relative to the particle (x, y) [m].
    """

    name: str
    call: Callable[[], object]
    kicks: Array
    flat: NDArray[np.bool_]
    shift: tuple[float, float] = (0.0, 0.0)


class PeerMissing(Exception):
    """The peer cannot be imported."""


@contextlib.contextmanager
def elsewhere() -> Iterator[None]:
    """Work in an empty folder: Xsuite compiles with setuptools, which looks around where it is.

    Decorates functions as well, of which any call may compile.
    """
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        yield


@cache
def xsuite_context(threads: int) -> Any:
    """One that stays, as kernels do which it has compiled; serial for 0 threads."""
    import xobjects

    return xobjects.ContextCpu(omp_num_threads=threads)


def uniform_z(particles: int, length: float, seed: int = 2) -> Array:
    """z (N,) evenly filling (-length/2, length/2) in random order [m]."""
    z = (np.arange(particles) + 0.5) / particles - 0.5
    return np.asarray(np.random.default_rng(seed).permutation(z) * length)

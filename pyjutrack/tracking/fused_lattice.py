"""Tracking without kicks and without derivatives: the whole lattice as one compiled program."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd import forward_ad

from ..beam.reference import Reference
from ..core.scalars import is_transformed
from ..elements.motion.base import WHOLE, State
from ..elements.motion.cavities import behind
from ..elements.motion.placement import note
from ..kernels import parallel
from ..kernels.columns import stacked
from ..lattice.lattice import Lattice
from ..maps import program_kernels
from ..maps.program import NotRecordedError, Program, Recorder

#: operations of particles that a call runs at most, beside tangents: 0.1 s on two cores. Between
#: two calls Python sees to signals, Ctrl-C among them.
_CALL = 30_000_000
#: the same with tangents
_TANGENT_CALL = 3_000_000


class Fused(NamedTuple):
    """What a fused tracking ends with.

    Attributes:
        state, reference: at the end.
        turn, element: where particles were lost, from 0, and -1 for those that were not; (N,).
    """

    state: State
    reference: Reference
    turn: NDArray[np.int64]
    element: NDArray[np.int64]


def fused(lattice: Lattice, state: State, reference: Reference, turns: int) -> Fused | None:
    """Track by a program; None where there are derivatives, or a map of a user's own."""
    if isinstance(reference.p0c, Tensor) or not is_plain(state):
        return None
    return _tracked(lattice, state, reference, turns, None)


def linearised(
    lattice: Lattice, state: State, reference: Reference, turns: int
) -> tuple[Fused, NDArray[np.float64]] | None:
    """The same in double precision, and d(final)/d(initial) of every particle, (N, 6, 6).

    The Jacobians of the lost are those of their last coordinates.
    """
    if isinstance(reference.p0c, Tensor) or not is_plain(state):
        return None
    if any(c.dtype != torch.float64 for c in state.coordinates):
        return None
    size = len(state.alive)
    tangents = np.zeros((size, 6 * program_kernels.LANES))
    jacobians = tangents.reshape(size, 6, program_kernels.LANES)[:, :, :6]
    jacobians[:] = np.eye(6)
    found = _tracked(lattice, state, reference, turns, tangents)
    return None if found is None else (found, jacobians)


def _tracked(
    lattice: Lattice,
    state: State,
    reference: Reference,
    turns: int,
    tangents: NDArray[np.float64] | None,
) -> Fused | None:
    columns = list(stacked(state.coordinates).numpy())
    alive = state.alive.numpy().copy()
    turn, element = np.full((2, len(alive)), -1)
    done = 0
    while done < turns:
        found = _program(lattice, reference)
        if found is None:
            return None
        program, after = found
        # the program of one turn serves all, unless the reference was accelerated
        count = turns if after is reference else 1
        _execute(program, count, columns, alive, turn, element, done, tangents)
        done, reference = done + count, after
    new = State(tuple(map(torch.from_numpy, columns)), torch.from_numpy(alive))
    return Fused(new, reference, turn, element)


def _program(lattice: Lattice, reference: Reference) -> tuple[Program, Reference] | None:
    """What was `recorded`, or None; the lattice keeps it until it meets another reference."""
    kept = lattice.programs
    try:
        return kept[reference]
    except KeyError:
        pass
    try:
        found = recorded(lattice, reference)
    except NotRecordedError:
        found = None
    kept.clear()
    kept[reference] = found
    return found


def recorded(lattice: Lattice, reference: Reference) -> tuple[Program, Reference]:
    """The program of one turn, and the reference behind it.

    Raises:
        NotRecordedError: an element does what no operation does, or has tensors as parameters.
    """
    recorder: Any = Recorder()
    for place, element in enumerate(lattice):
        recorder.element = place
        note(element, recorder, reference, WHOLE)
        reference = behind(element, reference, WHOLE)
    return recorder.program(), reference


def is_plain(state: State) -> bool:
    """Whether nothing but numbers on the CPU is tracked."""
    if forward_ad._current_level >= 0:
        return False
    return all(
        is_number(c) and not c.requires_grad and c.dim() == 1
        for c in (*state.coordinates, state.alive)
    )


def is_number(tensor: Tensor) -> bool:
    """Whether a tensor is on the CPU, and no derivative by it can be asked for here."""
    return (
        type(tensor) in (Tensor, torch.nn.Parameter)
        and not is_transformed(tensor)
        and not (tensor.requires_grad and torch.is_grad_enabled())
        and tensor.device.type == "cpu"
    )


def _execute(
    program: Program,
    turns: int,
    columns: list[Any],
    alive: Any,
    turn: NDArray[np.int64],
    element: NDArray[np.int64],
    done: int,
    tangents: NDArray[np.float64] | None,
) -> None:
    size, work = len(alive), len(program.operations) * turns
    if tangents is None:
        kernel, more, limit = program_kernels.execute, [], _CALL
        table = program.table(columns[0].dtype)
    else:
        kernel, more, limit = program_kernels.execute_with_tangents, [tangents], _TANGENT_CALL
        table = program.tangent_table()
    share = min(parallel.parts(size, work), max(size, 1))  # the same for all calls, as its blocks
    for part, first, count in _calls(program, turns, limit // max(size, 1)):
        before = alive.copy()
        given = (*part[:4], table, *columns, alive, turn, element, *more)
        parallel.run(kernel, size, share, count, *given)
        turn[before & ~alive] += done + first


def _calls(program: Program, turns: int, most: int) -> Iterator[tuple[Program, int, int]]:
    """A program in calls of some `most` operations: the part of it, the first turn, and turns."""
    operations, starts, _, elements, _ = program
    size = len(operations)
    if turns * size <= most:
        yield program, 0, turns
    elif size <= most:
        step = most // size
        for first in range(0, turns, step):
            yield program, first, min(step, turns - first)
    else:
        # an element is not cut: a call keeps what its particles entered with
        ends = np.append(np.flatnonzero(np.diff(elements)) + 1, size)
        count = -(-size // max(most, 1))
        wanted = np.arange(1, count + 1) * size // count
        edges = [0, *np.unique(ends[np.searchsorted(ends, wanted)]).tolist()]
        for first in range(turns):
            for low, high in pairwise(edges):
                rows = slice(low, high)
                part = program._replace(
                    operations=operations[rows],
                    starts=starts[low : high + 1],
                    elements=elements[rows],
                )
                yield part, first, 1

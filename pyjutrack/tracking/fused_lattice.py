"""Tracking without effects and without derivatives: a lattice as compiled programs.

A lattice of maps with kernels is one program. Where an element has none, a user's own say, it is a
step by itself between two programs, and costs itself alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd import forward_ad

from ..autodiff import Pushed, along, value_of
from ..beam.reference import Reference
from ..core.scalars import is_transformed
from ..core.tensors import tensors_in
from ..elements import Element
from ..elements.part import WHOLE
from ..elements.placement import advance, note
from ..kernels import parallel
from ..kernels.columns import stack_columns
from ..lattice.lattice import Lattice
from ..maps import program_kernels
from ..maps.program import NotRecordedError, Program, Recorder
from ..maps.program_kernels import LANES
from ..maps.state import State, lose_unphysical

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


class Piece(NamedTuple):
    """Elements in a row that are one program, or an element that is none.

    Attributes:
        program: of the elements; its `elements` are places in the lattice.
        step: the element that is no program, at this place, with the reference in front of it.
    """

    program: Program | None = None
    step: tuple[int, Element, Reference] | None = None


def fused(lattice: Lattice, state: State, reference: Reference, turns: int) -> Fused | None:
    """Track by programs; None where there are derivatives."""
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
    tangents = np.zeros((size, 6 * LANES))
    jacobians = tangents.reshape(size, 6, LANES)[:, :, :6]
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
    particles = _Particles(state, tangents)
    done = 0
    while done < turns:
        found = _pieces(lattice, reference)
        if found is None:
            return None
        pieces, after = found
        # one program of one turn serves all, unless the reference was accelerated
        count = turns if after is reference and len(pieces) == 1 and pieces[0].program else 1
        for piece in pieces:
            if piece.program is not None:
                particles.run(piece.program, count, done)
            elif piece.step is not None:
                particles.step(*piece.step, done)
        done, reference = done + count, after
    return Fused(particles.state(), reference, particles.turn, particles.element)


def _pieces(lattice: Lattice, reference: Reference) -> tuple[tuple[Piece, ...], Reference] | None:
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


def recorded(lattice: Lattice, reference: Reference) -> tuple[tuple[Piece, ...], Reference]:
    """The pieces of one turn, and the reference behind it.

    Raises:
        NotRecordedError: an element has tensors as parameters.
    """
    pieces: list[Piece] = []
    recorder: Any = Recorder()
    for place, element in enumerate(lattice):
        recorder.element, before = place, recorder.count
        try:
            note(element, recorder, reference, WHOLE)
        except NotRecordedError:
            if not is_fixed(element):
                raise
            if before:
                pieces.append(Piece(recorder.program(before)))
            pieces.append(Piece(step=(place, element, reference)))
            recorder = Recorder()
        reference = element.exit_reference(reference, WHOLE)
    if recorder.count or not pieces:
        pieces.append(Piece(recorder.program()))
    return tuple(pieces), reference


def is_fixed(element: Element) -> bool:
    """Whether weights of an element are numbers, and no knob of it is a tensor."""
    return all(is_number(t) and t.dim() for t in tensors_in(element))


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


class _Particles:
    """Particles that are changed in place, with tangents (N, 6 * LANES) if there are any."""

    def __init__(self, state: State, tangents: NDArray[np.float64] | None) -> None:
        self._columns = list(stack_columns(state.coordinates).numpy())
        self._alive = state.alive.numpy().copy()
        self._tangents = tangents
        self.turn, self.element = np.full((2, len(self._alive)), -1)

    def state(self) -> State:
        """Where they are."""
        return State(tuple(map(torch.from_numpy, self._columns)), torch.from_numpy(self._alive))

    def run(self, program: Program, turns: int, done: int) -> None:
        """Run a program, after some turns that are done."""
        size, work = len(self._alive), len(program.operations) * turns
        if self._tangents is None:
            kernel, more, limit = program_kernels.execute, [], _CALL
            table = program.table(self._columns[0].dtype)
        else:
            kernel, more, limit = (
                program_kernels.execute_with_tangents,
                [self._tangents],
                _TANGENT_CALL,
            )
            table = program.tangent_table()
        # the same for all calls, as its blocks
        share = min(parallel.parts(size, work), max(size, 1))
        for part, first, count in _calls(program, turns, limit // max(size, 1)):
            before = self._alive.copy()
            given = (*self._columns, self._alive, self.turn, self.element, *more)
            parallel.run(kernel, size, share, count, *part[:4], table, *given)
            self.turn[before & ~self._alive] += done + first

    def step(self, place: int, element: Element, reference: Reference, done: int) -> None:
        """Move through an element that is no program, at a place of the lattice."""
        before = self._alive.copy()
        columns: list[Tensor] = list(self.state().coordinates)
        if self._tangents is not None:
            rows = torch.from_numpy(self._tangents).reshape(-1, 6, LANES)
            six = tuple(range(6))
            columns = [
                Pushed.make(c, rows[:, i, :6].T.contiguous(), six) for i, c in enumerate(columns)
            ]
        start = lose_unphysical(State(tuple(columns), torch.from_numpy(self._alive)))
        with torch.no_grad():
            end = advance(element, start, reference, WHOLE)
        for i, new in enumerate(end.coordinates):
            self._columns[i][:] = value_of(new).numpy()
            if self._tangents is not None:
                rows[:, i, :6] = along(new, six).T if isinstance(new, Pushed) else 0.0
        self._alive[:] = end.alive.numpy()
        lost = before & ~self._alive
        self.turn[lost], self.element[lost] = done, place


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

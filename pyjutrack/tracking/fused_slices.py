"""Plain tracking with space charge: every slice is one pass over the particles.

A pass kicks by the field of the last slice, runs the maps up to the next kick as a program, and
deposits there. It does what `propagation` does step by step, for numbers without derivatives. A map
that is no program, of a learned element say, is a step by itself between two passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..beam.beam import Beam
from ..beam.reference import Reference
from ..collective import SpaceCharge
from ..collective.base import CollectiveEffect
from ..core.scalars import detached
from ..elements.placement import note
from ..kernels import parallel
from ..kernels.columns import stack_columns
from ..maps.program import NotRecordedError, Program, Recorder
from ..maps.state import State
from ..mesh.particle_mesh import Mesh, stencil
from .fused_lattice import is_fixed, is_plain
from .slicing import Segment, Walk, passed

#: work of a pass beside a kick, per particle
_WORK = 3.0


class Pass(NamedTuple):
    """What lies between two kicks.

    Attributes:
        program: the maps; its `elements` are segments, counted from `first`. None where the one
            segment is to be stepped.
        first, last: the segments with which it begins and ends.
        length: over which the kick behind it acts [m], or 0 where none follows.
    """

    program: Program | None
    first: int
    last: int
    length: float


class Passed(NamedTuple):
    """What a channel ends with.

    Attributes:
        state: at the end.
        probe: test particles at the end, or None.
        segment: in which each particle was lost, over all turns, or -1; (N,).
        by_kick: whether it was lost by the kick, and not by the element; (N,).
        kept: columns in front of the kicks of some segments, counted over all turns.
    """

    state: State
    probe: State | None
    segment: NDArray[np.int64]
    by_kick: NDArray[np.bool_]
    kept: dict[int, tuple[Tensor, ...]]


def channelled(
    walk: Walk,
    beam: Beam,
    state: State,
    effects: Sequence[CollectiveEffect],
    turns: int,
    keep: Sequence[int] = (),
    probe: State | None = None,
    *,
    stepping: bool = True,
) -> Passed | None:
    """Track particles by passes.

    Args:
        keep: segments, ascending, at which columns are kept, or at the next kick.
        probe: test particles, which may carry derivatives; they feel the field of the beam.
        stepping: whether maps without a program may stand between passes.

    Returns:
        None where the beam has weights, where it, its reference, its field or an element carry
        derivatives, with several effects or one of another kind, maps without a program if they may
        not be stepped, or an accelerated reference.
    """
    kick = effects[0] if len(effects) == 1 else None
    if type(kick) is not SpaceCharge or beam.weights is not None or not is_plain(state):
        return None
    if isinstance(beam.reference.p0c, Tensor):
        return None
    turn = passes(walk, beam.reference, stepping=stepping)
    if turn is None:
        return None
    particles = _Particles(state, kick.potential.mesh, 1 / beam.particles)
    pending, kept = list(keep), {}
    field, length = particles.no_field(), 0.0
    for number in range(turns * len(turn)):
        lap, place = divmod(number, len(turn))
        part = turn[place]
        if part.program is None:
            particles.step(walk[part.first], beam.reference, number)
        else:
            particles.go(part, part.program, number, field, length)
        here = lap * len(walk) + part.last
        if pending and here >= pending[0]:
            pending, kept[here] = [n for n in pending if n > here], particles.copies()
        if probe is not None:
            for index in range(part.first, part.last + 1):
                probe = passed(walk[index], probe, beam.reference)
        length = part.length
        if length:
            field = kick.strength(beam, particles.fractions())
            if type(field) is not Tensor or field.requires_grad:
                return None
            if probe is not None:
                probe = kick.apply(kick.admit(probe), field, length)
    segment, by_kick = _losses(particles, turn, turns, len(walk))
    return Passed(particles.state(), probe, segment, by_kick, kept)


def passes(walk: Walk, reference: Reference, *, stepping: bool = True) -> list[Pass] | None:
    """The passes of one turn; None where that cannot be, see `channelled`."""
    found: list[Pass] = []
    first = 0
    recorder: Any = Recorder()
    for index, segment in enumerate(walk):
        if segment.element.exit_reference(reference, segment.part) is not reference:
            return None
        recorder.element, before = index - first, recorder.count
        try:
            note(segment.element, recorder, reference, segment.part)
        except NotRecordedError:
            if not (stepping and is_fixed(segment.element)):
                return None
            if index > first or (found and found[-1].length):  # a kick waits for its pass
                found.append(Pass(recorder.program(before), first, index - 1, 0.0))
            found.append(Pass(None, index, index, 0.0))
            first, recorder = index + 1, Recorder()
        if segment.slices or (index == len(walk) - 1 and index >= first):
            length = detached(segment.kicked) if segment.slices else 0.0
            found.append(Pass(recorder.program(), first, index, length))
            first, recorder = index + 1, Recorder()
    return found


class _Particles:
    """Particles that are changed in place, and the grids that they are deposited on."""

    def __init__(self, state: State, mesh: Mesh, weight: float) -> None:
        self._columns = list(stack_columns(state.coordinates).numpy())
        self._alive = state.alive.numpy().copy()
        self._sheet, self._half = stencil(mesh), [s / 2 for s in mesh.grid.size]
        size, self._weight = len(self._alive), weight
        self._share = parallel.parts(size, _WORK)
        self._grids = np.zeros((self._share, self._sheet.shape[0] * self._sheet.shape[1]))
        # of each loss: the pass, and the segment in it
        self.when, self.where = np.full((2, size), -1)

    def step(self, segment: Segment, reference: Reference, number: int) -> None:
        """Move through what is no program."""
        before = self._alive.copy()
        state = passed(segment, self.state(), reference)
        for column, moved in zip(self._columns, state.coordinates, strict=True):
            column[:] = moved.detach().numpy()
        self._alive[:] = state.alive.numpy()
        lost = before & ~self._alive
        self.when[lost], self.where[lost] = number, 0

    def go(self, part: Pass, program: Program, number: int, field: Tensor, length: float) -> None:
        """Kick over a length, move, and deposit if a kick follows."""
        from .slice_kernels import slice_pass  # late: it takes a moment to load

        if part.length:
            self._grids[:] = 0.0
        parallel.run(
            slice_pass,
            len(self._alive),
            self._share,
            *program[:4],
            program.table(self._columns[0].dtype),
            *self._columns,
            self._alive,
            self.when,
            self.where,
            number,
            bool(length),
            field.contiguous().numpy(),
            length,
            bool(part.length),
            part.last - part.first + 1,
            *self._half,
            self._sheet.geometry,
            self._sheet.coefficients,
            self._weight,
            self._grids,
        )

    def fractions(self) -> Tensor:
        """The shares of the beam in the cells, of the particles here."""
        total = self._grids.sum(0).reshape(self._sheet.shape)
        return torch.from_numpy(total.astype(self._columns[0].dtype, copy=False))

    def no_field(self) -> Tensor:
        return torch.from_numpy(np.zeros(self._sheet.shape, self._columns[0].dtype))

    def copies(self) -> tuple[Tensor, ...]:
        return tuple(torch.from_numpy(c.copy()) for c in self._columns)

    def state(self) -> State:
        columns = tuple(torch.from_numpy(c) for c in self._columns)
        return State(columns, torch.from_numpy(self._alive))


def _losses(
    particles: _Particles, turn: list[Pass], turns: int, segments: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The segment of each loss over all turns, -1 for none, and whether the kick took it."""
    lost = np.flatnonzero(particles.when >= 0)  # mostly few
    lap, place = np.divmod(particles.when[lost], len(turn))
    firsts, lasts = np.array([[p.first, p.last] for p in turn]).T
    where = particles.where[lost]
    kicked = where > (lasts - firsts)[place]
    found, by_kick = np.full(len(particles.when), -1), np.zeros(len(particles.when), np.bool_)
    found[lost], by_kick[lost] = lap * segments + firsts[place] + where - kicked, kicked
    return found, by_kick

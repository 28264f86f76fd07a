"""Plain tracking with space charge: every slice is one pass over the particles.

A pass kicks by the field of the last slice, runs the maps up to the next kick as a program, and
deposits there. It does what `propagation` does step by step, for numbers without derivatives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from .beam import Beam
from .compiled import parallel
from .compiled.program import NotRecordedError, Program, Recorder
from .number import detached
from .reference import Reference
from .spacecharge import SpaceCharge
from .spacecharge.particle_mesh import stencil
from .transport import State, behind
from .transport.fused import is_plain
from .transport.placed import note

if TYPE_CHECKING:
    from .propagation import Walk
    from .tracking import Kick

#: work of a pass beside a kick, per particle
_WORK = 3.0


class Pass(NamedTuple):
    """What lies between two kicks.

    Attributes:
        program: the maps; its `elements` are segments, counted from `first`.
        first: the segment with which it begins.
        last: the segment with which it ends.
        length: over which the kick behind it acts [m], or 0 where none follows.
    """

    program: Program
    first: int
    last: int
    length: float


class Passed(NamedTuple):
    """What a channel ends with.

    Attributes:
        state: at the end.
        segment: in which each particle was lost, over all turns, or -1; (N,).
        by_kick: whether it was lost by the kick, and not by the element; (N,).
    """

    state: State
    segment: NDArray[np.int64]
    by_kick: NDArray[np.bool_]


def passes(walk: Walk, reference: Reference) -> list[Pass] | None:
    """The passes of one turn; None where a map is no program, or the reference changes."""
    found, first = [], 0
    recorder: Any = Recorder()
    for index, segment in enumerate(walk):
        recorder.element = index - first
        try:
            note(segment.element, recorder, reference, segment.part)
        except NotRecordedError:
            return None
        if behind(segment.element, reference, segment.part) is not reference:
            return None
        if segment.slices or index == len(walk) - 1:
            length = detached(segment.kicked) if segment.slices else 0.0
            found.append(Pass(recorder.program(), first, index, length))
            first, recorder = index + 1, Recorder()
    return found


def channelled(
    walk: Walk, beam: Beam, state: State, kicks: Sequence[Kick], turns: int
) -> Passed | None:
    """Track particles by passes.

    None where there are derivatives, several kicks or one of another kind, maps without a
    program, or an accelerated reference.
    """
    kick = kicks[0] if len(kicks) == 1 else None
    if type(kick) is not SpaceCharge or not is_plain(state):
        return None
    turn = passes(walk, beam.reference)
    if turn is None:
        return None
    mesh = kick.potential.mesh
    sheet, size = stencil(mesh), len(state.alive)
    columns = [c.contiguous().numpy().copy() for c in state.coordinates]
    alive = state.alive.numpy().copy()
    when, where = np.full((2, size), -1)
    share = parallel.parts(size, _WORK)
    dtype = columns[0].dtype
    nodes = sheet.shape[0] * sheet.shape[1]
    grids, field, length = np.zeros((share, nodes)), np.zeros(sheet.shape, dtype), 0.0
    half_x, half_y = (s / 2 for s in mesh.grid.size)
    number = 0
    for _ in range(turns):
        for program, first, last, ahead in turn:
            if ahead:
                grids[:] = 0.0
            parallel.run(
                _kernel(),
                size,
                share,
                *program,
                *columns,
                alive,
                when,
                where,
                number,
                bool(length),
                field,
                length,
                bool(ahead),
                last - first + 1,
                half_x,
                half_y,
                sheet.geometry,
                sheet.coefficients,
                1 / size,
                grids,
            )
            number, length = number + 1, ahead
            if ahead:
                fractions = torch.from_numpy(grids.sum(0).reshape(sheet.shape))
                found = kick.strength(beam, fractions.to(state.coordinates[0].dtype))
                if type(found) is not torch.Tensor or found.requires_grad:
                    return None
                field = np.ascontiguousarray(found.numpy())
    new = State(tuple(map(torch.from_numpy, columns)), torch.from_numpy(alive))
    starts = np.array([p.first for p in turn] * turns, dtype=np.int64)
    starts += np.repeat(np.arange(turns) * len(walk), len(turn))
    lasts = np.array([p.last - p.first + 1 for p in turn] * turns, dtype=np.int64)
    lost = when >= 0
    by_kick = lost & (where == lasts[when])
    segment = np.where(lost, starts[when] + np.where(by_kick, where - 1, where), -1)
    return Passed(new, segment, by_kick)


def _kernel() -> Any:
    from .compiled.slice_kernels import slice_pass  # late: it takes a moment to load

    return slice_pass

"""Particles without derivatives, moved in place by programs of compiled maps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..autodiff import Pushed, tangents_along, value_of
from ..beam.beam import Beam
from ..beam.reference import Reference
from ..collective import answers
from ..collective.base import CollectiveEffect, MeshKick, Place
from ..core.scalars import has_numbers
from ..core.tensors import tensors_in
from ..elements import Element
from ..elements.part import Part
from ..kernels import parallel
from ..kernels.columns import stack_columns
from ..maps.program import LANES, Program, Recorder
from ..maps.state import State
from ..mesh.particle_mesh import stencil
from .dual_particles import DualParticles
from .particles import Losses, Particles, is_plain, traverse
from .programs import calls

#: operations of particles that a call runs at most, beside tangents: 0.1 s on two cores. Between
#: two calls Python sees to signals, Ctrl-C among them.
_CALL = 30_000_000
#: the same with tangents
_TANGENT_CALL = 3_000_000
#: so many particles cost what one does
_FEW = 32
_SIX = tuple(range(6))
#: work of a fused slice beside a kick, per particle
_WORK = 3.0


class ArrayParticles(Particles):
    """Particles that are changed in place, and where they were lost.

    The kick of an effect that kernels know waits for the run of maps after it, and the deposit for
    the next effect follows these: kick, maps and deposit of a block of particles are one pass.

    Args:
        share: of the beam that each carries.
        onward: makes the particles to go on with where derivatives come in.
        numbers: of the first turn, and of the first particle in the whole beam.
        directions: (N, 6 * LANES) tangents by coordinate and direction, if there are any.
        losses: asks for the turn and the operation of each loss.
    """

    compiled = True

    def __init__(
        self,
        state: State,
        share: float,
        onward: Callable[[State], Particles],
        numbers: tuple[int, int],
        directions: NDArray[np.float64] | None = None,
        losses: Losses | None = None,
    ) -> None:
        self._share, self._onward = share, onward
        self._first_turn, self._first = numbers
        self._stack = stack_columns(state.coordinates)
        self._columns = list(self._stack.numpy())
        self._alive = state.alive.numpy().copy()
        self._tangents, self._losses = directions, losses
        #: of each loss, -1 for none; any numbers where nothing asks for them
        self._turn, self._op = np.empty((2, len(self._alive)), np.int64)
        if losses is not None:
            self._turn[:] = self._op[:] = -1
        #: now: turn and operation
        self.now = 0, 0
        self._waiting: tuple[MeshKick, Tensor, float] | None = None
        #: for which kick the grids hold what was deposited, and the grids
        self._deposited: MeshKick | None = None
        self._grids: NDArray[np.float64] = np.zeros((0, 0))

    @property
    def state(self) -> State:
        """View as tensors, which share memory with the arrays here."""
        self._settle()
        columns = tuple(map(torch.from_numpy, self._columns))
        return State(columns, torch.from_numpy(self._alive))

    @state.setter
    def state(self, state: State) -> None:
        self._deposited = None
        old = self._columns
        new = [c.detach().numpy() for c in state.coordinates]
        places, others = ([_address(column) for column in columns] for columns in (old, new))
        # columns in another order must not be written over before they are read
        new = [
            n.copy() if other != own and other in places else n
            for n, own, other in zip(new, places, others, strict=True)
        ]
        for column, value, own, other in zip(old, new, places, others, strict=True):
            if own != other:
                column[:] = value
        self._lose(state.alive.numpy())

    @property
    def stack(self) -> Tensor:
        """View the columns as one tensor (6, N)."""
        self._settle()
        return self._stack

    @property
    def alive(self) -> Tensor:
        """Mask of the particles alive."""
        return torch.from_numpy(self._alive)

    def lose(self, alive: Tensor) -> None:
        """Keep those alone that are alive here too."""
        self._lose(alive.numpy())

    def _lose(self, alive: NDArray[np.bool_]) -> None:
        if _address(alive) == _address(self._alive):
            return
        lost = self._alive & ~alive
        if lost.any():
            self._turn[lost], self._op[lost] = self.now
            self._deposited = None
        self._alive[:] = alive

    def run(self, program: Program, turns: int, then: MeshKick | None = None, at: int = 0) -> None:
        """Run a program for some turns, from the present one on.

        Args:
            then: the kick that comes next, for which is deposited, and `at`, its operation.
        """
        self._deposited = None
        if then is not None or self._waiting is not None:
            self._pass(program, then, at)
            return
        from ..maps import program_kernels  # late: it takes a moment to load

        size, work = len(self._alive), len(program.operations) * turns
        if self._tangents is None:
            kernel, more, limit = program_kernels.execute, [], _CALL
            table = program.table(self._columns[0].dtype)
        else:
            kernel = program_kernels.execute_with_tangents
            more, limit, table = [self._tangents], _TANGENT_CALL, program.tangent_table()
        # the same for all calls, as its blocks
        share, (now, _) = min(parallel.parts(size, work), max(size, 1)), self.now
        here = self._first_turn + now
        for part, first, count in calls(program, turns, limit // max(size, _FEW)):
            later = self._losses is not None and now + first
            before = self._alive.copy() if later else None
            given = (*self._columns, self._alive, self._turn, self._op, *more)
            numbers = count, here + first, self._first
            parallel.run(kernel, size, share, *numbers, *part[:4], table, *given)
            if before is not None:
                self._turn[before & ~self._alive] += now + first

    def collect(self) -> None:
        """Tell of the losses, if that is asked for."""
        if self._losses is not None:
            self._losses.collect(self._turn, self._op)

    def _continue(self, state: State) -> Particles:
        """Continue with other particles where derivatives come in."""
        self.collect()
        return self._onward(state)

    def traverse(self, element: Element, part: Part, reference: Reference) -> Particles:
        """Move through what is no program."""
        if self._tangents is None:
            return self._keep_or_continue(traverse(element, part, self.state, reference))
        if not all(map(has_numbers, tensors_in(element))):
            return self._continue(self.state)
        return self._keep_pushed(traverse(element, part, self.pushed_state, reference))

    @property
    def pushed_state(self) -> State:
        """As dual numbers, which share nothing with what is here."""
        assert self._tangents is not None
        rows = torch.from_numpy(self._tangents).reshape(-1, 6, LANES)
        columns = [
            Pushed.make(c.clone(), rows[:, i, :6].T.clone(), _SIX)
            for i, c in enumerate(self.state.coordinates)
        ]
        return State(tuple(columns), torch.from_numpy(self._alive.copy()))

    def _keep_pushed(self, end: State) -> Particles:
        rows = torch.from_numpy(self._tangents).reshape(-1, 6, LANES)
        for i, new in enumerate(end.coordinates):
            rows[:, i, :6] = tangents_along(new, _SIX).T if isinstance(new, Pushed) else 0.0
        return self._keep_or_continue(State(tuple(map(value_of, end.coordinates)), end.alive))

    def _keep_or_continue(self, end: State) -> Particles:
        if not is_plain(end):
            return self._continue(end)
        self.state = end
        return self

    def field(self, effect: CollectiveEffect, beam: Beam, place: Place, memory: Any) -> Any:
        """Admit particles to an effect, and find the field that they make."""
        kick = effect.fused()
        if kick is None or beam.weights is not None:
            self.lose(answers.admit(effect, self.state).alive)
            state = self.state
            if memory is not None and effect.keeps_columns:  # which are changed in place here
                state = State(tuple(c.clone() for c in state.coordinates), state.alive.clone())
            return answers.field(effect, beam, state, place, memory)
        if self._deposited is not kick:
            self._pass(Recorder().program(), kick, self.now[1])
        sheet = stencil(kick.mesh)
        total = self._grids.sum(0).reshape(sheet.shape)
        fractions = torch.from_numpy(total.astype(self._columns[0].dtype, copy=False))
        return kick.strength(beam, fractions)

    def respond(self, effect: CollectiveEffect, field: Any, place: Place) -> Particles:
        """Respond to a field."""
        if self._tangents is not None:
            end = DualParticles(self.pushed_state, _SIX).respond(effect, field, place)
            return self._keep_pushed(end.state)
        kick = effect.fused()
        self._deposited = None
        if kick is None:
            self._settle()
            if answers.respond_in_place(effect, self._columns, self.alive, field, place):
                return self
            return self._keep_or_continue(answers.respond(effect, self.state, field, place))
        if not has_numbers(field) or isinstance(place.ds, Tensor):
            return self._continue(self.state).respond(effect, field, place)
        self._settle()
        self._waiting = kick, field, place.ds
        return self

    def _settle(self) -> None:
        """Do the kick that waits."""
        if self._waiting is not None:
            self._pass(Recorder().program(), None, 0)

    def _pass(self, program: Program, then: MeshKick | None, at: int) -> None:
        """Kick if a kick waits, run a program, and deposit if one follows."""
        from ..maps.program_kernels import block_runner  # late: they take a moment to load
        from .slice_kernels import slice_pass

        dtype = self._columns[0].dtype
        size = len(self._alive)
        share = parallel.parts(size, _WORK)
        kick, field, ds = self._waiting or (then, None, 0.0)
        assert kick is not None
        sheet, half = stencil(kick.mesh), [s / 2 for s in kick.mesh.grid.size]
        values = np.zeros(sheet.shape, dtype) if field is None else field.contiguous().numpy()
        if then is not None and then.mesh is not kick.mesh:
            # of another mesh: two passes
            self._pass(program, None, 0)
            self._pass(Recorder().program(), then, at)
            return
        if then is not None:
            self._grids = _clear(self._grids, share, sheet.shape[0] * sheet.shape[1])
        parallel.run(
            slice_pass,
            size,
            share,
            *program[:4],
            program.table(dtype),
            block_runner(dtype),
            *self._columns,
            self._alive,
            self._turn,
            self._op,
            self.now[0],
            self._first_turn + self.now[0],
            self._first,
            field is not None,
            values,
            ds,
            then is not None,
            at,
            *half,
            sheet.geometry,
            sheet.coefficients,
            self._share,
            self._grids,
        )
        self._waiting, self._deposited = None, then


def _address(array: NDArray[Any]) -> int:
    """Where a column is in memory."""
    found: int = array.__array_interface__["data"][0]  # `ctypes.data` takes ten times as long
    return found


def _clear(grids: NDArray[np.float64], share: int, cells: int) -> NDArray[np.float64]:
    if grids.shape != (share, cells):
        return np.zeros((share, cells))
    grids[:] = 0.0
    return grids

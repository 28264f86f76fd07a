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
from ..collective.base import CollectiveEffect, Place
from ..collective.mesh_kick import MeshKick
from ..core.scalars import has_numbers
from ..core.tensors import tensors_in
from ..elements import Element
from ..elements.part import Part
from ..kernels import parallel
from ..kernels.memory import allocate
from ..maps.packing import Program, pack
from ..maps.program import LANES
from ..maps.state import State
from ..mesh.particle_mesh import stencil
from .dual_particles import DualParticles
from .particle_columns import ParticleColumns
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


class ArrayParticles(ParticleColumns):
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
        super().__init__(state, directions, losses)
        self._waiting: tuple[MeshKick, Tensor, float] | None = None
        self._grids: NDArray[np.float64] = np.zeros((0, 0))

    def run(self, program: Program, turns: int, then: MeshKick | None = None, at: int = 0) -> None:
        """Run a program for some turns, from the present one on.

        Args:
            then: the kick that comes next, for which is deposited, and `at`, its operation.
        """
        self._deposited = None
        if program.batch:
            self.expand(torch.Size(program.batch))
            program = program.spread(self._batch)
        if then is not None or self._waiting is not None:
            self._pass(program, then, at)
            return
        from ..maps import program_kernels  # late: it takes a moment to load

        size, work = len(self._alive), len(program.operations) * turns
        if self._tangents is None:
            kernel, more, limit = program_kernels.execute, [], _CALL
            program, table = program.for_blocks(self._columns[0].dtype, self._per)
        else:
            kernel = program_kernels.execute_with_tangents
            more, limit, table = [self._tangents], _TANGENT_CALL, program.tangent_table()
            program = program.by_setting()
        # the same for all calls, as its blocks
        share, (now, _) = min(parallel.parts(size, work), max(size, 1)), self.now
        here = self._first_turn + now
        for part, first, count in calls(program, turns, limit // max(size, _FEW)):
            later = self._losses is not None and now + first
            before = self._alive.copy() if later else None
            given = (*self._columns, self._alive, self._turn, self._op, *more)
            numbers = count, here + first, self._first, self._per
            parallel.run(kernel, size, share, *numbers, *part.arrays, table, *given)
            if before is not None:
                self._turn[before & ~self._alive] += now + first

    def collect(self) -> None:
        """Tell of the losses, if that is asked for."""
        if self._losses is not None:
            shape = (*self._batch, self._per)
            self._losses.collect(self._turn.reshape(shape), self._op.reshape(shape))

    def _continue(self, state: State) -> Particles:
        """Continue with other particles where derivatives come in."""
        self.collect()
        return self._onward(state)

    def traverse(self, element: Element, part: Part, reference: Reference) -> Particles:
        """Move through what is no program."""
        if self._tangents is None:
            return self._keep_or_continue(traverse(element, part, self.state, reference))
        if self._batch or not all(map(has_numbers, tensors_in(element))):
            return self._continue(self.state)
        return self._keep_pushed(traverse(element, part, self.pushed_state, reference))

    @property
    def jacobians(self) -> NDArray[np.float64]:
        """d(coordinates)/d(directions), (..., N, 6, 6)."""
        assert self._tangents is not None
        return self._tangents.reshape(*self._batch, self._per, 6, LANES)[..., :6]

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
            self._pass(pack(()), kick, self.now[1])
        sheet = stencil(kick.mesh)
        total = self._grids
        if self._has_many:  # and new ones are taken for the next
            self._grids, self._deposited = np.zeros((0, 0)), None
        else:
            total = total.sum(0)
        total = total.reshape(*self._batch, *sheet.shape)
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
            plain = effect, self._columns, self.alive, field, place
            if not self._batch and answers.respond_in_place(*plain):
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
            self._pass(pack(()), None, 0)

    @property
    def _has_many(self) -> bool:
        """Return whether there are grids of several settings, and not parts of that of one."""
        return len(self._alive) > self._per

    def _pass(self, program: Program, then: MeshKick | None, at: int) -> None:
        """Kick if a kick waits, run a program, and deposit if one follows."""
        from ..maps.program_kernels import block_runner  # late: they take a moment to load
        from .slice_kernels import slice_pass

        dtype = self._columns[0].dtype
        size = len(self._alive) // self._per if self._has_many else len(self._alive)
        share = min(parallel.parts(len(self._alive), _WORK), size)
        kick, field, ds = self._waiting or (then, None, 0.0)
        assert kick is not None
        sheet, half = stencil(kick.mesh), [s / 2 for s in kick.mesh.grid.size]
        values = np.zeros((size if self._has_many else 1, 1, 1), dtype)
        if field is not None:
            values = field.contiguous().numpy().reshape(-1, *sheet.shape)
        if then is not None and then.mesh is not kick.mesh:
            # of another mesh: two passes
            self._pass(program, None, 0)
            self._pass(pack(()), then, at)
            return
        if then is not None:
            grids = size if self._has_many else share
            shape = grids, sheet.shape[0] * sheet.shape[1]
            if self._grids.shape != shape:
                self._grids = allocate(shape, np.float64).numpy()
        program, table = program.for_blocks(dtype, self._per)
        parallel.run(
            slice_pass,
            size,
            share,
            self._per,
            *program.arrays,
            table,
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
            sheet.shape[1],
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

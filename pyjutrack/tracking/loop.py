"""The one tracking loop: particles through the operations of a plan, turn by turn."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from functools import partial
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..beam.beam import Beam
from ..collective import answers
from ..collective.mesh_kick import MeshKick
from ..kernels import parallel
from ..maps.program import LANES
from ..maps.state import State
from .array_particles import ArrayParticles
from .dual_particles import particles_of
from .end import End, expand_beam, state_of
from .particles import Losses, Particles, expand, is_plain
from .plan import Act, Weigh, is_idle
from .programs import Piece, pieces_of
from .soft_apertures import apply_soft_aperture, mask_passing
from .task import Task

_SIX = range(6)


class Observer(Protocol):
    """Sees the beam on its way."""

    @property
    def stops(self) -> Collection[int]:
        """Operations of the plan before which it wants to see it."""
        ...

    def see(self, turn: int, op: int, particles: Particles, beam: Beam) -> None:
        """Look at the particles before an operation; `beam` has the rest, and not their places."""
        ...


def run(
    task: Task,
    probe: State | None = None,
    *,
    observers: Sequence[Observer] = (),
    losses: Losses | None = None,
) -> End:
    """Track a beam and, in its field, test particles that add nothing to it.

    Args:
        task: what to track, checked.
        probe: the test particles.
        observers: of the beam along the line.
        losses: notes where particles of the beam are lost.

    Returns:
        The end of the beam and of the test particles.
    """
    with parallel.cores():
        return Run(task, probe, observers, losses).end()


def run_with_jacobians(
    task: Task, probe: State | None = None
) -> tuple[End, NDArray[np.float64]] | None:
    """Track in double precision with the Jacobian of each particle.

    Args:
        task: what to track; without effects, where there are no test particles.
        probe: test particles in the field of the beam, which have the Jacobians then. Without
            effects they go in the place of the beam's, and have the settings of the lattice.

    Returns:
        The end, and d(final)/d(initial) of the test particles, or without effects of the particles,
        (..., N, 6, 6); those of the lost are of their last coordinates. None where there are
        derivatives, or another precision.
    """
    state = probe or State(task.beam.coordinates.unbind(-1), task.beam.alive)
    if task.lattice.soft and not task.effects:  # weights are of each setting
        state = expand(state, task.batch)
    size = state.alive.numel()
    tangents = np.zeros((size, 6 * LANES))
    tangents.reshape(size, 6, LANES)[:, _SIX, _SIX] = 1.0
    if state.coordinates[0].dtype != torch.float64:
        return None
    with parallel.cores():
        if task.effects:
            tracking = Run(task, probe, (), None, tangents)
        else:
            tracking = Run(task, None, (), None, tangents, state)
        if not tracking.has_jacobians:
            return None
        end = tracking.end()
    if not tracking.has_jacobians:
        return None
    return end, tracking.jacobians


class Run:
    """A tracking under way."""

    def __init__(
        self,
        task: Task,
        probe: State | None,
        observers: Sequence[Observer],
        losses: Losses | None,
        tangents: NDArray[np.float64] | None = None,
        start: State | None = None,
    ) -> None:
        self._batch = batch = task.batch
        task = task.along_particles()
        self._task, self._observers, self._losses = task, observers, losses
        if task.lattice.soft or task.beam.weights is not None:  # weights of each setting
            task = self._task = dataclasses.replace(task, beam=expand_beam(task.beam, batch))
        self._beam = beam = task.beam
        #: makes particles to go on with, by all that they meet and derivatives may depend on; it
        #: holds no Run, whose particles would then outlive it until garbage is collected
        self._continue = partial(particles_of, data=task.parts)
        # as they stand: particles in arrays are copied anyway
        start = start or State(beam.coordinates.unbind(-1), beam.alive)
        self._particles = self._start(start, tangents if probe is None else None)
        self._probe = None if probe is None else self._start_probe(probe, tangents)
        self._memories = [effect.start(beam) for effect in task.effects]
        self._stops = tuple(sorted({n for o in observers for n in o.stops}))

    @property
    def compiled(self) -> bool:
        """Return whether particles go through programs."""
        return self._particles.compiled

    @property
    def has_jacobians(self) -> bool:
        """Return whether the particles whose Jacobians are asked for go through programs."""
        return (self._probe or self._particles).compiled

    @property
    def jacobians(self) -> NDArray[np.float64]:
        """Those of the particles that have them, (..., N, 6, 6)."""
        found = self._probe or self._particles
        assert isinstance(found, ArrayParticles)
        return found.jacobians

    def _start_probe(self, probe: State, tangents: NDArray[np.float64] | None) -> Particles:
        plain = is_plain(probe) and not isinstance(self._beam.reference.p0c, Tensor)
        if tangents is None or not plain:
            return self._continue(probe)
        return ArrayParticles(probe, 1.0, self._continue, self._task.numbers, tangents)

    def _start(self, state: State, tangents: NDArray[np.float64] | None) -> Particles:
        beam = self._beam
        if is_plain(state) and not isinstance(beam.reference.p0c, Tensor):
            numbers, share = self._task.numbers, 1 / beam.particles
            return ArrayParticles(state, share, self._continue, numbers, tangents, self._losses)
        return self._continue(state_of(beam.coordinates, beam.alive))

    def end(self) -> End:
        """Track."""
        task, done = self._task, 0
        turns = task.turns
        while done < turns:
            pieces = self._pieces()
            # one program of one turn serves all, unless the reference was accelerated
            one = len(pieces) == 1 and pieces[0].program is not None and not self._stops
            count = turns - done if one and pieces[0].reference == self._beam.reference else 1
            for piece in pieces:
                self._pass(piece, done, count)
            done += count
        beam, particles, batch = self._beam, self._particles, self._batch
        for tracked in (particles, self._probe):
            if tracked is not None and batch:
                tracked.expand(batch)
        if isinstance(particles, ArrayParticles):
            particles.collect()
        probe = None if self._probe is None else self._probe.state
        return End(particles.state, probe, beam.reference, beam.weights, particles.stack)

    def _pieces(self) -> Sequence[Piece]:
        task, reference = self._task, self._beam.reference
        if self.compiled and not isinstance(reference.p0c, Tensor):
            return pieces_of(task.lattice, task.plan, task.effects, reference, self._stops)
        return [Piece(n, n + 1, reference) for n in range(len(task.plan))]

    def _pass(self, piece: Piece, turn: int, count: int) -> None:
        for observer in self._observers:
            if piece.first in observer.stops:
                observer.see(turn, piece.first, self._particles, self._beam)
        particles = self._particles
        if piece.program is None or not isinstance(particles, ArrayParticles):
            for n in range(piece.first, piece.stop):
                self._step(turn, n)
            return
        particles.now = turn, piece.first
        particles.run(piece.program, count, *self._next_kick(piece.stop))
        if isinstance(self._probe, ArrayParticles):
            self._probe.now = turn, piece.first
            self._probe.run(piece.program, count)
        elif self._probe is not None:
            for _ in range(count):
                for n in range(piece.first, piece.stop):
                    self._traverse(turn, n, probe_alone=True)
        if piece.reference != self._beam.reference:
            self._beam = self._beam.replace(reference=piece.reference)

    def _next_kick(self, n: int) -> tuple[MeshKick | None, int]:
        """Return the kick that kernels know, if an operation is one."""
        task = self._task
        op = task.plan.ops[n] if n < len(task.plan) else None
        if not isinstance(op, Act) or self._beam.weights is not None:
            return None, 0
        return task.effects[op.effect].fused(), n

    def _step(self, turn: int, n: int) -> None:
        """Run one operation by itself."""
        op, losses, particles = self._task.plan.ops[n], self._losses, self._particles
        before = None if losses is None else particles.alive.clone()
        if isinstance(particles, ArrayParticles):
            particles.now = turn, n
        if isinstance(op, Weigh):
            self._weigh(op)
        elif not self._traverse(turn, n) and isinstance(op, Act):
            self._act(op, turn)
        if losses is not None and before is not None and not self.compiled:
            losses.note(turn, n, before, self._particles.alive)

    def _traverse(self, turn: int, n: int, *, probe_alone: bool = False) -> bool:
        """Return whether the operation is one that particles traverse, each by itself."""
        motion, reference = self._task.motion(n, turn), self._beam.reference
        if motion is None:
            return False
        element, part = motion
        if not probe_alone:
            self._particles = self._particles.traverse(element, part, reference)
        if self._probe is not None:
            self._probe = self._probe.traverse(element, part, reference)
        after = element.exit_reference(reference, part)
        if after is not reference:
            self._beam = self._beam.replace(reference=after)
        return True

    def _act(self, op: Act, turn: int) -> None:
        task, beam, number = self._task, self._beam, op.effect
        if is_idle(op, task.lattice, task.effects):
            return
        effect, memory = task.effects[number], self._memories[number]
        place = task.place(op, turn)
        field = self._particles.field(effect, beam, place, memory)
        if self._probe is not None:
            self._probe.lose(answers.admit(effect, self._probe.state).alive)
            self._probe = self._probe.respond(effect, field, place)
        self._particles = self._particles.respond(effect, field, place)
        if memory is not None:
            self._memories[number] = answers.remember(effect, memory, field, place)

    def _weigh(self, op: Weigh) -> None:
        aperture, beam = self._task.lattice.elements[op.place], self._beam
        alive, weights = apply_soft_aperture(
            aperture, self._particles.state, beam.reference, beam.weights
        )
        self._particles.lose(alive)
        self._beam = beam.replace(weights=weights, alive=alive)
        if self._probe is not None:
            self._probe.lose(mask_passing(aperture, self._probe.state, beam.reference))

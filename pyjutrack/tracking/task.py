"""The task of a tracking, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ..beam.beam import Beam, require_beam
from ..beam.faults import check_beam
from ..beam.moments import survivors
from ..collective import answers
from ..collective.base import CollectiveEffect, Place, require_effects
from ..core.checks import require_whole
from ..core.errors import InvalidValueError, ManySettingsError
from ..core.forks import check_threads
from ..core.names import label
from ..core.settings import along_particles, broadcast_batch
from ..elements import Element
from ..elements.part import Part
from ..kernels import parallel
from ..lattice.batch import batch_of, batched_fields, effects_batch, require_at_once
from ..lattice.lattice import Lattice
from ..lattice.require import require_lattice
from .adjoints import Adjoint, Auto, adjoint_of
from .end import expand_beam, require_beams
from .plan import Act, Plan, motion_of, place_of, plan_of
from .soft_apertures import require_weighing


@dataclass(frozen=True)
class Task:
    """All that a tracking needs, checked.

    Attributes:
        lattice, beam, effects, turns: as for `pyjutrack.track`.
        plan: what is done in a turn, whatever becomes of parameters.
        adjoint: what is kept for a backward pass; see `pyjutrack.track`.
        first_turn: the number of its first turn, where it is a section of a longer tracking.
        wide: what the effects meet of many settings has a last dimension for particles.
    """

    lattice: Lattice
    beam: Beam
    effects: tuple[CollectiveEffect, ...]
    turns: int
    plan: Plan
    adjoint: Adjoint = field(default_factory=Auto)
    first_turn: int = 0
    wide: bool = False

    @property
    def parts(self) -> tuple[Any, ...]:
        """All besides the particles that may carry derivatives."""
        beam = self.beam
        return beam.intensity, beam.weights, beam.reference, self.lattice.elements, self.effects

    @property
    def numbers(self) -> tuple[int, int]:
        """The numbers of the first turn, and of the first particle here in the whole beam."""
        beam = self.beam
        return self.first_turn, beam.world.rows(beam.particles).start

    @cached_property
    def own_batch(self) -> torch.Size:
        """The shape of the settings of the beam's current or charge, and of the effects."""
        require_at_once(self.beam, self.effects)
        shapes = [self.beam.batch, effects_batch(self.effects)]
        found = broadcast_batch("settings of the beam and the effects", shapes)
        return found[:-1] if self.wide else found

    @cached_property
    def batch(self) -> torch.Size:
        """The shape of all settings, the lattice's among them; () where there is one."""
        shapes = [self.own_batch, batch_of(self.lattice)]
        return broadcast_batch("settings of lattice, beam and effects", shapes)

    def along_particles(self) -> Task:
        """The task with a dimension for particles in what the effects meet of many settings."""
        if self.wide or not self.own_batch:
            return self
        current, charge = map(along_particles, self.beam.intensity)
        beam = expand_beam(self.beam, self.batch).replace(current=current, charge=charge)
        effects = []
        for effect in self.effects:
            values = {n: getattr(effect, n) for n in batched_fields(effect)}
            new = {n: along_particles(v) for n, v in values.items()}
            held = any(new[n] is not v for n, v in values.items())
            effects.append(replace(effect, **new) if held else effect)  # type: ignore[type-var]
        return replace(self, beam=beam, effects=tuple(effects), wide=True)

    def place(self, act: Act, turn: int) -> Place:
        """Return where and when an effect acts, in a turn of the task, counted from 0."""
        elements, effect = self.lattice.elements, self.effects[act.effect]
        first_turn, first = self.numbers
        found = place_of(act, elements[act.place], first_turn + turn, first)
        if isinstance(found.ds, Tensor) and found.ds.dim():
            raise ManySettingsError(
                f"{label(elements[act.place])} has lengths {tuple(found.ds.shape)}, and an effect "
                "acts along one; take one after another"
            )
        upstream = answers.upstream(effect, elements, act.place)
        return found._replace(upstream=upstream) if upstream else found

    def motion(self, n: int, turn: int) -> tuple[Element, Part] | None:
        """Return the element, and the part, that an operation of the plan is; see `motion_of`."""
        first_turn, first = self.numbers
        op = self.plan.ops[n]
        return motion_of(op, self.lattice, self.effects, first_turn + turn, first)

    def __len__(self) -> int:
        """Operations of all turns together."""
        return self.turns * len(self.plan)


def task_of(
    lattice: Lattice,
    beam: Beam,
    effects: Sequence[CollectiveEffect],
    turns: int,
    adjoint: str | Adjoint = "auto",
) -> Task:
    """Make the task of an engine, checked."""
    chosen = adjoint_of(adjoint)
    check_threads()  # which are one below
    with parallel.cores():
        check_track(lattice, beam, effects, turns)
    return Task(lattice, beam, tuple(effects), int(turns), plan_of(lattice, effects), chosen)


def check_track(
    lattice: Lattice, beam: Beam, effects: Sequence[CollectiveEffect], turns: int
) -> None:
    """The checks of `track`."""
    require_lattice(lattice)
    require_beam(beam)
    require_whole("turns", turns, 1)
    require_effects(effects)
    require_at_once(beam, effects)
    require_beams(beam, batch_of(lattice), beam.batch, effects_batch(effects))
    check_beam(beam)
    if not bool(survivors(beam).any()):
        raise InvalidValueError("no particle of the beam is alive")
    require_weighing(lattice, beam, effects)
    for effect in effects:
        _require_batched(effect, beam)
        effect.check(beam)


def _require_batched(effect: CollectiveEffect, beam: Beam) -> None:
    """Raise InvalidValueError for many currents or charges where an effect takes one."""
    for name in ("current", "charge"):
        value = getattr(beam, name)
        many = isinstance(value, Tensor) and value.dim()
        if many and not effect.individual and f"beam.{name}" not in effect.batched:
            raise InvalidValueError(
                f"{type(effect).__name__} takes one {name} of the beam (`batched`, see "
                f"`CollectiveEffect`), and this one holds {tuple(value.shape)}; take one after "
                "another"
            )

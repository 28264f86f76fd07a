"""Tracking: maps of elements, and kicks of collective effects between their slices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from .beam import Beam, check_beam
from .compiled import parallel
from .errors import InvalidValueError
from .lattice import Lattice
from .number import Number, detached
from .transport import State, passable, slices, transport


class Kick(Protocol):
    """A collective effect: what the beam makes of itself, and how particles respond to it.

    The two are apart so that a test particle can feel the field of the beam without adding to it.
    """

    @property
    def max_step(self) -> float | Mapping[str, float]:
        """Longest slice [m], for all elements or by kind."""
        ...

    def check(self, beam: Beam) -> None:
        """Raise or warn, before tracking, where the effect cannot be right for this beam."""
        ...

    def admit(self, state: State) -> State:
        """Take out the particles that this kick cannot serve: outside a box, say."""
        ...

    def field(self, beam: Beam, state: State) -> Any:
        """What the particles of `state` make; `beam` tells species and current."""
        ...

    def apply(self, state: State, field: Any, ds: Number) -> State:
        """How particles, of the beam or not, respond over a slice of length ds [m]."""
        ...


Plan = tuple[int, ...]


def plan(lattice: Lattice, kicks: Sequence[Kick]) -> Plan:
    """How many slices each element is cut into: the fewest no longer than any kick's step.

    Made once from the lattice as given, so that differentiating by a length never changes it.
    """
    counts = []
    for element in lattice:
        length, kind = detached(element.length), type(element).__name__
        counts.append(max((slices(length, _step(k, kind)) for k in kicks), default=0))
    return tuple(counts)


def _step(kick: Kick, kind: str) -> float:
    steps = kick.max_step
    if not isinstance(steps, Mapping):
        return steps
    if kind not in steps:
        return min(steps.values())
    return steps[kind]


def track(lattice: Lattice, beam: Beam, *, kicks: Sequence[Kick] = (), turns: int = 1) -> Beam:
    """Track a beam through a lattice.

    Each element is cut into slices no longer than the kicks ask for; a slice is half its map, the
    kicks, and the other half: second order in the step, symplectic at any step. Differentiable in
    every tensor among the parameters of the lattice, the beam and the kicks, by autograd and by
    `torch.func`.

    Args:
        lattice: what to track through.
        beam: what to track; it is left as it is.
        kicks: collective effects, applied in their order in the middle of every slice.
        turns: how often to pass the lattice.

    Returns:
        The beam at the end. Lost particles are marked in `alive` and keep the coordinates at
        which they were lost.

    Raises:
        InvalidValueError: non-finite coordinates, a negative current, turns below 1, a beam larger
            than the box of a kick.
    """
    check_track(beam, kicks, turns)
    state, _ = run(lattice, beam, kicks, turns, plan(lattice, kicks))
    return beam_of(state, beam)


def check_track(beam: Beam, kicks: Sequence[Kick], turns: int) -> None:
    """The checks of `track`, for all who call `run`."""
    if not (isinstance(turns, int) and turns >= 1):
        raise InvalidValueError(f"turns must be a positive integer, got {turns!r}")
    if not isinstance(kicks, Sequence):
        raise InvalidValueError(f"kicks must be a list of kicks, got {kicks!r}")
    check_beam(beam)
    if not bool(beam.alive.any()):
        raise InvalidValueError("no particle of the beam is alive")
    for kick in kicks:
        kick.check(beam)


def run(
    lattice: Lattice,
    beam: Beam,
    kicks: Sequence[Kick],
    turns: int,
    counts: Plan,
    probes: Tensor | None = None,
) -> tuple[State, State | None]:
    """Track a beam and, in its field, probe particles that add nothing to it.

    Args:
        probes: coordinates (M, 6), or None.

    Returns:
        Final states of the beam and of the probes. Unchecked; see `check_track`.
    """
    with parallel.cores():
        return _run(lattice, beam, kicks, turns, counts, probes)


def _run(
    lattice: Lattice,
    beam: Beam,
    kicks: Sequence[Kick],
    turns: int,
    counts: Plan,
    probes: Tensor | None,
) -> tuple[State, State | None]:
    state = state_of(beam.coordinates, beam.alive)
    probe = None
    if probes is not None:
        alive = torch.ones(probes.shape[:-1], dtype=torch.bool, device=probes.device)
        probe = state_of(probes, alive)
    reference = beam.reference
    needs_beam = bool(kicks) or probe is None
    for _ in range(turns):
        for element, fraction, kicked, enters in _walk(lattice, counts):
            if needs_beam:
                state = passable(state) if enters else state
                state = transport(element, state, reference, fraction)
            if probe is not None:
                probe = passable(probe) if enters else probe
                probe = transport(element, probe, reference, fraction)
            if kicked is None:
                continue
            for kick in kicks:
                state = kick.admit(state)
                field = kick.field(beam, state)
                state = kick.apply(state, field, kicked)
                if probe is not None:
                    probe = kick.apply(kick.admit(probe), field, kicked)
    return state, probe


def _walk(lattice: Lattice, counts: Plan) -> Iterator[tuple[Any, float, Number | None, bool]]:
    """(element, fraction to pass, length to kick over afterwards or None, whether it is entered).

    Between two kicks of one element, the second half of a slice and the first half of the next are
    one map.
    """
    for element, count in zip(lattice, counts, strict=True):
        if count == 0:
            yield element, 1.0, None, True
            continue
        ds = element.length / count
        yield element, 0.5 / count, ds, True
        for _ in range(count - 1):
            yield element, 1.0 / count, ds, False
        yield element, 0.5 / count, None, False


def state_of(coordinates: Tensor, alive: Tensor) -> State:
    """Columns, each contiguous, from coordinates (..., 6)."""
    return State(tuple(coordinates.movedim(-1, 0).contiguous().unbind(0)), alive)


def beam_of(state: State, like: Beam) -> Beam:
    """A beam from columns, with the rest of another beam."""
    coordinates = torch.stack(state.coordinates, 0).movedim(0, -1)
    return like.replace(coordinates=coordinates, alive=state.alive)

"""Native tracking: particles through slices of elements, and kicks between them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from .beam import Beam
from .compiled import parallel
from .elements import Element
from .lattice import Lattice
from .number import Number
from .reference import Reference
from .transport import WHOLE, Part, State, advance, behind, passable
from .transport.fused import fused

if TYPE_CHECKING:
    from .tracking import Kick, Plan


class End(NamedTuple):
    """What a tracking ends with."""

    state: State
    probe: State | None
    reference: Reference


def run(
    lattice: Lattice,
    beam: Beam,
    kicks: Sequence[Kick],
    turns: int,
    counts: Plan,
    probes: Tensor | None = None,
) -> End:
    """Track a beam and, in its field, probe particles that add nothing to it.

    Args:
        probes: coordinates (M, 6), or None.

    Returns:
        Final states of the beam and of the probes, and the reference there. Unchecked; see
        `check_track`.
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
) -> End:
    state = state_of(beam.coordinates, beam.alive)
    probe = None
    if probes is not None:
        alive = torch.ones(probes.shape[:-1], dtype=torch.bool, device=probes.device)
        probe = state_of(probes, alive)
    reference = beam.reference
    if not kicks:
        alone = fused(lattice, state if probe is None else probe, reference, turns)
        if alone is not None:
            if probe is None:
                return End(alone.state, None, alone.reference)
            return End(state, alone.state, alone.reference)
    needs_beam = bool(kicks) or probe is None
    for _ in range(turns):
        for element, part, kicked in _walk(lattice, counts):
            if needs_beam:
                state = passable(state) if part.start == 0 else state
                state = advance(element, state, reference, part)
            if probe is not None:
                probe = passable(probe) if part.start == 0 else probe
                probe = advance(element, probe, reference, part)
            after = behind(element, reference, part)
            if after is not reference:
                reference, beam = after, beam.replace(reference=after)
            if kicked is None:
                continue
            for kick in kicks:
                state = kick.admit(state)
                field = kick.field(beam, state)
                state = kick.apply(state, field, kicked)
                if probe is not None:
                    probe = kick.apply(kick.admit(probe), field, kicked)
    return End(state, probe, reference)


def _walk(lattice: Lattice, counts: Plan) -> Iterator[tuple[Element, Part, Number | None]]:
    """(element, part of it to pass, length to kick over afterwards or None).

    Between two kicks of one element, the second half of a slice and the first half of the next are
    one map.
    """
    for element, count in zip(lattice, counts, strict=True):
        if count == 0:
            yield element, WHOLE, None
            continue
        ds = element.length / count
        places = [0.0, *((n + 0.5) / count for n in range(count)), 1.0]
        for n, part in enumerate(itertools.starmap(Part, itertools.pairwise(places))):
            yield element, part, ds if n < count else None


def state_of(coordinates: Tensor, alive: Tensor) -> State:
    """Columns, each contiguous, from coordinates (..., 6)."""
    return State(tuple(coordinates.movedim(-1, 0).contiguous().unbind(0)), alive)


def beam_of(state: State, reference: Reference, like: Beam) -> Beam:
    """A beam from columns and their reference, with the rest of another beam."""
    coordinates = torch.stack(state.coordinates, 0).movedim(0, -1)
    return like.replace(reference=reference, coordinates=coordinates, alive=state.alive)

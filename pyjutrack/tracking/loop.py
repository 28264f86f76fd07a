"""Native tracking: particles through slices of elements, and effects between them."""

from __future__ import annotations

from collections.abc import Sequence

from ..beam.beam import Beam
from ..collective.base import CollectiveEffect, Plan
from ..kernels import parallel
from ..lattice.lattice import Lattice
from ..maps.state import State
from .end import End, state_of
from .forward import particles_of
from .fused_lattice import fused
from .fused_slices import channelled
from .slicing import Walk, passed
from .soft_apertures import in_sections


def run(
    lattice: Lattice,
    beam: Beam,
    effects: Sequence[CollectiveEffect],
    turns: int,
    counts: Plan,
    probe: State | None = None,
) -> End:
    """Track a beam and, in its field, probe particles that add nothing to it.

    Returns:
        Final states of the beam and of the probes, and the reference there. Unchecked; see
        `check_track`.
    """
    with parallel.cores():
        if not lattice.soft:
            return _run(lattice, beam, effects, turns, counts, probe)
        return in_sections(
            lambda part, beam, counts, probe: _run(part, beam, effects, 1, counts, probe),
            *(lattice, beam, turns, counts, probe),
        )


def _run(
    lattice: Lattice,
    beam: Beam,
    effects: Sequence[CollectiveEffect],
    turns: int,
    counts: Plan,
    probe: State | None,
) -> End:
    # as they stand: what is fused makes columns of its own
    state = State(beam.coordinates.unbind(-1), beam.alive)
    reference = beam.reference
    if not effects:
        alone = fused(lattice, state if probe is None else probe, reference, turns)
        if alone is not None:
            if probe is None:
                return End(alone.state, None, alone.reference, beam.weights)
            return End(state, alone.state, alone.reference, beam.weights)
    walk = Walk(lattice, counts)
    found = channelled(walk, beam, state, effects, turns, probe=probe)
    if found is not None:
        return End(found.state, found.probe, reference, beam.weights)
    state = state_of(beam.coordinates, beam.alive)
    needs_beam = bool(effects) or probe is None
    data = (beam.current, beam.weights, reference, lattice, effects)
    particles = particles_of(state, data)
    for _ in range(turns):
        for segment in walk:
            if needs_beam:
                particles.go(segment, reference)
            if probe is not None:
                probe = passed(segment, probe, reference)
            after = segment.element.exit_reference(reference, segment.part)
            if after is not reference:
                reference, beam = after, beam.replace(reference=after)
            if not segment.slices:
                continue
            for kick in effects:
                field = particles.kick(kick, beam, segment.kicked)
                if probe is not None:
                    probe = kick.apply(kick.admit(probe), field, segment.kicked)
    return End(particles.state, probe, reference, beam.weights)

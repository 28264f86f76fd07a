"""Cavities by their wave: what it does across the axis along the length, and at its ends."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .. import maps
from ..beam.reference import Reference
from ..core.scalars import Number, cos_sin, is_zero
from ..maps.state import State
from .integrators import scheme
from .part import Part
from .steps import largest

if TYPE_CHECKING:
    from .rf_cavity import RFCavity

_ORDER = 4
#: of a phase that particles turn by in a step, and what of it makes that error in fourth order
_ERROR = 1e-6
_LONGEST = (_ERROR / 0.1324) ** (1 / _ORDER)
#: beyond which it is no cavity
_MOST = 10_000


def pass_wave(cavity: RFCavity, state: State, reference: Reference, part: Part) -> State:
    """Pass a part of a cavity whose wave runs with the reference, at its phase all along.

    Steps of `maps.rf_body`, with the gain at the phase of the reference and the ponderomotive
    force, and of what the phase of each particle changes of that gain, in `maps.rf_gap`.
    """
    drifts, kicks = scheme(*_choose_scheme(cavity, reference, part))
    sine = cos_sin(cavity.phase)[1]
    at, here = part.start, reference
    if part.start == 0 and cavity.ends in ("both", "entrance"):
        state = _edge(cavity, state, here, 1.0)
    for drift, kick in zip(drifts, (*kicks, 0.0), strict=True):
        stop = at + drift * part.fraction
        there = cavity.exit_reference(reference, Part(part.start, stop))
        state = _body(cavity, state, here, there, stop - at)
        at, here = stop, there
        if kick and not is_zero(cavity.voltage):
            gain = cavity.strength(here) * (kick * part.fraction)
            wave = cavity.wavenumber, cavity.phase, 1 / here.beta_gamma
            state = state.apply(maps.rf_gap, gain, *wave, 1 / here.beta_gamma, gain * sine)
    if part.stop == 1 and cavity.ends in ("both", "exit"):
        state = _edge(cavity, state, here, -1.0)
    return state


def _edge(cavity: RFCavity, state: State, reference: Reference, sign: float) -> State:
    """The lens where the field begins or, with the opposite sign, ends.

    In a standing wave, whose field is zero between cells, the backward wave gives back a part of
    the momentum in the first and the last of them.
    """
    if is_zero(cavity.voltage):
        return state
    pull, slow = _pull(cavity, reference, 0.0)
    if cavity.focusing == "standing-wave":
        pull = pull * (1 - slow / 2)
    wave = cavity.wavenumber, cavity.phase, 1 / reference.beta_gamma
    return state.apply(maps.rf_edge, sign * pull, *wave)


def _body(
    cavity: RFCavity, state: State, before: Reference, after: Reference, share: float
) -> State:
    gain = cavity.strength(before) * cos_sin(cavity.phase)[1] * share
    taken, ratio = (gain, after.p0c / before.p0c) if cavity.accelerate else (0.0, 1.0)
    focusing: Number = 0.0
    if cavity.focusing == "standing-wave":
        pull, slow = _pull(cavity, before, taken / 2)
        # by the momentum that the backward wave gives and takes, and by the ripple in time it makes
        focusing = pull * pull / 2 * (1 - slow + 0.75 * slow * slow)
    length = cavity.length * share
    frame = 1 / before.beta_gamma, 1 / before.beta, taken, ratio
    return state.apply(maps.rf_body, length, gain, focusing, *frame)


def _pull(cavity: RFCavity, reference: Reference, gained: Number) -> tuple[Number, Number]:
    """Kick across by a step of a wave's field, G |q| / (2 beta p0 c) [1/m], and 1 / gamma^2.

    Args:
        gained: since the reference had its momentum p0 [p0 c].
    """
    mass, energy = 1 / reference.beta_gamma, 1 / reference.beta + gained
    slow = mass * mass / (energy * energy)
    return cavity.strength(reference) / (2 * cavity.length * (1 - slow) ** 0.5), slow


def _choose_scheme(cavity: RFCavity, reference: Reference, part: Part) -> tuple[int, int]:
    """Order and steps: those that the cavity states, or what particles do within it needs.

    By the phase that they turn by, sqrt(k V L / (p c (beta gamma)^2)) of oscillations in time.
    """
    if cavity.steps is not None:
        return _ORDER, cavity.steps
    strength = largest(cavity.strength(reference)) * part.fraction
    there = cavity.exit_reference(reference, part)
    slowest = min(1.0, largest(there.p0c / reference.p0c))
    spread = largest(1 / reference.beta_gamma) / slowest
    length = largest(cavity.length) * part.fraction
    squared = strength * largest(cavity.wavenumber) * length * spread * spread / slowest
    if squared < 12 * _ERROR:
        return 2, 1
    return _ORDER, min(_MOST, math.ceil(math.sqrt(squared) / _LONGEST))

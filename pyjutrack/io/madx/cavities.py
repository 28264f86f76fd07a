"""Cavities of MAD, crab cavities among them.

VOLT is the energy that a particle gains [MeV], whatever its charge.
BEAM, BV = -1 turns the direction of motion: voltages stay, and phases count back, from where the
kick of the other direction is the same.
"""

from __future__ import annotations

import math

from ...core.unstated import UNSTATED
from ...elements import CrabCavity, Element, RFCavity
from ...lattice.expressions import Formula
from ..arithmetic import charge_number, per_turn
from .source import MadSource as Source


def read_cavity(source: Source) -> list[Element]:
    """MAD takes V sin(2 pi lag - omega t) with t ahead: lag 1/2 is stable above transition."""
    phase = 2 * math.pi * source.number("lag")
    return [
        source.make(
            RFCavity,
            **_gap(source),
            phase=phase if source.sign > 0 else math.pi - phase,
        )
    ]


def read_crab_cavity(source: Source) -> list[Element]:
    """A kick of V / (p0 c) sin(2 pi lag - omega t), in the plane of TILT."""
    return [
        source.make(
            CrabCavity,
            **_gap(source),
            phase=2 * math.pi * source.strength("lag"),
            tilt=source.strength("tilt"),
        )
    ]


def _gap(source: Source) -> dict[str, Formula]:
    """What both kinds state alike."""
    return {
        "length": source.length,
        "voltage": 1e6 * source.number("volt") / charge_number(source.reference),
        "frequency": _frequency(source),
    }


def _frequency(source: Source) -> Formula:
    """Frequency [Hz]; by the harmonic number where the file gives that."""
    if source.states("freq"):
        return 1e6 * source.number("freq")
    if not source.states("harmon"):
        return UNSTATED
    return per_turn(source.number("harmon"), source.reference, source.turn, source.say)

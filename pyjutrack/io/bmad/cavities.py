"""Cavities of Bmad. Source: its reference manual, 2026, Elements; its standard tracking."""

from __future__ import annotations

import math

from ... import elements as kinds
from ...beam.reference import SPEED_OF_LIGHT
from ...core.unstated import UNSTATED
from ...elements import Element
from ...lattice.expressions import Formula
from ..arithmetic import charge_number, is_on, per_turn
from .source import BmadSource as Source

#: what FRINGE_AT leaves of the ends
_ENDS = {"no_end": "none", "entrance_end": "entrance", "exit_end": "exit"}
#: parts of lambda / 2 by which a length may miss a whole number of cells
_ROUNDING = 1e-9


def read_cavity(source: Source) -> list[Element]:
    """Bmad's standard tracking of it has no focusing, whatever its type and its fringes."""
    source.word("fringe_type"), source.word("fringe_at")
    return _gap(source, kinds.RFCavity)


def read_crab_cavity(source: Source) -> list[Element]:
    """The kick is in px."""
    return _gap(source, kinds.CrabCavity)


def read_linac_cavity(source: Source) -> list[Element]:
    """Bmad takes V cos(2 pi phi0 + omega t), the reference too: phi0 = 0 is the crest.

    The field takes as many half wavelengths as there is space for, or N_CELL, in the middle.
    """
    for name in ("voltage_err", "gradient_err", "phi0_err"):
        if is_on(source.number(name)):
            source.say(f"{name} is left out")
    frequency = _frequency(source)
    fields: dict[str, object] = {
        "voltage": _voltage(source),
        "frequency": frequency,
        "phase": 0.5 * math.pi + _phase(source),
        "accelerate": True,
        **source.placement(),
    }
    active = _active_length(source, frequency)
    focusing = _focusing(source) if is_on(active) else {}
    if not focusing or active is source.length:
        return [source.make(kinds.RFCavity, length=source.length, **fields, **focusing)]
    end = f"{source.definition.name}_end"
    pipe = source.make_named(end, kinds.Drift, length=(source.length - active) / 2)
    return [pipe, source.make(kinds.RFCavity, length=active, **fields, **focusing), pipe]


def _focusing(source: Source) -> dict[str, str]:
    wave, ends = source.word("cavity_type"), _ENDS.get(source.word("fringe_at"), "both")
    if source.word("fringe_type") == "none":
        ends = "none"
    if wave.startswith("ptc"):
        source.say(f"cavity_type = {wave}; read without focusing")
        return {}
    focusing = "travelling-wave" if wave.startswith("travel") else "standing-wave"
    return {"focusing": focusing, "ends": ends}


def _active_length(source: Source, frequency: Formula) -> Formula:
    """Length with a field [m], the element's own if that is it."""
    value, length = source.value(frequency), source.value(source.length)
    if not value or not length:
        return source.length
    cells = math.floor(2 * length * value / SPEED_OF_LIGHT + _ROUNDING)
    stated = source.fixed("n_cell", -1.0)
    if stated >= 0:
        cells = min(cells, round(stated))
    half_wave = SPEED_OF_LIGHT / (2 * value)
    if abs(length - cells * half_wave) < _ROUNDING * half_wave:
        return source.length
    return cells * (0.5 * SPEED_OF_LIGHT / frequency)


def _gap(source: Source, kind: type[Element]) -> list[Element]:
    """Bmad takes V sin(2 pi phi0 - omega t): phi0 = 0 is stable above transition."""
    return [
        source.make(
            kind,
            length=source.length,
            voltage=_voltage(source),
            frequency=_frequency(source),
            phase=math.pi - _phase(source),
            **source.placement(),
        )
    ]


def _frequency(source: Source) -> Formula:
    """Frequency [Hz]; by the harmonic number where the file gives that."""
    harmon = source.number("harmon")
    if not is_on(harmon):
        return source.number("rf_frequency", UNSTATED)
    source.number("rf_frequency")
    return per_turn(harmon, source.reference, source.turn, source.say)


def _voltage(source: Source) -> Formula:
    """Bmad's voltage is the energy that the reference particle gains [eV], whatever its charge."""
    gradient, gain = source.number("gradient"), source.number("voltage")
    if is_on(gradient) and not source.states("voltage"):
        gain = gradient * source.length
    return gain / charge_number(source.reference)


def _phase(source: Source) -> Formula:
    """phi0 in turns, as it counts in V sin(2 pi phi0 - omega t)."""
    return 2 * math.pi * (source.number("phi0") + source.number("phi0_multipass"))

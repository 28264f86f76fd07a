"""Radio frequency of Xsuite. Source: xtrack 0.118.

Its phases are those of the energy that a particle gains, sin(phase + omega t) for one that arrives
by t late, as here: phases are radians, and `lag` degrees in older files.
"""

from __future__ import annotations

import math

from ...core.unstated import UNSTATED
from ...elements import CrabCavity, Marker, Multipole, RFCavity
from ...elements.cavity import Cavity
from ...lattice.expressions import Formula, call
from ..arithmetic import is_on, per_turn, times
from ..builder import Fields
from .source import Piece, Source

_DEGREE = math.pi / 180


def read_cavity(source: Source) -> list[Piece]:
    return _gap(source, RFCavity, "voltage")


def read_crab(source: Source) -> list[Piece]:
    return _gap(source, CrabCavity, "crab_voltage")


def _gap(source: Source, kind: type[Cavity], voltage: str) -> list[Piece]:
    source.ignore("num_kicks", "model", "integrator")
    phase = source.number("phase") + _in_radians(source, "lag")
    gap: Fields = {"length": source.number("length"), "voltage": source.number(voltage)}
    return [Piece(kind, {**gap, "frequency": _frequency(source), "phase": phase})]


def _frequency(source: Source) -> Formula:
    """Frequency [Hz]; a harmonic number counts periods in a turn of the whole line."""
    frequency, harmonic = _stated_frequency(source), source.number("harmonic")
    if not is_on(harmonic):
        return frequency
    if source.turn is None:  # it is read once more when the length of the line is known
        return frequency
    found = per_turn(harmonic, source.reference, source.turn, source.say)
    return frequency + found if is_on(frequency) else found


def _stated_frequency(source: Source) -> Formula:
    return source.number("frequency") if source.states("frequency") else UNSTATED


def _in_radians(source: Source, name: str) -> Formula:
    return times(source.number(name), _DEGREE)


def read_rf_multipole(source: Source) -> list[Piece]:
    """A cavity for its voltage, crab cavities for its dipoles; higher orders have no counterpart.

    Normal ones kick by -knl cos(phase + omega t), skew ones by ksl cos(phase + omega t) in y.
    """
    frequency, voltage = _stated_frequency(source), source.number("voltage")
    phase = source.number("phase") + _in_radians(source, "lag")
    pieces = []
    if is_on(voltage):
        fields = {"voltage": voltage, "frequency": frequency, "phase": phase}
        pieces.append(Piece(RFCavity, fields))
    phases = {
        name: [source.series(f"phase_{name[1]}"), source.series(f"p{name[1]}")]
        for name in ("knl", "ksl")
    }
    found = {name: source.series(name) for name in ("knl", "ksl")}
    at = {name: _phases(source, phases[name], len(found[name])) for name in found}
    if not is_on(frequency):
        static = {
            name: tuple(k * call("cos", a) for k, a in zip(found[name], at[name], strict=True))
            for name in found
        }
        return [*pieces, Piece(Multipole, static)] if any(found.values()) else pieces or _nothing()
    for name, turn in (("knl", -math.pi / 2), ("ksl", math.pi / 2)):
        series = found[name]
        if any(is_on(entry) for entry in series[1:]):
            source.say(f"{name} = {[str(k) for k in series]}: no counterpart above the dipole")
        if series and is_on(series[0]):
            fields = {"frequency": frequency, "phase": at[name][0] + turn}
            fields["voltage"] = _voltage(source, series[0])
            fields["tilt"] = math.pi / 2 if name == "ksl" else 0.0
            pieces.append(Piece(CrabCavity, fields))
    return pieces or _nothing()


def _nothing() -> list[Piece]:
    return [Piece(Marker, {})]


def _phases(source: Source, given: list[tuple[Formula, ...]], count: int) -> list[Formula]:
    radians, degrees = given
    return [
        (radians[n] if n < len(radians) else 0.0)
        + (times(degrees[n], _DEGREE) if n < len(degrees) else 0.0)
        for n in range(count)
    ]


def _voltage(source: Source, kick: Formula) -> Formula:
    """Transverse voltage that gives a kick [rad]."""
    if source.reference is None:
        source.say("a kick by radio frequency needs a reference particle; give reference=")
        return 0.0
    reference = source.reference
    return kick * (float(reference.p0c) / abs(reference.species.charge))

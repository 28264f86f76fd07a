"""Kinds of elements of PALS as kinds of this package."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ... import elements as kinds
from ...elements import Element
from ..arithmetic import is_on
from ..record import NOT_MODELLED
from .bends import read_bend
from .openings import opening
from .placement import placement
from .source import Group, Made, Source

Fields = dict[str, Any]
#: phase [turns] of PALS' zero against ours, which is the stable one below transition
ZERO_PHASES = {"ACCELERATING": 0.25, "BELOW_TRANSITION": 0.0, "ABOVE_TRANSITION": 0.5}

#: focusing of cavities, and their types in PALS
WAVES = {"standing-wave": "STANDING_WAVE", "travelling-wave": "TRAVELING_WAVE"}


def _drift(source: Source) -> Made:
    return source.make(kinds.Drift, length=source.length, **placement(source))


def _main(kind: type[Element], order: int) -> Callable[[Source], Made]:
    def convert(source: Source) -> Made:
        strengths = source.strengths()
        normal, skew = strengths.take(order)
        named = {f"k{order}": normal, f"k{order}s": skew}
        rest = strengths.series()
        return source.make(kind, length=source.length, **named, **rest, **placement(source))

    return convert


def _multipole(source: Source) -> Made:
    rest = source.strengths().series()
    return source.make(kinds.Multipole, length=source.length, **rest, **placement(source))


def _kicker(source: Source) -> Made:
    """By + i Bx = Kn0 + i Ks0 kicks px by -Kn0 L and py by Ks0 L."""
    series = source.strengths().series()
    knl, ksl = (list(series.pop(name, ())) for name in ("knl", "ksl"))
    kicks: Fields = {}
    for values, field, sign in ((knl, "hkick", -1), (ksl, "vkick", 1)):
        if values and is_on(values[0]):
            kicks[field], values[0] = sign * values[0], 0.0
    rest: Fields = {n: tuple(v) for n, v in (("knl", knl), ("ksl", ksl)) if any(map(is_on, v))}
    return source.make(kinds.Kicker, length=source.length, **kicks, **rest, **placement(source))


def _solenoid(source: Source) -> Made:
    group = source.group("SolenoidP")
    ks = group.number("Ksol")
    if group.has("Bsol"):
        ks = group.number("Bsol") / source.rigidity(group, "Bsol")
    if not is_on(source.length):
        if is_on(ks):
            source.say("a thin solenoid has no counterpart; read as a marker")
        return source.make(kinds.Marker, **placement(source))
    return source.make(kinds.Solenoid, length=source.length, ks=ks, **placement(source))


def _cavity(kind: type[Element]) -> Callable[[Source], Made]:
    def convert(source: Source) -> Made:
        group = source.group("RFP")
        voltage = group.number("voltage")
        if group.has("gradient"):
            active = group.number("L_active") if group.has("L_active") else source.length
            product = group.number("gradient") * active
            stated, expected = source.value(voltage), source.value(product)
            if group.has("voltage") and not math.isclose(stated, expected, rel_tol=1e-9):
                raise group.wrong("gradient", "and voltage are both set, and differ")
            voltage = voltage if group.has("voltage") else product
        group.asked.update(("gradient", "L_active", "num_cells", "harmon"))
        wave = group.choice("cavity_type", "", ("", *WAVES.values()))
        focusing = _focusing(source, group, wave) if kind is kinds.RFCavity and wave else {}
        zero = ZERO_PHASES[group.choice("zero_phase", "ACCELERATING", tuple(ZERO_PHASES))]
        named: Fields = {"phase": 2 * math.pi * (group.number("phase") + zero)}
        if group.has("frequency") or is_on(group.number("harmon")):
            named["frequency"] = group.number("frequency")
        gain = group.fixed("dE_ref")
        if gain and kind is kinds.RFCavity:
            charge = abs(source.reference.species.charge) if source.reference else 1.0
            phase = source.value(named["phase"])
            own = source.value(voltage) * charge * math.sin(phase)
            if math.isclose(gain, own, rel_tol=1e-9):
                named["accelerate"] = True
            else:
                source.say(f"RFP.dE_ref = {gain} eV is not what the reference gains; left out")
        named |= {**focusing, **placement(source)}
        return source.make(kind, length=source.length, voltage=voltage, **named)

    return convert


def _focusing(source: Source, group: Group, wave: str) -> Fields:
    """That of the wave, where a file states its type."""
    if not is_on(source.length):
        source.say(f"cavity_type {wave} of no length; read without focusing")
        return {}
    if group.has("L_active") and source.value(group.number("L_active") - source.length):
        source.say("the wave of L_active is read as that of the whole length")
    return {"focusing": next(ours for ours, theirs in WAVES.items() if theirs == wave)}


def _thin(source: Source) -> Made:
    if is_on(source.length):
        return _drift(source)
    return source.make(kinds.Marker, **placement(source))


def _instrument(source: Source) -> Made:
    return source.make(kinds.Monitor, length=source.length, **placement(source))


def _patch(source: Source) -> Made:
    group = source.group("PatchP")
    if group.choice("flexible", False, (True, False)):
        raise group.wrong("flexible", "is not understood; give the offsets and rotations")
    named = placement(source, "PatchP")
    turned = any(is_on(named[n]) for n in ("x_rot", "y_rot"))
    away = any(is_on(named[n]) for n in ("dx", "dy", "dz"))
    end = group.choice("ref_coords", "EXIT_END", ("EXIT_END", "ENTRANCE_END"))
    if end == "EXIT_END" and turned and away:
        source.say("the length along its exit; z_offset is taken as the reference's path")
    group.choice("user_sets_length", False, (True, False))
    return source.make(kinds.Patch, **named)


def _mask(source: Source) -> Made:
    found = opening(source)
    return found if found is not None else _thin(source)


def _absent(source: Source) -> Made:
    """A placeholder for a kind that is not modelled, with all that the file says of it."""
    source.say(NOT_MODELLED)
    fields = {"length": source.length, "stands_for": source.kind, "settings": source.settings()}
    return source.make(kinds.Placeholder, **fields)


_ABSENT = (
    *("ACKicker", "BeamBeam", "Converter", "EGun", "Feedback", "FloorShift", "Foil"),
    *("Match", "ReferenceChange", "Taylor", "UnionEle", "Wiggler"),
)
KINDS: dict[str, Callable[[Source], Made]] = {
    "Drift": _drift,
    "Quadrupole": _main(kinds.Quadrupole, 1),
    "Sextupole": _main(kinds.Sextupole, 2),
    "Octupole": _main(kinds.Octupole, 3),
    "Multipole": _multipole,
    "Kicker": _kicker,
    "Solenoid": _solenoid,
    "Bend": read_bend,
    "RFCavity": _cavity(kinds.RFCavity),
    "CrabCavity": _cavity(kinds.CrabCavity),
    "Marker": _thin,
    "Placeholder": _thin,
    "Instrument": _instrument,
    "Patch": _patch,
    "Mask": _mask,
    **dict.fromkeys(("Fiducial", "Fork", "Girder"), _thin),  # nothing that moves the beam
    **dict.fromkeys(_ABSENT, _absent),
}

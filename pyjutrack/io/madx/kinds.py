"""Elements of MAD, class by class. Source: MAD-X user's reference manual, 5.09."""

from __future__ import annotations

import math
from collections.abc import Callable

from ...beam.reference import SPEED_OF_LIGHT
from ...elements import (
    CrabCavity,
    Drift,
    Element,
    Kicker,
    Marker,
    Monitor,
    Multipole,
    Octupole,
    Patch,
    Quadrupole,
    RBend,
    RFCavity,
    SBend,
    Sextupole,
    Solenoid,
)
from ...lattice.expressions import Formula
from .source import MadSource as Source

Reader = Callable[[Source], list[Element]]


def _drift(source: Source) -> list[Element]:
    return [source.make(Drift, length=source.length)]


def _space(source: Source) -> list[Element]:
    """A marker, or a drift where it has a length."""
    if source.is_on(source.length):
        return [source.make(Drift, length=source.length)]
    return [source.make(Marker)]


def _monitor(source: Source) -> list[Element]:
    return [source.make(Monitor, length=source.length)]


def _quadrupole(source: Source) -> list[Element]:
    return [
        source.make(
            Quadrupole,
            length=source.length,
            k1=source.strength("k1"),
            k1s=source.strength("k1s"),
            tilt=source.number("tilt"),
        )
    ]


def _sextupole(source: Source) -> list[Element]:
    return [
        source.make(
            Sextupole,
            length=source.length,
            k2=source.strength("k2"),
            k2s=source.strength("k2s"),
            tilt=source.number("tilt"),
        )
    ]


def _octupole(source: Source) -> list[Element]:
    return [
        source.make(
            Octupole,
            length=source.length,
            k3=source.strength("k3"),
            k3s=source.strength("k3s"),
            tilt=source.number("tilt"),
        )
    ]


def _multipole(source: Source) -> list[Element]:
    normal, skew = source.strengths("knl"), source.strengths("ksl")
    if normal and source.is_on(normal[0]):
        source.say("its dipole bends the reference orbit in MAD; here it kicks the beam")
    return [source.make(Multipole, knl=normal, ksl=skew, tilt=source.number("tilt"))]


def _bend_fields(source: Source, angle: Formula) -> dict[str, Formula | tuple[Formula, ...]]:
    """What sector and rectangular bends have in common."""
    length = source.length
    k0 = source.strength("k0")
    fint, fintx = source.number("fint"), source.number("fintx", -1.0)
    if source.value(fintx) < 0:  # MAD takes that of the entrance
        fintx = fint
    fields: dict[str, Formula | tuple[Formula, ...]] = {
        "length": length,
        "angle": angle,
        "k1": source.strength("k1"),
        "k2": source.strength("k2"),
        "fint": fint,
        "fintx": fintx,
        "hgap": source.number("hgap"),
        "tilt": source.number("tilt"),
    }
    if source.is_on(k0):
        fields["dk0"] = k0 - angle / length
    skew = source.strength("k1s")
    if source.is_on(skew):
        fields["ksl"] = (0.0, skew * length)
    return fields


def _sector(source: Source) -> list[Element]:
    angle = source.strength("angle")
    e1, e2 = source.strength("e1"), source.strength("e2")
    return [source.make(SBend, e1=e1, e2=e2, **_bend_fields(source, angle))]


def _rectangular(source: Source) -> list[Element]:
    """MAD adds half the angle to its faces as it stands in the file, whatever the sign of BV."""
    angle = source.strength("angle")
    e1, e2 = source.strength("e1"), source.strength("e2")
    fields = _bend_fields(source, angle)
    if source.sign > 0:
        return [source.make(RBend, e1=e1, e2=e2, **fields)]
    half = -0.5 * angle
    return [source.make(SBend, e1=e1 + half, e2=e2 + half, **fields)]


def _kicker(horizontal: tuple[str, ...], vertical: tuple[str, ...]) -> Reader:
    """Correctors, by the attributes that hold their kicks."""

    def read(source: Source) -> list[Element]:
        kicks = [
            next((source.strength(n) for n in names if source.states(n)), 0.0)
            for names in (horizontal, vertical)
        ]
        made = source.make(
            Kicker,
            length=source.length,
            hkick=kicks[0],
            vkick=kicks[1],
            tilt=source.number("tilt"),
        )
        return [made]

    return read


def _frequency(source: Source) -> Formula:
    """Frequency [Hz]; by the harmonic number where the file gives that."""
    if source.states("freq") or not source.states("harmon"):
        return 1e6 * source.number("freq")
    harmon = source.number("harmon")
    if source.reference is None or not source.turn:
        source.say("a harmonic number without a BEAM gives no frequency; give reference=")
        return 0.0
    beta = float(source.reference.beta)
    return harmon * (beta * SPEED_OF_LIGHT / source.turn)


def _cavity(source: Source) -> list[Element]:
    """MAD takes V sin(2 pi lag - omega t) with t ahead: lag 1/2 is stable above transition."""
    return [
        source.make(
            RFCavity,
            length=source.length,
            voltage=1e6 * source.number("volt"),
            frequency=_frequency(source),
            phase=2 * math.pi * source.number("lag"),
        )
    ]


def _crab(source: Source) -> list[Element]:
    return [
        source.make(
            CrabCavity,
            length=source.length,
            voltage=1e6 * source.number("volt"),
            frequency=_frequency(source),
            phase=2 * math.pi * source.number("lag"),
            tilt=source.number("tilt"),
        )
    ]


def _solenoid(source: Source) -> list[Element]:
    ks = source.strength("ks")
    if source.is_on(source.length):
        return [source.make(Solenoid, length=source.length, ks=ks)]
    if source.is_on(source.strength("ksi")):
        return _absent("ksi", "ks")(source)
    return _space(source)


def _translation(source: Source) -> list[Element]:
    moves = {"dx": source.number("dx"), "dy": source.number("dy"), "dz": source.number("ds")}
    return [source.make(Patch, **moves)]


def _roll(source: Source) -> list[Element]:
    return [source.make(Patch, tilt=source.number("angle"))]


def _turn(axis: str, sign: float) -> Reader:
    def read(source: Source) -> list[Element]:
        return [source.make(Patch, **{axis: sign * source.number("angle")})]

    return read


def _absent(*strengths: str) -> Reader:
    """A class that has no counterpart: space, as long as it is switched off."""

    def read(source: Source) -> list[Element]:
        if any(source.is_on(entry) for name in strengths for entry in source.strengths(name)):
            length = source.value(source.length)
            shown = f"a drift of {length:g} m" if length else "a marker"
            source.say(f"no counterpart; read as {shown}")
        return _space(source)

    return read


#: how elements of a class are read
CLASSES: dict[str, Reader] = {
    "drift": _drift,
    "marker": _space,
    "quadrupole": _quadrupole,
    "sextupole": _sextupole,
    "octupole": _octupole,
    "multipole": _multipole,
    "sbend": _sector,
    "rbend": _rectangular,
    "hkicker": _kicker(("kick", "hkick"), ()),
    "vkicker": _kicker((), ("kick", "vkick")),
    "kicker": _kicker(("hkick", "kick"), ("vkick",)),
    "tkicker": _kicker(("hkick", "kick"), ("vkick",)),
    "rfcavity": _cavity,
    "crabcavity": _crab,
    "twcavity": _absent("volt"),
    "elseparator": _absent("ex", "ey"),
    "rfmultipole": _absent("volt", "knl", "ksl"),
    "hacdipole": _absent("volt"),
    "vacdipole": _absent("volt"),
    "beambeam": _absent("npart", "charge"),
    "nllens": _absent("knll"),
    "wire": _absent("current"),
    "gkicker": _absent("kick"),
    "arbitelm": _absent(),
    "changeref": _absent("patch_ang", "patch_trans"),
    "solenoid": _solenoid,
    "matrix": _absent("rm11", "rm12", "rm21", "rm22", "rm33"),
    "dipedge": _absent("h"),
    "translation": _translation,
    "srotation": _roll,
    "xrotation": _turn("x_rot", 1.0),
    "yrotation": _turn("y_rot", 1.0),
    **dict.fromkeys(("monitor", "hmonitor", "vmonitor", "slmonitor", "blmonitor"), _monitor),
    **dict.fromkeys(("imonitor", "profile"), _monitor),
    **dict.fromkeys(("instrument", "placeholder"), _space),
    **dict.fromkeys(("collimator", "ecollimator", "rcollimator"), _space),
}

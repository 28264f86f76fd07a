"""Elements of MAD, class by class. Source: MAD-X user's reference manual, 5.09."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ... import elements as kinds
from ...elements import Element
from ...lattice.expressions import Formula
from ..arithmetic import is_on, per_turn
from .bends import read_rectangular_bend, read_sector_bend
from .openings import openings
from .source import MadSource as Source

Reader = Callable[[Source], list[Element]]


def _drift(source: Source) -> list[Element]:
    return [source.make(kinds.Drift, length=source.length)]


def _space(source: Source) -> list[Element]:
    return [source.space()]


def _monitor(source: Source) -> list[Element]:
    return [source.make(kinds.Monitor, length=source.length)]


def _straight(kind: type[Element], *strengths: str) -> Reader:
    """A straight magnet, by the strengths that it and MAD have alike."""

    def read(source: Source) -> list[Element]:
        fields = {name: source.strength(name) for name in strengths}
        return [source.make(kind, length=source.length, tilt=source.number("tilt"), **fields)]

    return read


def _multipole(source: Source) -> list[Element]:
    """A dipole in it bends the reference orbit, KNL[0] towards -x and KSL[0] towards y."""
    normal, skew = source.strengths("knl"), source.strengths("ksl")
    tilt, arc = source.number("tilt"), source.number("lrad")
    across, up = (bool(s) and is_on(s[0]) for s in (normal, skew))
    if not across and not up:
        return [source.make(kinds.Multipole, knl=normal, ksl=skew, tilt=tilt)]
    if across and up:
        source.say("its dipole bends in both planes; KSL[0] kicks the beam here")
    angle, turned = (normal[0], tilt) if across else (skew[0], tilt - math.pi / 2)
    rest: dict[str, Any] = {"knl": (0.0, *normal[1:]), "ksl": skew}
    if not across:
        rest = {"knl": (), "ksl": ()}
        if any(map(is_on, (*normal, *skew[1:]))):
            source.say("the multipoles beside its vertical dipole are left out")
    curvature = angle / arc if is_on(arc) else 0.0
    return [source.make(kinds.ThinBend, angle=angle, h=curvature, tilt=turned, **rest)]


def _edge(source: Source) -> list[Element]:
    made = source.make(
        kinds.DipoleEdge,
        h=source.strength("h"),
        e1=source.strength("e1"),
        fint=source.number("fint"),
        hgap=source.number("hgap"),
        tilt=source.number("tilt"),
    )
    return [made]


def _matrix(source: Source) -> list[Element]:
    """RMij, KICKi and TMijk, in MAD's variables; the identity where they are not given."""
    axes = range(1, 7)
    rows = tuple(source.number(f"rm{i}{j}", float(i == j)) for i in axes for j in axes)
    kick = tuple(source.number(f"kick{i}") for i in axes)
    second = tuple(source.number(f"tm{i}{j}{k}") for i in axes for j in axes for k in axes)
    if not any(map(is_on, second)):
        second = ()
    fields: dict[str, Any] = {"matrix": rows, "kick": kick, "second": second, "variables": "t pt"}
    return [source.make(kinds.TaylorMap, length=source.length, **fields)]


def _collimator(source: Source) -> list[Element]:
    found = openings(source)
    return [*found[:1], *_space(source), *found[1:]]


def _kicker(horizontal: tuple[str, ...], vertical: tuple[str, ...]) -> Reader:
    """Correctors, by the attributes that hold their kicks."""

    def read(source: Source) -> list[Element]:
        kicks = [
            next((source.strength(n) for n in names if source.states(n)), 0.0)
            for names in (horizontal, vertical)
        ]
        made = source.make(
            kinds.Kicker,
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
    return per_turn(source.number("harmon"), source.reference, source.turn, source.say)


def _gap(source: Source, kind: type[Element], **options: Formula) -> list[Element]:
    """MAD takes V sin(2 pi lag - omega t) with t ahead: lag 1/2 is stable above transition."""
    gap = {
        "voltage": 1e6 * source.number("volt"),
        "frequency": _frequency(source),
        "phase": 2 * math.pi * source.number("lag"),
    }
    return [source.make(kind, length=source.length, **gap, **options)]


def _cavity(source: Source) -> list[Element]:
    return _gap(source, kinds.RFCavity)


def _crab(source: Source) -> list[Element]:
    return _gap(source, kinds.CrabCavity, tilt=source.number("tilt"))


def _solenoid(source: Source) -> list[Element]:
    ks = source.strength("ks")
    if is_on(source.length):
        return [source.make(kinds.Solenoid, length=source.length, ks=ks)]
    if is_on(source.strength("ksi")):
        return _absent("ksi", "ks")(source)
    return _space(source)


def _translation(source: Source) -> list[Element]:
    moves: dict[str, Any] = {
        "dx": source.number("dx"),
        "dy": source.number("dy"),
        "dz": source.number("ds"),
    }
    return [source.make(kinds.Patch, **moves)]


def _roll(source: Source) -> list[Element]:
    return [source.make(kinds.Patch, tilt=source.number("angle"))]


def _turn(axis: str, sign: float) -> Reader:
    def read(source: Source) -> list[Element]:
        return [source.make(kinds.Patch, **{axis: sign * source.number("angle")})]

    return read


def _absent(*strengths: str) -> Reader:
    """A class that is not modelled: space as long as it is switched off, or a placeholder."""

    def read(source: Source) -> list[Element]:
        given = [source.numbers(name) for name in strengths if source.states(name)]
        if strengths and not any(is_on(entry) for entries in given for entry in entries):
            return _space(source)
        return [source.placeholder()]

    return read


#: how elements of a class are read
CLASSES: dict[str, Reader] = {
    "drift": _drift,
    "marker": _space,
    "quadrupole": _straight(kinds.Quadrupole, "k1", "k1s"),
    "sextupole": _straight(kinds.Sextupole, "k2", "k2s"),
    "octupole": _straight(kinds.Octupole, "k3", "k3s"),
    "multipole": _multipole,
    "sbend": read_sector_bend,
    "rbend": read_rectangular_bend,
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
    "matrix": _matrix,
    "dipedge": _edge,
    "translation": _translation,
    "srotation": _roll,
    "xrotation": _turn("x_rot", 1.0),
    "yrotation": _turn("y_rot", 1.0),
    **dict.fromkeys(("monitor", "hmonitor", "vmonitor", "slmonitor", "blmonitor"), _monitor),
    **dict.fromkeys(("imonitor", "profile"), _monitor),
    **dict.fromkeys(("instrument", "placeholder"), _space),
    **dict.fromkeys(("collimator", "ecollimator", "rcollimator"), _collimator),
}

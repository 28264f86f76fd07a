"""Elements of MAD, class by class. Source: MAD-X user's reference manual, 5.09."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ... import elements as kinds
from ...elements import Element
from ...lattice.expressions import Formula, call
from ..arithmetic import is_on
from .bends import read_rectangular_bend, read_sector_bend
from .cavities import read_cavity, read_crab_cavity
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
    normal, skew = _components(source)
    tilt, arc = source.number("tilt"), source.number("lrad")
    across, up = (bool(s) and is_on(s[0]) for s in (normal, skew))
    if not across and not up:
        return [source.make(kinds.Multipole, knl=normal, ksl=skew, tilt=tilt)]
    if across and up:
        source.say("its dipole bends in both planes; KSL[0] kicks the beam here")
    angle, turned = (normal[0], tilt) if across else (skew[0], tilt - math.pi / 2)
    curvature = angle / arc if is_on(arc) else 0.0
    bend: dict[str, Any] = {"angle": angle, "h": curvature, "tilt": turned}
    if across:
        return [source.make(kinds.ThinBend, **bend, knl=(0.0, *normal[1:]), ksl=skew)]
    made = [source.make(kinds.ThinBend, **bend)]
    rest: dict[str, Any] = {"knl": (0.0, *normal[1:]), "ksl": (0.0, *skew[1:])}
    if any(map(is_on, (*rest["knl"], *rest["ksl"]))):  # kicks at one place, in any order
        name = f"{source.definition.name}_multipole"
        made.append(source.make_named(name, kinds.Multipole, **rest, tilt=tilt))
    return made


def _components(source: Source) -> tuple[tuple[Formula, ...], tuple[Formula, ...]]:
    """KNL and KSL; in MAD8 these are K0L, K1L, ..., each turned by T0, T1, ..."""
    normal, skew = source.strengths("knl"), source.strengths("ksl")
    given = [n for n in range(10) if source.states(f"k{n}l")]
    if not given:
        return normal, skew
    turned: list[tuple[Formula, Formula]] = [(0.0, 0.0)] * (given[-1] + 1)
    for n in given:
        strength, angle = source.strength(f"k{n}l"), (n + 1) * source.number(f"t{n}")
        turned[n] = strength * call("cos", angle), -strength * call("sin", angle)
    if not any(is_on(entry) for _, entry in turned):
        return tuple(entry for entry, _ in turned), ()
    return tuple(entry for entry, _ in turned), tuple(entry for _, entry in turned)


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


def _solenoid(source: Source) -> list[Element]:
    ks = source.strength("ks")
    if is_on(source.length):
        return [source.make(kinds.Solenoid, length=source.length, ks=ks)]
    if is_on(source.number("ksi")):
        return _thin_solenoid(source, ks)
    return _space(source)


def _thin_solenoid(source: Source, ks: Formula) -> list[Element]:
    """A focusing kick, and a turn about s, of KS and KSI: those of MAD's Twiss, to first order.

    With LRAD the field is KSI / LRAD, whatever KS says.
    """
    turn, arc = 0.5 * source.strength("ksi"), source.number("lrad")
    if is_on(arc):
        ks = 2 * turn / arc
    kick = -0.5 * ks * turn
    c, s = call("cos", turn), call("sin", turn)
    rows: list[tuple[Formula, ...]] = [
        (c, 0.0, s, 0.0),
        (kick * c, c, kick * s, s),
        (-s, 0.0, c, 0.0),
        (-kick * s, -s, kick * c, c),
    ]
    matrix: tuple[Formula, ...] = tuple(entry for row in rows for entry in (*row, 0.0, 0.0))
    matrix += (0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    source.say("thin: a linear map, as in MAD's Twiss, alike for all momenta")
    return [source.make(kinds.TaylorMap, matrix=matrix)]


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
        return [source.make(kinds.Patch, **{axis: sign * source.strength("angle")})]

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
    "rfcavity": read_cavity,
    "crabcavity": read_crab_cavity,
    "twcavity": _absent("volt"),
    "lcavity": _absent("deltae", "volt", "eloss"),
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

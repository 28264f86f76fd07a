"""Elements as those of Xsuite, kind by kind."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from ...elements import (
    Aperture,
    CrabCavity,
    DipoleEdge,
    Drift,
    Element,
    Kicker,
    Marker,
    Monitor,
    Multipole,
    Octupole,
    Patch,
    Placeholder,
    Quadrupole,
    RBend,
    RFCavity,
    SBend,
    Sextupole,
    Solenoid,
    TaylorMap,
    ThinBend,
)
from ...lattice.expressions import Formula
from ..arithmetic import add, is_on
from .apertures import UNLIMITED
from .source import CLASS
from .write_bends import write_bend
from .written import KEPT, Attributes, Part, Written

Writer = Callable[[Written], list[Part]]


def _drift(written: Written) -> list[Part]:
    model = "exact" if written.option("model") == "exact" else "expanded"
    return [Part("Drift", {"length": written.field("length"), "model": model})]


def _marker(written: Written) -> list[Part]:
    return [Part("Marker", {})]


def _monitor(written: Written) -> list[Part]:
    """A place, or space: what Xsuite's monitors record is not known here."""
    length = written.field("length")
    if is_on(length):
        return [Part("Drift", {"length": length, "model": "exact"})]
    return _marker(written)


def _quadrupole(written: Written) -> list[Part]:
    """The linear model has all gradients in it, which Xsuite has only of the magnet's own."""
    length, own = written.field("length"), {n: written.field(n) for n in ("k1", "k1s")}
    series = {n: list(written.series(n)) for n in ("knl", "ksl")}
    if written.option("model") == "linear" and is_on(length):
        for name, field in (("knl", "k1"), ("ksl", "k1s")):
            if len(series[name]) > 1 and is_on(series[name][1]):
                own[field] = own[field] + series[name][1] / length
                series[name][1] = 0.0
    kicked = 0.0 if written.option("model") == "linear" else own["k1"]
    model = written.integrator(kicked)
    ends = {}
    if written.option("fringe") == "hard-edge":
        ends = {"edge_entry_active": True, "edge_exit_active": True}
    return [Part("Quadrupole", {"length": length, **own, **series, **model, **ends})]


def _with(*names: str) -> Writer:
    """A magnet whose parameters have the same names in both."""

    def write(written: Written) -> list[Part]:
        fields = {name: written.field(name) for name in names}
        kind = type(written.element).__name__
        return [Part(kind, {**fields, **_series(written), **written.integrator()})]

    return write


def _series(written: Written) -> Attributes:
    return {name: written.series(name) for name in ("knl", "ksl")}


def _multipole(written: Written) -> list[Part]:
    return [_kick(written, written.series("knl"), written.series("ksl"))]


def _kicker(written: Written) -> list[Part]:
    kicks = (0.0 - written.field("hkick"),), (written.field("vkick"),)
    found = [add(kick, written.series(n)) for kick, n in zip(kicks, ("knl", "ksl"), strict=True)]
    return [_kick(written, *found)]


def _kick(written: Written, knl: tuple[Formula, ...], ksl: tuple[Formula, ...]) -> Part:
    length = written.field("length")
    found: Attributes = {"knl": knl, "ksl": ksl}
    if is_on(length):
        found |= {"length": length, "isthick": True, **written.integrator()}
    return Part("Multipole", found)


def _solenoid(written: Written) -> list[Part]:
    return [Part("UniformSolenoid", {n: written.field(n) for n in ("length", "ks")})]


def _cavity(written: Written) -> list[Part]:
    if written.option("accelerate"):
        raise written.refuse("a cavity that raises the reference energy; give accelerate=False")
    if written.option("focusing") != "none":
        raise written.refuse('the focusing of a cavity; give focusing="none"')
    names = ("length", "voltage", "frequency", "phase")
    return [Part("Cavity", {name: written.field(name) for name in names})]


def _crab(written: Written) -> list[Part]:
    found = {name: written.field(name) for name in ("length", "frequency", "phase")}
    return [Part("CrabCavity", {**found, "crab_voltage": written.field("voltage")})]


def _patch(written: Written) -> list[Part]:
    """A translation, which takes the reference particle along here, and a rotation."""
    along = written.field("dz")
    shifts = {f"shift_{axis}": written.field(f"d{axis}") for axis in ("x", "y")}
    shifts["shift_s"] = along
    early = [Part("TimeDelay", {"shift_zeta": 0.0 - along})] if is_on(along) else []
    turns = {f"rot_{axis}_rad": written.field(f"{axis}_rot") for axis in ("x", "y")}
    roll = written.field("z_rot")
    turns["rot_s_rad"] = roll + written.field("tilt") if is_on(roll) else (written.field("tilt"))
    parts = [Part("Translation", shifts), *early, Part("Rotation", turns)]
    return [p for p in parts if any(map(is_on, p.attributes.values()))] or _marker(written)


def _aperture(written: Written) -> list[Part]:
    if written.option("smoothing"):
        raise written.refuse("openings with soft edges have no counterpart; give smoothing=0")
    width, height = (written.option(n) for n in ("half_width", "half_height"))
    width, height = (min(size, UNLIMITED) for size in (width, height))
    shape = written.option("shape")
    if shape == "ellipse":
        return [Part("LimitEllipse", {"a": width, "b": height})]
    if shape == "rectellipse":
        radii = {
            n: min(written.option(f"radius_{p}"), UNLIMITED) for n, p in (("a", "x"), ("b", "y"))
        }
        return [Part("LimitRectEllipse", {"max_x": width, "max_y": height, **radii})]
    if shape in ("polygon", "octagon"):
        return [_polygon(written)]
    box = {"min_x": -width, "max_x": width, "min_y": -height, "max_y": height}
    if written.option("shape") == "rectangle":
        return [Part("LimitRect", box)]
    corners = {"a": written.option("corner_x"), "b": written.option("corner_y")}
    if not all(map(math.isfinite, corners.values())):
        raise written.refuse("its corners have no end")
    return [Part("LimitRacetrack", {**box, **corners})]


def _polygon(written: Written) -> Part:
    """A polygon; an octagon as one."""
    corners = written.option("vertices")
    if not corners:
        names = ("half_width", "half_height", "corner_x", "corner_y")
        width, height, across, up = (written.option(n) for n in names)
        if not all(map(math.isfinite, (width, height))):
            raise written.refuse("an octagon without an end")
        corners = [
            *((width, height - up), (width - across, height)),
            *((across - width, height), (-width, height - up)),
            *((-width, up - height), (across - width, -height)),
            *((width - across, -height), (width, up - height)),
        ]
    columns = zip(("x_vertices", "y_vertices"), zip(*corners, strict=True), strict=True)
    return Part("LimitPolygon", {name: [float(v) for v in column] for name, column in columns})


def _thin_bend(written: Written) -> list[Part]:
    angle, h = written.field("angle"), written.field("h")
    knl = add((angle,), written.series("knl"))
    found: Attributes = {"knl": knl, "ksl": written.series("ksl"), "hxl": angle}
    return [Part("Multipole", {**found, "length": angle / h} if is_on(h) else found)]


def _edge(written: Written) -> list[Part]:
    names = {"k": "h", **{name: name for name in ("e1", "fint", "hgap")}}
    return [Part("DipoleEdge", {there: written.field(here) for there, here in names.items()})]


def _taylor_map(written: Written) -> list[Part]:
    """A map in the variables that Xsuite has, to the order that it has them in."""
    variables = written.option("variables")
    kick, matrix, second = (written.series(name) for name in ("kick", "matrix", "second"))
    length = {"length": written.field("length")}
    rows = [matrix[n : n + 6] for n in range(0, 36, 6)]
    if variables == "t pt" and not second:
        return [Part("FirstOrderTaylorMap", {"m0": kick, "m1": rows, **length})]
    if variables == "zeta pzeta":
        third = [
            [second[n : n + 6] for n in range(m, m + 36, 6)] for m in range(0, len(second), 36)
        ]
        found = {"k": kick, "R": rows, **length}
        return [Part("SecondOrderTaylorMap", {**found, "T": third} if third else found)]
    raise written.refuse(f"a map of this order in the variables {variables!r}")


def _placeholder(written: Written) -> list[Part]:
    """What was read from a file of Xsuite, as it stood there."""
    settings, kind = written.option("settings"), written.option("stands_for")
    if settings.get(CLASS) != kind:
        raise written.refuse("a placeholder of another program's element")
    return [Part(kind, {KEPT: _thaw(settings)})]


def _thaw(value: Any) -> Any:
    """Plain data as lists and dictionaries."""
    if isinstance(value, Mapping):
        return {name: _thaw(entry) for name, entry in value.items()}
    return [_thaw(entry) for entry in value] if isinstance(value, tuple) else value


#: how elements of a kind are written
WRITERS: dict[type[Element], Writer] = {
    Drift: _drift,
    Marker: _marker,
    Monitor: _monitor,
    Quadrupole: _quadrupole,
    Sextupole: _with("length", "k2", "k2s"),
    Octupole: _with("length", "k3", "k3s"),
    Multipole: _multipole,
    Kicker: _kicker,
    SBend: write_bend,
    RBend: write_bend,
    Solenoid: _solenoid,
    RFCavity: _cavity,
    CrabCavity: _crab,
    Patch: _patch,
    Aperture: _aperture,
    ThinBend: _thin_bend,
    DipoleEdge: _edge,
    TaylorMap: _taylor_map,
    Placeholder: _placeholder,
}

"""Elements of a lattice as the standard has them, and values that may be expressions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ...beam.reference import Reference
from ...core.unstated import is_stated
from ...elements import (
    Aperture,
    Bend,
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
from ...lattice.expressions import Expression
from ..fields import plain
from ..record import Say
from .kinds import WAVES
from .placement import SHIFTS

Plain = dict[str, Any]

_NAMES: dict[type[Element], str] = {
    **{kind: kind.__name__ for kind in (Drift, Quadrupole, Sextupole, Octupole, Multipole)},
    **{kind: kind.__name__ for kind in (Kicker, Solenoid, RFCavity, CrabCavity, Marker, Patch)},
    Monitor: "Instrument",
    Aperture: "Mask",
    SBend: "Bend",
    RBend: "Bend",
}
_MAIN: dict[type[Element], int] = {Quadrupole: 1, Sextupole: 2, Octupole: 3}


def formulas(element: Element, expressions: Mapping[str, Expression]) -> Plain:
    """The fields of an element that are expressions; of a series, all its entries."""
    found: Plain = {}
    for name in (*element.knobs, *element.placement):
        if isinstance(getattr(element, name), tuple):
            entries = [
                expressions.get(f"{element.name}.{name}[{n}]", value)
                for n, value in enumerate(plain(element, name))
            ]
            if any(isinstance(entry, Expression) for entry in entries):
                found[name] = entries
        elif f"{element.name}.{name}" in expressions:
            found[name] = expressions[f"{element.name}.{name}"]
    return found


def standard(element: Element, own: Plain, reference: Reference | None, say: Say) -> Plain:
    """An element as the standard has it, in tables of numbers and expressions.

    Args:
        element: to be written.
        own: its `formulas`.
        reference: of the line, or None.
        say: takes what other programs read otherwise.
    """
    values = {name: plain(element, name) for name in (*element.knobs, *element.placement)} | own
    name = _NAMES.get(type(element))
    length = values.get("length", 0.0)
    if name is None:
        name = "Drift" if length else "Marker"
        say(f"PALS has no such kind; other programs read a {name.lower()}")
        values = {**dict.fromkeys(_STRENGTHLESS, 0.0), **values}
    table: Plain = {"kind": name, **({"length": length} if length else {})}
    if isinstance(element, Bend):
        table["BendP"] = _bend(element, values)
    else:
        values["z_rot"] += values["tilt"]
    multipoles = _multipoles(element, values) if type(element) in _NAMES else {}
    if multipoles:
        table["MagneticMultipoleP"] = multipoles
    if isinstance(element, Solenoid):
        table["SolenoidP"] = {"Ksol": values["ks"]}
    if isinstance(element, (RFCavity, CrabCavity)):
        table["RFP"] = _radio_frequency(element, values, reference, say)
        if isinstance(element, CrabCavity) and length:
            say("PALS has thin crab cavities only; other programs may leave out the length")
    if isinstance(element, Aperture):
        table["ApertureP"] = _aperture(element)
        if element.shape == "rectellipse":
            say("PALS has no rectangle within an ellipse; other programs read the rectangle")
        if element.smoothing:
            say("PALS has sharp edges only; other programs leave out the smoothing")
    shifts = {theirs: values[ours] for theirs, ours in SHIFTS.items() if values[ours]}
    if isinstance(element, Patch):
        table["PatchP"] = {**shifts, "ref_coords": "ENTRANCE_END"}
    elif shifts:
        table["BodyShiftP"] = shifts
    return table


_STRENGTHLESS = tuple(SHIFTS.values())


def _multipoles(element: Element, values: Plain) -> Plain:
    """Strengths per metre of what a kind has by itself, integrated ones of the rest."""
    length = values.get("length", 0.0)
    parts: dict[int, tuple[float, float]] = {}
    if type(element) in _MAIN:
        order = _MAIN[type(element)]
        parts[order] = (values[f"k{order}"], values[f"k{order}s"])
    elif isinstance(element, Bend):
        curvature = values["angle"] / length if length else 0.0
        dipole = curvature + values["dk0"] if values["dk0"] or any(values["knl"][:1]) else 0.0
        parts = {0: (dipole, 0.0), 1: (values["k1"], 0.0), 2: (values["k2"], 0.0)}
    knl, ksl = values.get("knl", []), values.get("ksl", [])
    if isinstance(element, Kicker):
        knl = [-values["hkick"] + sum(knl[:1]), *knl[1:]]
        ksl = [values["vkick"] + sum(ksl[:1]), *ksl[1:]]
    found: Plain = {}
    for order in range(max(len(knl), len(ksl), *(o + 1 for o in parts), 0)):
        main = parts.get(order, (0.0, 0.0))
        extra = tuple(sum(series[order : order + 1]) for series in (knl, ksl))
        for letter, strength, more in zip("ns", main, extra, strict=True):
            if any(extra) and (strength or more):
                found[f"K{letter}{order}L"] = (strength * length if strength else 0.0) + more
            elif strength or (letter == "n" and order == 0 and values.get("dk0")):
                found[f"K{letter}{order}"] = strength
    return found


def _bend(element: Bend, values: Plain) -> Plain:
    suffix = "_rect" if isinstance(element, RBend) else ""
    found = {"angle_ref": values["angle"]}
    found |= {f"{face}{suffix}": values[face] for face in ("e1", "e2") if values[face] or suffix}
    for edge, fint in (("edge1_int", "fint"), ("edge2_int", "fintx")):
        if values[fint] * values["hgap"]:
            found[edge] = values[fint] * values["hgap"]
    if values["tilt"]:
        found["tilt_ref"] = values["tilt"]
    return found


def _radio_frequency(
    element: RFCavity | CrabCavity, values: Plain, reference: Reference | None, say: Say
) -> Plain:
    found = {"frequency": values["frequency"]} if is_stated(values["frequency"]) else {}
    found |= {"voltage": values["voltage"]}
    found |= {"phase": values["phase"] / (2 * math.pi), "zero_phase": "BELOW_TRANSITION"}
    if isinstance(element, RFCavity) and element.focusing in WAVES:
        found["cavity_type"] = WAVES[element.focusing]
        if element.ends != "both":
            say("PALS has cavities with both ends; other programs may focus at both")
    elif isinstance(element, RFCavity) and element.focusing == "gap":
        say("PALS has no focusing of gaps; other programs leave it out")
    if isinstance(element, RFCavity) and element.accelerate:
        if reference is None:
            say("accelerates, by an energy that only a reference has; give reference=")
        else:
            voltage, phase = plain(element, "voltage"), plain(element, "phase")
            gain = voltage * math.sin(phase)
            found["dE_ref"] = abs(reference.species.charge) * gain
    return found


def _aperture(element: Aperture) -> Plain:
    w, h, cx, cy = element.half_width, element.half_height, element.corner_x, element.corner_y
    if element.shape == "racetrack" and cx and cy and math.isfinite(w + h):
        corner = {"radius": [cx, cy]}
        points: list[Plain] = [
            {"point": [w, cy - h], **corner},
            {"point": [w, h - cy]},
            {"point": [w - cx, h], **corner},
            {"point": [cx - w, h]},
            {"point": [-w, h - cy], **corner},
            {"point": [-w, cy - h]},
            {"point": [cx - w, -h], **corner},
            {"point": [w - cx, -h]},
        ]
        found: Plain = {"shape": "VERTICES", "vertices": {"list": points}}
    elif (element.shape == "octagon" and math.isfinite(w + h)) or element.vertices:
        corners = element.vertices or [
            (sx * x, sy * y)
            for sx, sy in ((1, 1), (-1, 1), (-1, -1), (1, -1))
            for x, y in ((w, h - cy), (w - cx, h))[:: sx * sy]
        ]
        points = [{"point": [*corner]} for corner in corners]
        found = {"shape": "VERTICES", "vertices": {"list": points}}
    else:
        found = {"shape": "ELLIPTICAL" if element.shape == "ellipse" else "RECTANGULAR"}
        for axis, half in (("x", w), ("y", h)):
            if math.isfinite(half):
                found |= {f"{axis}_min": -half, f"{axis}_max": half}
    return {**found, "aperture_shifts_with_body": True}

"""Lattices as PALS files in YAML."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from ...beam.reference import Reference
from ...core.atomic import write_text
from ...core.errors import warn
from ...core.names import unused_name
from ...core.scalars import to_float
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
from ...lattice.lattice import Lattice
from ..errors import LatticeWarning
from ..fields import changed_fields, name_kind, plain
from ..record import Notes, Say
from .kinds import KINDS, SHIFTS
from .lines import REFUSED
from .source import Source
from .yaml_tree import Table

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


def write_pals(path: str | Path, lattice: Lattice, reference: Reference | None = None) -> None:
    """Write a lattice as a PALS file in YAML, whole or not at all.

    Options of the package's own stand in `TrackingP: {pyjutrack: {...}}`, so that `read_pals` gives
    the lattice back; floats that went through a product may differ in the last digit. Warns of what
    other programs cannot read of it.

    Raises:
        InvalidValueError: a parameter carries derivatives.
    """
    import yaml  # only where a file is one

    notes = Notes()
    if lattice.expressions:
        notes.add("variables and expressions are written as the numbers that they are worth")
    facility: list[Plain] = []
    line: list[str] = []
    # what stands in the file, by its name there, and the words that PALS keeps
    defined = dict.fromkeys(("use", "expand_lattice", *REFUSED), "")
    if reference is not None:
        facility.append({unused_name("beginning", defined): _beginning(reference)})
        defined["beginning"] = ""
        line.append("beginning")
    given = {element.name for element in lattice if _NAME.fullmatch(element.name)}
    for element in lattice:
        table = _describe(element, reference, notes)
        name = _name(element, table, defined, given)
        if name not in defined:
            defined[name] = repr(table)
            facility.append({name: _with_name(table, element.name, name)})
        line.append(name)
    root = unused_name("all_of_it", defined)
    facility += [{root: {"kind": "BeamLine", "line": line}}]
    machine = unused_name("machine", defined)
    facility += [{machine: {"kind": "Lattice", "branches": [root]}}, {"use": machine}]
    data = {"PALS": {"version": None, "facility": facility}}
    text = yaml.safe_dump(data, sort_keys=False, width=100, allow_unicode=True)
    write_text(Path(path), text)
    for note in notes.all:
        warn(f"{path}: {note}", LatticeWarning)


_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _name(element: Element, table: Plain, defined: dict[str, str], given: set[str]) -> str:
    """The name in the file: the element's own, unless PALS has no such name or it is taken."""
    stem = re.sub(r"\W", "_", element.name, flags=re.ASCII) or type(element).__name__.lower()
    stem = stem if _NAME.match(stem) else f"_{stem}"
    number, name = 1, stem
    described = repr(table)
    while defined.get(name, described) != described or (name in given and name != element.name):
        number, name = number + 1, f"{stem}_{number + 1}"
    return name


def _with_name(table: Plain, name: str, written: str) -> Plain:
    """Add the element's name to the table, where the file has another."""
    if name == written:
        return table
    own = table.get("TrackingP", {}).get("pyjutrack", {})
    return {**table, "TrackingP": {"pyjutrack": {"name": name, **own}}}


def _beginning(reference: Reference) -> Plain:
    species = reference.species
    name = re.sub("^anti(?!-|muon)", "anti-", species.name)
    own = {"species": species.name, "mass": species.mass, "charge": species.charge}
    return {
        "kind": "BeginningEle",
        "ReferenceP": {"species_ref": name, "pc_ref": to_float(reference.p0c)},
        "TrackingP": {"pyjutrack": own},
    }


def _describe(element: Element, reference: Reference | None, notes: Notes) -> Plain:
    """Describe an element in PALS, and under TrackingP what PALS has no word for."""
    say = notes.for_element(element.name, type(element).__name__)
    table = _standard(element, reference, say)
    source = Source(Path(), element.name, _table(table), reference, lambda _: None)
    back = KINDS[table["kind"]](source)
    own: Plain = {}
    if type(back) is not type(element):
        own = {"kind": name_kind(type(element)), **changed_fields(element)}
    else:
        for name in {**changed_fields(element), **changed_fields(back)}:
            if not _close(plain(element, name), plain(back, name)):
                own[name] = plain(element, name)
    return {**table, "TrackingP": {"pyjutrack": own}} if own else table


def _close(a: Any, b: Any) -> bool:
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_close, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=2e-15)
    return bool(a == b)


def _table(values: Plain) -> Table:
    table = Table(0)
    for key, value in values.items():
        table.put(key, _table(value) if isinstance(value, dict) else value, 0)
    return table


def _standard(element: Element, reference: Reference | None, say: Say) -> Plain:
    """Write an element as the standard has it."""
    values = {name: plain(element, name) for name in (*element.knobs, *element.placement)}
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
                found[f"K{letter}{order}L"] = strength * length + more
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
    found = {name: values[name] for name in ("frequency", "voltage")}
    found |= {"phase": values["phase"] / (2 * math.pi), "zero_phase": "BELOW_TRANSITION"}
    if isinstance(element, RFCavity) and element.accelerate:
        if reference is None:
            say("accelerates, by an energy that only a reference has; give reference=")
        else:
            gain = values["voltage"] * math.sin(values["phase"])
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

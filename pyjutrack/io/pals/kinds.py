"""Kinds of elements of PALS as kinds of this package."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ...elements import (
    Aperture,
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
from .source import Group, Source, states_own_kind

Fields = dict[str, Any]
#: PALS' names of the displacement
SHIFTS = {
    **{f"{axis}_offset": f"d{axis}" for axis in "xyz"},
    **{f"{axis}_rot": f"{axis}_rot" for axis in "xyz"},
}
#: phase [turns] of PALS' zero against ours, which is the stable one below transition
ZERO_PHASES = {"ACCELERATING": 0.25, "BELOW_TRANSITION": 0.0, "ABOVE_TRANSITION": 0.5}


def placement(source: Source, group: str = "BodyShiftP") -> Fields:
    """Displacements and rotations of a body, or of a patch."""
    shifts = source.group(group)
    return {ours: shifts.number(theirs) for theirs, ours in SHIFTS.items()}


def _drift(source: Source) -> Element:
    return Drift(source.length, name=source.name, **placement(source))


def _main(kind: Callable[..., Element], order: int) -> Callable[[Source], Element]:
    def convert(source: Source) -> Element:
        strengths = source.strengths()
        normal, skew = strengths.take(order)
        named = {f"k{order}": normal, f"k{order}s": skew}
        rest = strengths.series()
        return kind(source.length, **named, **rest, name=source.name, **placement(source))

    return convert


def _multipole(source: Source) -> Element:
    rest = source.strengths().series()
    return Multipole(length=source.length, **rest, name=source.name, **placement(source))


def _kicker(source: Source) -> Element:
    """By + i Bx = Kn0 + i Ks0 kicks px by -Kn0 L and py by Ks0 L."""
    series = source.strengths().series()
    knl, ksl = (list(series.pop(name, ())) for name in ("knl", "ksl"))
    kicks: Fields = {}
    for values, field, sign in ((knl, "hkick", -1), (ksl, "vkick", 1)):
        if values and values[0]:
            kicks[field], values[0] = sign * values[0], 0.0
    rest: Fields = {n: tuple(v) for n, v in (("knl", knl), ("ksl", ksl)) if any(v)}
    return Kicker(source.length, **kicks, **rest, name=source.name, **placement(source))


def _solenoid(source: Source) -> Element:
    group = source.group("SolenoidP")
    ks = group.number("Ksol")
    if group.has("Bsol"):
        ks = group.number("Bsol") / source.rigidity(group, "Bsol")
    if not source.length:
        if ks:
            source.say("a thin solenoid has no counterpart; read as a marker")
        return Marker(name=source.name, **placement(source))
    return Solenoid(source.length, ks, name=source.name, **placement(source))


def _bend(source: Source) -> Element:
    group = source.group("BendP")
    length, angle = _geometry(source, group)
    rectangular = group.has("e1_rect") or group.has("e2_rect")
    straight = group.choice("ref_geometry", "ARC", ("ARC", "CHORD", *_ENDS))
    if straight in _ENDS:
        raise group.wrong("ref_geometry", f"{straight} is not understood, only ARC and CHORD")
    if straight == "CHORD":
        rectangular = rectangular or not (group.has("e1") or group.has("e2"))
        source.say("multipoles about the chord; read as about the arc")
    half = angle / 2 if rectangular else 0.0
    faces: Fields = {}
    for face in ("e1", "e2"):
        if group.has(face) and group.has(f"{face}_rect"):
            raise group.wrong(f"{face}_rect", f"and {face} are both set")
        if group.has(face):
            faces[face] = group.number(face) - half
        else:
            turned = rectangular and (group.has(f"{face}_rect") or straight == "CHORD")
            faces[face] = group.number(f"{face}_rect") if turned else -half
    edges = [group.number(f"edge{n}_int") for n in (1, 2)]
    hgap = 2 * max(map(abs, edges))  # the product counts; a field integral of 1/2 is usual
    fint, fintx = (edge / hgap if hgap else 0.0 for edge in edges)
    strengths = source.strengths()
    curvature = angle / length if length else 0.0
    set_ = 0 in strengths.by_order and any(
        k in source.group("MagneticMultipoleP").table for k in ("Kn0", "Bn0", "Kn0L", "Bn0L")
    )
    follows = group.choice("Kn0_from_g_ref", True, (True, False))
    dipole, skew = strengths.take(0)
    if skew:
        strengths.by_order[0] = (0.0, skew, False)
    dk0 = dipole - curvature if set_ else (0.0 if follows else -curvature)
    pure = group.choice("multipole_geometry", "FOLLOWS_REF_GEOMETRY", _MULTIPOLES)
    if pure not in ("FOLLOWS_REF_GEOMETRY", "VERTICALLY_PURE"):
        source.say(f"BendP.multipole_geometry = {pure}; read as VERTICALLY_PURE")
    (k1, s1), (k2, s2) = strengths.take(1), strengths.take(2)
    strengths.by_order.update({n: (0.0, s, False) for n, s in ((1, s1), (2, s2)) if s})
    kind = RBend if rectangular else SBend
    named: Fields = {
        "k1": k1,
        "k2": k2,
        "dk0": dk0,
        "fint": fint,
        "fintx": fintx,
        "hgap": hgap,
        **faces,
    }
    rest: Fields = {
        **strengths.series(),
        **placement(source),
        "tilt": group.number("tilt_ref"),
    }
    return kind(length, angle, **named, **rest, name=source.name)


_ENDS = ("ENTRANCE_COORDS", "EXIT_COORDS")
_MULTIPOLES = ("FOLLOWS_REF_GEOMETRY", "VERTICALLY_PURE", "HORIZONTALLY_PURE", "CHORD", *_ENDS)


def _geometry(source: Source, group: Group) -> tuple[float, float]:
    """Arc length and angle, from two of: a curvature, a length, the angle."""
    arc, angle = source.length, group.number("angle_ref")
    curvature = group.number("g_ref")
    if group.has("radius_ref"):
        curvature = 1 / group.number("radius_ref", math.inf)
    if group.has("Bn0_ref"):
        curvature = group.number("Bn0_ref") / source.rigidity(group, "Bn0_ref")
    chord, rectangle = group.number("L_chord"), group.number("L_rectangle")
    given = [bool(angle), bool(curvature), bool(arc or chord or rectangle)]
    sets = [sum(map(bool, (arc, chord, rectangle))), sum(map(group.has, _CURVATURES))]
    if all(given) or max(sets) > 1:
        raise group.wrong(
            "angle_ref", "a bend takes two of: angle, one curvature, one length; more are given"
        )
    group.asked.add("L_sagitta")
    if arc:
        return arc, angle or curvature * arc
    if curvature and angle:
        return angle / curvature, angle
    if chord:
        angle = angle or 2 * math.asin(curvature * chord / 2)
        return chord * (angle / 2 / math.sin(angle / 2) if angle else 1.0), angle
    angle = angle or math.asin(curvature * rectangle)
    return rectangle * (angle / math.sin(angle) if angle else 1.0), angle


_CURVATURES = ("g_ref", "radius_ref", "Bn0_ref")


def _cavity(kind: Callable[..., Element]) -> Callable[[Source], Element]:
    def convert(source: Source) -> Element:
        group = source.group("RFP")
        voltage = group.number("voltage")
        if group.has("gradient"):
            if group.has("voltage"):
                raise group.wrong("gradient", "and voltage are both set")
            voltage = group.number("gradient") * group.number("L_active", source.length)
        group.asked.update(("gradient", "L_active", "cavity_type", "num_cells", "harmon"))
        if group.table.get("cavity_type") == "TRAVELING_WAVE":
            source.say("a travelling wave; read as one gap in the middle")
        zero = ZERO_PHASES[group.choice("zero_phase", "ACCELERATING", tuple(ZERO_PHASES))]
        named: Fields = {
            "frequency": group.number("frequency"),
            "phase": 2 * math.pi * (group.number("phase") + zero),
        }
        gain = group.number("dE_ref")
        if gain and kind is RFCavity:
            charge = abs(source.reference.species.charge) if source.reference else 1.0
            if math.isclose(gain, voltage * charge * math.sin(named["phase"]), rel_tol=1e-9):
                named["accelerate"] = True
            else:
                source.say(f"RFP.dE_ref = {gain} eV is not what the reference gains; left out")
        return kind(source.length, voltage, **named, name=source.name, **placement(source))

    return convert


def _thin(source: Source) -> Element:
    if source.length:
        return _drift(source)
    return Marker(name=source.name, **placement(source))


def _instrument(source: Source) -> Element:
    return Monitor(length=source.length, name=source.name, **placement(source))


def _patch(source: Source) -> Element:
    group = source.group("PatchP")
    if group.choice("flexible", False, (True, False)):
        raise group.wrong("flexible", "is not understood; give the offsets and rotations")
    named = placement(source, "PatchP")
    turned = named["x_rot"] or named["y_rot"]
    away = named["dx"] or named["dy"] or named["dz"]
    end = group.choice("ref_coords", "EXIT_END", ("EXIT_END", "ENTRANCE_END"))
    if end == "EXIT_END" and turned and away:
        source.say("the length along its exit; z_offset is taken as the reference's path")
    group.choice("user_sets_length", False, (True, False))
    return Patch(name=source.name, **named)


def _mask(source: Source) -> Element:
    found = opening(source)
    return found if found is not None else _thin(source)


def opening(source: Source) -> Aperture | None:
    """The opening of ApertureP, or None."""
    group = source.group("ApertureP")
    if not group.table or not group.choice("aperture_active", True, (True, False)):
        group.asked.update(group.table)
        return None
    group.asked.update(("material", "thickness", "location", "vertices"))
    shape = group.table.get("shape") or "ELLIPTICAL"
    group.asked.add("shape")
    if shape not in ("RECTANGULAR", "ELLIPTICAL"):
        group.asked.update(group.table)
        if not states_own_kind(source):
            source.say(f"ApertureP.shape = {shape} has no counterpart; left out")
        return None
    moves = group.choice("aperture_shifts_with_body", False, (True, False))
    shift = placement(source) if moves else {}
    if not moves and source.kind == "Mask":
        source.group("BodyShiftP")
    half: Fields = {}
    for axis, size in (("x", "half_width"), ("y", "half_height")):
        low, high = group.number(f"{axis}_min", -math.inf), group.number(f"{axis}_max", math.inf)
        centre, width = group.number(f"{axis}_center"), group.number(f"{axis}_width", math.inf)
        if math.isfinite(width):
            low, high = centre - width / 2, centre + width / 2
        if math.isfinite(low) and math.isfinite(high):
            half[size] = (high - low) / 2
            shift[f"d{axis}"] = shift.get(f"d{axis}", 0.0) + (high + low) / 2
        elif math.isfinite(low) or math.isfinite(high):
            source.say(f"ApertureP is open on one side in {axis}; read as open on both")
    if shape == "ELLIPTICAL" and len(half) < 2:
        source.say("an elliptical aperture without all four limits is not active; left out")
        return None
    words = {"RECTANGULAR": "rectangle", "ELLIPTICAL": "ellipse"}
    return Aperture(**half, shape=words[shape], name=source.name, **shift)


def without_counterpart(source: Source) -> Element:
    """A drift or a marker for a kind that the package lacks."""
    place = f"a drift of {source.length:g} m" if source.length else "a marker"
    source.say(f"{source.kind} has no counterpart; read as {place}")
    return _thin(source)


_LACKING = (
    *("ACKicker", "BeamBeam", "Converter", "EGun", "Feedback", "Fiducial", "FloorShift", "Foil"),
    *("Fork", "Girder", "Match", "ReferenceChange", "Taylor", "UnionEle", "Wiggler"),
)
KINDS: dict[str, Callable[[Source], Element]] = {
    "Drift": _drift,
    "Quadrupole": _main(Quadrupole, 1),
    "Sextupole": _main(Sextupole, 2),
    "Octupole": _main(Octupole, 3),
    "Multipole": _multipole,
    "Kicker": _kicker,
    "Solenoid": _solenoid,
    "Bend": _bend,
    "RFCavity": _cavity(RFCavity),
    "CrabCavity": _cavity(CrabCavity),
    "Marker": _thin,
    "Placeholder": _thin,
    "Instrument": _instrument,
    "Patch": _patch,
    "Mask": _mask,
    **dict.fromkeys(_LACKING, without_counterpart),
}

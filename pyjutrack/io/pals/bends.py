"""Bends of PALS."""

from __future__ import annotations

from typing import Any

from ...elements import RBend, SBend
from ...lattice.expressions import Expression, Formula, call
from ..arithmetic import is_on
from .placement import placement
from .source import Group, Made, Source

_ENDS = ("ENTRANCE_COORDS", "EXIT_COORDS")
_MULTIPOLES = ("FOLLOWS_REF_GEOMETRY", "VERTICALLY_PURE", "HORIZONTALLY_PURE", "CHORD", *_ENDS)
_CURVATURES = ("g_ref", "radius_ref", "Bn0_ref")


def read_bend(source: Source) -> Made:
    """A bend of any faces."""
    group = source.group("BendP")
    length, angle = _geometry(source, group)
    rectangular = group.has("e1_rect") or group.has("e2_rect")
    straight = group.choice("ref_geometry", "ARC", ("ARC", "CHORD", *_ENDS))
    if straight in _ENDS:
        raise group.wrong("ref_geometry", f"{straight} is not understood, only ARC and CHORD")
    if straight == "CHORD":
        rectangular = rectangular or not (group.has("e1") or group.has("e2"))
        source.say("multipoles about the chord; read as about the arc")
    strengths = source.strengths()
    curvature = angle / length if is_on(length) else 0.0
    set_ = 0 in strengths.by_order and any(
        k in source.group("MagneticMultipoleP").table for k in ("Kn0", "Bn0", "Kn0L", "Bn0L")
    )
    follows = group.choice("Kn0_from_g_ref", True, (True, False))
    dipole, skew = strengths.take(0)
    if is_on(skew):
        strengths.by_order[0] = (0.0, skew, False)
    dk0 = dipole - curvature if set_ else (0.0 if follows else -curvature)
    pure = group.choice("multipole_geometry", "FOLLOWS_REF_GEOMETRY", _MULTIPOLES)
    if pure not in ("FOLLOWS_REF_GEOMETRY", "VERTICALLY_PURE"):
        source.say(f"BendP.multipole_geometry = {pure}; read as VERTICALLY_PURE")
    (k1, s1), (k2, s2) = strengths.take(1), strengths.take(2)
    rest = {n: (0.0, s, False) for n, s in ((1, s1), (2, s2)) if is_on(s)}
    strengths.by_order.update(rest)
    fields: dict[str, Any] = {"k1": k1, "k2": k2, "dk0": dk0}
    fields |= _edges(source, group)
    fields |= _faces(group, angle, rectangular, straight == "CHORD")
    fields |= {**strengths.series(), **placement(source), "tilt": group.number("tilt_ref")}
    kind = RBend if rectangular else SBend
    return source.make(kind, length=length, angle=angle, **fields)


def _edges(source: Source, group: Group) -> dict[str, Formula]:
    """Field integrals; the product with the gap counts, and 1/2 is usual."""
    edges = [group.number(f"edge{n}_int") for n in (1, 2)]
    hgap = 2 * max(abs(source.value(edge)) for edge in edges)
    if not hgap and any(isinstance(edge, Expression) for edge in edges):
        hgap = 1.0
    fint, fintx = (edge / hgap if hgap else 0.0 for edge in edges)
    return {"fint": fint, "fintx": fintx, "hgap": hgap}


def _faces(group: Group, angle: Formula, rectangular: bool, chord: bool) -> dict[str, Formula]:
    half = angle / 2 if rectangular else 0.0
    faces: dict[str, Formula] = {}
    for face in ("e1", "e2"):
        if group.has(face) and group.has(f"{face}_rect"):
            raise group.wrong(f"{face}_rect", f"and {face} are both set")
        if group.has(face):
            faces[face] = group.number(face) - half
        else:
            turned = rectangular and (group.has(f"{face}_rect") or chord)
            faces[face] = group.number(f"{face}_rect") if turned else -1.0 * half
    return faces


def _geometry(source: Source, group: Group) -> tuple[Formula, Formula]:
    """Arc length and angle, from two of: a curvature, a length, the angle."""
    arc, angle = source.length, group.number("angle_ref")
    curvature = group.number("g_ref")
    if group.has("radius_ref"):
        curvature = 1 / group.number("radius_ref")
    if group.has("Bn0_ref"):
        curvature = group.number("Bn0_ref") / source.rigidity(group, "Bn0_ref")
    chord, rectangle = group.number("L_chord"), group.number("L_rectangle")
    lengths = list(map(is_on, (arc, chord, rectangle)))
    given = [is_on(angle), is_on(curvature), any(lengths)]
    sets = [sum(lengths), sum(map(group.has, _CURVATURES))]
    if all(given) or max(sets) > 1:
        raise group.wrong(
            "angle_ref", "a bend takes two of: angle, one curvature, one length; more are given"
        )
    group.asked.add("L_sagitta")
    if is_on(arc):
        return arc, angle if is_on(angle) else curvature * arc
    if is_on(curvature) and is_on(angle):
        return angle / curvature, angle
    if is_on(chord):
        angle = angle if is_on(angle) else 2 * call("asin", curvature * chord / 2)
        return _arc(chord, angle / 2), angle
    angle = angle if is_on(angle) else call("asin", curvature * rectangle)
    return _arc(rectangle, angle), angle


def _arc(straight: Formula, angle: Formula) -> Formula:
    """A length along an arc: times angle / sin(angle)."""
    return straight / call("sinc", angle)

"""Bending magnets of Bmad. Source: The Bmad Reference Manual, 2025, Bends: Rbend and Sbend."""

from __future__ import annotations

from ...elements import Element, RBend, SBend
from ...lattice.expressions import Expression, Formula, call
from ..arithmetic import is_on
from .source import BmadSource as Source


def arc_length(source: Source) -> Formula:
    """Length along the reference orbit [m]; L of a rectangular bend is its chord."""
    angle, curvature = source.number("angle"), _curvature(source)
    rectangular = source.definition.base == "rbend"
    length = source.number("l")
    if rectangular and not is_on(length):
        length = source.number("l_rectangle")
    if rectangular and source.states("l_arc"):
        return source.number("l_arc")
    if not is_on(length):
        if is_on(angle) and is_on(curvature):
            return angle / curvature
        return source.number("l_chord")
    if not rectangular:
        return length
    half = 0.5 * angle if is_on(angle) else call("asin", 0.5 * curvature * length)
    return length / call("sinc", half)


def read_bend(source: Source) -> list[Element]:
    """A sector or rectangular bend."""
    length = arc_length(source)
    angle = _angle(source, length)
    rectangular = source.definition.base == "rbend"
    fiducial, exact = source.word("fiducial_pt"), source.word("exact_multipoles")
    if rectangular and fiducial in ("entrance_end", "exit_end"):
        source.say(
            f"fiducial_pt = {fiducial}: its faces are read as if they counted from the middle"
        )
    if exact not in ("", "off"):
        source.say(f"exact_multipoles = {exact} is left out")
    kind = RBend if rectangular else SBend
    return [
        source.make(
            kind,
            length=length,
            angle=angle,
            k1=source.strength("k1", "b1_gradient"),
            k2=source.strength("k2", "b2_gradient"),
            dk0=source.strength("dg", "db_field"),
            **_faces(source),
            **source.placement("ref_tilt"),
            z_rot=source.number("roll"),
            **source.errors(angle, 0, source.number("ref_tilt")),
        )
    ]


def _curvature(source: Source) -> Formula:
    """g, or 1 / rho, or that of a field."""
    radius = source.number("rho")
    if is_on(radius):
        return 1.0 / radius
    return source.strength("g", "b_field")


def _angle(source: Source, length: Formula) -> Formula:
    angle, curvature = source.number("angle"), _curvature(source)
    source.number("l_chord")
    if is_on(angle) or not is_on(curvature):
        return angle
    return curvature * length


def _faces(source: Source) -> dict[str, object]:
    """Faces and their fringes, as far as FRINGE_TYPE and FRINGE_AT have them."""
    fields: dict[str, object] = {
        "e1": source.number("e1"),
        "e2": source.number("e2"),
        **_fringes(source),
    }
    kind, where = source.word("fringe_type"), source.word("fringe_at")
    if kind == "none" or where == "no_end":
        return {**fields, "edges": "none"}
    if kind not in ("", "basic_bend", "full", "linear_edge"):
        source.say(f"fringe_type = {kind} is left out")
    if where in ("entrance_end", "exit_end"):
        away = ("e2", "fintx") if where == "entrance_end" else ("e1", "fint")
        return {**fields, **dict.fromkeys(away, 0.0), "edges": "linear"}
    return {**fields, "edges": "linear"} if kind == "linear_edge" else fields


def _fringes(source: Source) -> dict[str, Formula]:
    """Field integrals; the exit takes what the entrance has where it is not given."""
    fint, gap = source.number("fint"), source.number("hgap")
    last, last_gap = source.number("fintx", fint), source.number("hgapx", gap)
    if not (is_on(gap) or is_on(last_gap)):
        return {}
    if not is_on(gap):
        return {"hgap": last_gap, "fintx": last}
    if not _alike(gap, last_gap):
        last = last * (last_gap / gap)
    return {"hgap": gap, "fint": fint, "fintx": last}


def _alike(one: Formula, other: Formula) -> bool:
    if isinstance(one, Expression) or isinstance(other, Expression):
        return one is other or one == other
    return one == other

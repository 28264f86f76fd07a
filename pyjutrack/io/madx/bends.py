"""Bends of MAD. Source: MAD-X user's reference manual, 5.09, and what MAD-X does."""

from __future__ import annotations

from typing import Any

from ...elements import Element, RBend, SBend
from ...lattice.expressions import Formula
from ..arithmetic import is_on
from .source import MadSource as Source


def _bend_fields(source: Source, angle: Formula) -> dict[str, Any]:
    """What sector and rectangular bends have in common."""
    length = source.length
    k0 = source.strength("k0")
    fint, fintx = source.number("fint"), source.number("fintx", -1.0)
    if source.value(fintx) < 0:  # MAD takes that of the entrance
        fintx = fint
    fields: dict[str, Any] = {
        "length": length,
        "angle": angle,
        "k1": source.strength("k1"),
        "k2": source.strength("k2"),
        "fint": fint,
        "fintx": fintx,
        "hgap": source.number("hgap"),
        "tilt": source.number("tilt"),
    }
    if is_on(k0):
        fields["dk0"] = k0 - angle / length
    return fields


def _without_fringes(source: Source, e1: Formula, e2: Formula, fields: dict[str, Any]) -> Element:
    """A sector bend by all of the angles of its faces; those that KILL_... names do nothing."""
    if source.value(source.number("kill_ent_fringe")):
        e1, fields = 0.0, {**fields, "fint": 0.0}
    if source.value(source.number("kill_exi_fringe")):
        e2, fields = 0.0, {**fields, "fintx": 0.0}
    return source.make(SBend, e1=e1, e2=e2, **fields)


def read_sector_bend(source: Source) -> list[Element]:
    """A bend whose faces are square to the orbit."""
    angle = source.strength("angle")
    e1, e2 = source.strength("e1"), source.strength("e2")
    return [_without_fringes(source, e1, e2, _bend_fields(source, angle))]


def read_rectangular_bend(source: Source) -> list[Element]:
    """A bend between parallel faces.

    For BV = -1 MAD adds half of the angle that stands in the file to its faces, and half of that of
    the beam where K0 is given.
    """
    angle = source.strength("angle")
    e1, e2 = source.strength("e1"), source.strength("e2")
    fields = _bend_fields(source, angle)
    natural = source.sign > 0 or source.value(source.number("k0"))
    kills = [source.number(f"kill_{face}_fringe") for face in ("ent", "exi")]
    if natural and not any(map(source.value, kills)):
        return [source.make(RBend, e1=e1, e2=e2, **fields)]
    half = 0.5 * angle if natural else -0.5 * angle
    return [_without_fringes(source, e1 + half, e2 + half, fields)]

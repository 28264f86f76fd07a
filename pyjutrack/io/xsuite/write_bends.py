"""Bends as those of Xsuite: rectangular ones as sectors, whose faces are turned."""

from __future__ import annotations

from ...elements import RBend
from ...lattice.expressions import Formula
from ..arithmetic import is_on
from .written import Attributes, Part, Written

_EDGES = {"exact": "dipole-only", "linear": "linear", "none": "suppressed"}


def write_bend(written: Written) -> list[Part]:
    """A bend; without a length, its edges."""
    length, angle, dk0 = (written.field(name) for name in ("length", "angle", "dk0"))
    knl, ksl = written.series("knl"), written.series("ksl")
    if any(map(is_on, knl[:2])):
        raise written.refuse(
            "dipole and gradient in knl of a bend mean another field there; add them to dk0 and k1"
        )
    model = written.option("edges")
    if model == "auto":
        model = "exact" if written.option("model") == "exact" else "linear"
    faces = [_turned(written, name, angle) for name in ("e1", "e2")]
    fints = [written.field(name) for name in ("fint", "fintx")]
    if not is_on(length):
        return _edges(written, dk0, model, faces, fints)
    found: Attributes = {"length": length, "angle": angle}
    if is_on(dk0):
        found["k0"] = dk0 if not is_on(angle) else angle / length + dk0
    found |= {"k1": written.field("k1"), "k2": written.field("k2"), "knl": knl, "ksl": ksl}
    kicked = 0.0 if written.option("model") == "linear" else found["k1"]
    found |= written.integrator(kicked, exact="bend-kick-bend")
    for side, face, fint in zip(("entry", "exit"), faces, fints, strict=True):
        found[f"edge_{side}_model"] = _EDGES[model]
        found[f"edge_{side}_angle"] = face
        found[f"edge_{side}_fint"] = fint
        found[f"edge_{side}_hgap"] = written.field("hgap")
    return [Part("Bend", found)]


def _turned(written: Written, name: str, angle: Formula) -> Formula:
    """The angle of a face against the square to the orbit."""
    face = written.field(name)
    if isinstance(written.element, RBend) and is_on(angle):
        return face + angle / 2
    return face


def _edges(
    written: Written, field: Formula, model: str, faces: list[Formula], fints: list[Formula]
) -> list[Part]:
    """The edges of a bend without a length, which has nothing between them."""
    if any(map(is_on, (*written.series("knl"), *written.series("ksl")))):
        raise written.refuse("a bend without a length that kicks; make it a Multipole")
    if model == "none" or not is_on(field):
        return [Part("Marker", {})]
    if model == "exact":
        raise written.refuse("exact edges without a bend between them; give edges='linear'")
    hgap = written.field("hgap")
    return [
        Part("DipoleEdge", {"k": field, "e1": face, "fint": fint, "hgap": hgap, "side": side})
        for face, fint, side in zip(faces, fints, ("entry", "exit"), strict=True)
        if is_on(face) or is_on(fint)
    ] or [Part("Marker", {})]

"""Edges of dipoles, and thin bends."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ....beam.reference import Reference
from ....core.scalars import Number, cos_sin, is_zero, to_float
from ....elements import Bend, DipoleEdge, ThinBend
from ....elements.part import Part
from .base import Twin, Twins, refused, require_slope, twin
from .frames import affine, matrix
from .rows import scaled, thin

#: of an arc that an edge stands on, which is passed forward and back [m]
_ARC = 0.1
#: JuTrack takes what bends less for straight [1/m]
STRAIGHT = 1e-6


@twin(DipoleEdge)
def _(e: DipoleEdge, part: Part, reference: Reference) -> Twins:
    return linear_edge(e.e1, e.h * part.fraction, e.fint / part.fraction, e.hgap)


@twin(ThinBend)
def _(e: ThinBend, part: Part, reference: Reference) -> Twins:
    normal, skew = (scaled(s, part.fraction) for s in (e.knl, e.ksl))
    if len(normal) > 1 and not (is_zero(normal[1]) or is_zero(e.h)):
        raise refused(
            e,
            "the kick that a gradient in a curved frame has beside its own, "
            "h k1 (2 x^3 - 3 x y^2) / 6, is in none of JuTrack's elements",
            "leave out knl[1] or h",
        )
    angle = e.angle * part.fraction
    own = angle + normal[0] if normal else angle
    kick = curved_kick(angle, own, e.h * own)
    return (*kick, *thin((0.0, *normal[1:]), skew))


def linear_edge(face: Number, field: Number, fint: Number, hgap: Number) -> Twins:
    """An edge as a thin lens."""
    sine = cos_sin(face)[1]
    correction = 2 * fint * hgap * field * (1 + sine * sine) / cos_sin(face)[0]
    across, up = field * _tangent(face), field * _tangent(face - correction)
    return affine(matrix((2, 1, across), (4, 3, -up)))


def curved_kick(angle: Number, k0l: Number, focusing: Number) -> Twins:
    """The terms of a bend's paraxial Hamiltonian beside the drift: linear in all coordinates."""
    rows = matrix((2, 1, -focusing), (2, 6, angle), (5, 1, angle))
    return affine(rows, (0.0, angle - k0l, 0.0, 0.0, 0.0, 0.0))


def exact_edge(e: Bend, field: Number, *, entering: bool) -> Twins:
    """An edge with its fringe alone: JuTrack's on an arc, and the arc back."""
    face = e.face_angles[0 if entering else 1]
    require_slope(e, "e1" if entering else "e2", face)
    require_field(e, field)
    fint = e.fint if entering else e.fintx
    gap = 0.0 if is_zero(fint) or is_zero(e.hgap) else 2 * fint * e.hgap
    arc = {"len": _ARC, "angle": field * _ARC, "gK": gap}
    back = _of_face({"len": -_ARC, "angle": field * -_ARC})
    if entering:
        return _of_face({**arc, "e1": face}, FringeBendEntrance=1), back
    return back, _of_face({**arc, "e2": face}, FringeBendExit=1)


def _of_face(fields: dict[str, Any], **fringe: int) -> Twin:
    return Twin("ESBEND", {**fields, **_bare(), **fringe}, is_face=True)


def require_field(e: Bend, field: Number) -> None:
    """Raise InvalidValueError where a field is so small that JuTrack drops it."""
    if abs(to_float(field)) < STRAIGHT:
        raise refused(
            e,
            f"it bends by {to_float(field):.3g} 1/m, and JuTrack takes less than {STRAIGHT} 1/m "
            "for straight",
            'take model="linear"',
        )


def _bare() -> dict[str, Any]:
    """An exact bend of JuTrack without faces and steps."""
    return {"NumIntSteps": 0, "FringeBendEntrance": 0, "FringeBendExit": 0}


def _tangent(angle: Number) -> Number:
    cosine, sine = cos_sin(angle)
    tangent: Number = sine / cosine
    return torch.tan(angle) if isinstance(angle, Tensor) else tangent

"""Bending magnets, by the model: LBEND, SBEND or ESBEND, and what these lack beside them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ....beam.reference import Reference
from ....core.scalars import Number, is_zero, to_float, vanishes
from ....elements import Bend, RBend
from ....elements.magnet import Series, add_series
from ....elements.part import Part
from ....elements.steps import count_steps
from .base import Twin, Twins, given, refused, require_slope, twin
from .edges import curved_kick, exact_edge, linear_edge, require_field
from .frames import affine, matrix
from .rows import drift, highest, row, scaled, series_of, thin


@twin(Bend, RBend)
def _(e: Bend, part: Part, reference: Reference) -> Twins:
    _check(e)
    body = _BODIES[e.model](e, part)
    edges = e.edges
    if edges == "auto":
        edges = "exact" if e.model == "exact" else "linear"
    if edges == "none":
        return body
    inside = len(body) == 1 and _with_faces(e, body[0], edges, part)
    return (inside,) if inside else _between_faces(e, body, edges, part)


def _linear_body(e: Bend, part: Part) -> Twins:
    gradient, normal, skew = _split_gradient(e)
    require_slope(e, "k1", gradient)
    if not is_zero(e.dk0):
        # its own steps are of JuTrack's paraxial drifts, which meet it as gradients are met
        return _paraxial_body(replace(e, model="paraxial", order=4, steps=None), part)
    length, angle = e.length * part.fraction, e.angle * part.fraction

    def free(share: float) -> Twins:
        fields = {"len": length * share, "angle": angle * share, **given(K=gradient)}
        return (Twin("LBEND", fields, length * share),)

    return _kicked(e, free, normal, skew, part)


def _paraxial_body(e: Bend, part: Part) -> Twins:
    normal, skew = add_series(_own(e), e.knl), e.ksl
    length, angle, field = e.length * part.fraction, e.angle * part.fraction, e.normal_dipole
    steps = _count_steps(e, normal, skew, part)
    if e.order == 4 and is_zero(e.dk0) and highest(normal, skew) <= 3:
        return (Twin("SBEND", _by_steps(e, normal, skew, steps, part), length),)
    kicks = scaled(normal, part.fraction), scaled(skew, part.fraction)

    def kick(share: float) -> Twins:
        at = angle * share
        curved = curved_kick(at, field * length * share, at * field)
        return (*curved, *thin(*(scaled(k, share) for k in kicks)))

    return row(e.order, steps, lambda share: drift(length * share, "paraxial"), kick)


def _exact_body(e: Bend, part: Part) -> Twins:
    normal, skew = add_series(_own(e), e.knl), e.ksl
    length, angle = e.length * part.fraction, e.angle * part.fraction
    if all(map(is_zero, (*normal, *skew))):
        return _arc(e, length, angle)
    # the linear part of this package's is exact, whatever its steps
    needed = _count_steps(replace(e, steps=None), normal, skew, part)
    steps = max(e.steps or e.fewest, needed)
    if e.order == 4 and is_zero(e.dk0) and highest(normal, skew) <= 3:
        bare = {"FringeBendEntrance": 0, "FringeBendExit": 0}
        return (Twin("ESBEND", _by_steps(e, normal, skew, steps, part) | bare, length),)
    kicks = scaled(normal, part.fraction), scaled(skew, part.fraction)
    return row(
        e.order,
        steps,
        lambda share: _arc(e, length * share, angle * share),
        lambda share: thin(*(scaled(k, share) for k in kicks)),
    )


_BODIES = {"linear": _linear_body, "paraxial": _paraxial_body, "exact": _exact_body}


def _arc(e: Bend, length: Number, angle: Number) -> Twins:
    """A uniform field, between planes that are turned by an angle.

    That of the reference orbit, or another about a centre elsewhere on the plane of the entrance,
    where the orbit is moved to.
    """
    bare = {"NumIntSteps": 0, "FringeBendEntrance": 0, "FringeBendExit": 0}
    if is_zero(e.dk0):
        return (Twin("ESBEND", {"len": length, "angle": angle, **bare}, length),)
    field = e.normal_dipole
    require_field(e, field)
    aside, arc = e.dk0 / (e.curvature * field), angle / field
    there, back = (aside, *_NOWHERE[1:]), (-aside, *_NOWHERE[1:4], arc - length, 0.0)
    fields = {"len": arc, "angle": angle, **bare}
    if vanishes(e.dk0):  # of which JuTrack would leave out the shifts, and their slopes
        body = Twin("ESBEND", fields, length)
        return (*affine(matrix(), there), body, *affine(matrix(), back))
    return (Twin("ESBEND", {**fields, "T1": there, "T2": back}, length),)


_NOWHERE = (0.0,) * 6


def _with_faces(e: Bend, body: Twin, edges: str, part: Part) -> Twin | None:
    """The body with the faces in its own fields, if JuTrack's are those."""
    gap = not is_zero(e.hgap) and not (is_zero(e.fint) and is_zero(e.fintx))
    faces = {"e1": (e.face_angles[0], part.start == 0), "e2": (e.face_angles[1], part.stop == 1)}
    own = given(**{name: face for name, (face, there) in faces.items() if there})
    if edges == "linear" and body.kind in ("LBEND", "SBEND") and not gap:
        return replace(body, fields={**body.fields, **own})
    if edges != "exact" or body.kind != "ESBEND" or "T1" in body.fields or is_zero(e.angle):
        return None
    if gap and not (is_zero(e.fint - e.fintx) or part.start > 0 or part.stop < 1):
        return None
    for name, face in own.items():
        require_slope(e, name, face)
    if gap:
        fint = e.fint if part.start == 0 else e.fintx
        own["gK"] = 2 * fint * e.hgap
    ends = {"FringeBendEntrance": part.start == 0, "FringeBendExit": part.stop == 1}
    return replace(body, fields={**body.fields, **own, **{k: int(on) for k, on in ends.items()}})


def _between_faces(e: Bend, body: Twins, edges: str, part: Part) -> Twins:
    field = e.normal_dipole

    def edge(at: int) -> Twins:
        face, fint = e.face_angles[at], (e.fint, e.fintx)[at]
        if edges == "exact":
            return () if is_zero(field) else exact_edge(e, field, entering=at == 0)
        if is_zero(face) and (is_zero(fint) or is_zero(e.hgap)):
            return ()
        return linear_edge(face, field, fint, e.hgap)

    entrance = edge(0) if part.start == 0 else ()
    return (*entrance, *body, *(edge(1) if part.stop == 1 else ()))


def _kicked(e: Bend, free: Any, normal: Series, skew: Series, part: Part) -> Twins:
    """A free motion, and kicks of multipoles in it."""
    if all(map(is_zero, (*normal, *skew))):
        return free(1.0)  # type: ignore[no-any-return]
    steps = count_steps(e, [k for s in (normal, skew) for k in s[1:2]], e.length, part)
    kicks = scaled(normal, part.fraction), scaled(skew, part.fraction)
    return row(e.order, steps, free, lambda share: thin(*(scaled(k, share) for k in kicks)))


def _own(e: Bend) -> Series:
    """Integrated multipoles of the bend's own beside the dipole."""
    own = (0.0, *(k if is_zero(k) else k * e.length for k in (e.k1, e.k2)))
    return own if any(not is_zero(k) for k in own) else ()


def _split_gradient(e: Bend) -> tuple[Number, Series, Series]:
    """All of the normal gradient [1/m^2], and the other integrated multipoles."""
    more = e.knl[1] if len(e.knl) > 1 else 0.0
    gradient = e.k1 if is_zero(more) else e.k1 + more / e.length
    second = (0.0, 0.0, e.k2 * e.length) if not is_zero(e.k2) else ()
    knl = (*e.knl[:1], 0.0, *e.knl[2:]) if len(e.knl) > 1 else e.knl
    return gradient, add_series(second, knl), e.ksl


def _count_steps(e: Bend, normal: Series, skew: Series, part: Part) -> int:
    gradients = (e.angle * e.normal_dipole if e.model == "paraxial" else 0.0, *normal[1:2])
    return count_steps(e, [*gradients, *skew[1:2]], e.length, part)


def _by_steps(e: Bend, normal: Series, skew: Series, steps: int, part: Part) -> dict[str, Any]:
    """Fields of a bend of JuTrack's that is integrated."""
    order = highest(normal, skew)
    fields: dict[str, Any] = {"len": e.length * part.fraction, "angle": e.angle * part.fraction}
    fields |= {"NumIntSteps": steps, "MaxOrder": order}
    for name, series in (("PolynomB", normal), ("PolynomA", skew)):
        if not all(map(is_zero, series)):
            fields[name] = series_of(scaled(series, 1 / e.length), 4)
    return fields


def _check(e: Bend) -> None:
    """Raise InvalidValueError for what JuTrack's bends cannot be."""
    if vanishes(e.length):
        raise refused(e, "JuTrack's bends have a length", "take a Multipole or a DipoleEdge")
    require_slope(e, "angle", e.angle)
    if vanishes(e.angle) and not is_zero(e.dk0):
        raise refused(e, "JuTrack's bends have the field of their orbit alone", "take a Kicker")
    small = 0 < abs(to_float(e.curvature)) < 1e-6
    if e.model == "exact" and small:
        require_field(e, e.curvature)

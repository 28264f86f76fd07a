"""Straight elements: free space, magnets, thin multipoles, markers, solenoids."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ....beam.reference import Reference
from ....core.scalars import Number, is_zero, vanishes
from ....elements import (
    Drift,
    Kicker,
    Magnet,
    Marker,
    Monitor,
    Multipole,
    Octupole,
    Quadrupole,
    Sextupole,
    Solenoid,
)
from ....elements.magnet import Series, add_series
from ....elements.part import Part
from ....elements.steps import count_steps
from .base import Twin, Twins, given, refused, require_slope, twin
from .frames import roll_matrix
from .rows import drift, highest, row, scaled, series_of, thin


@twin(Marker)
def _(e: Marker, part: Part, reference: Reference) -> Twins:
    return (Twin("MARKER"),)


@twin(Monitor)
def _(e: Monitor, part: Part, reference: Reference) -> Twins:
    return (Twin("MARKER"),) if is_zero(e.length) else drift(e.length * part.fraction)


@twin(Drift)
def _(e: Drift, part: Part, reference: Reference) -> Twins:
    return drift(e.length * part.fraction, e.model)


@twin(Solenoid)
def _(e: Solenoid, part: Part, reference: Reference) -> Twins:
    require_slope(e, "ks", e.ks)
    length = e.length * part.fraction
    return (Twin("SOLENOID", {"len": length, "ks": e.ks}, length),)


@twin(Sextupole)
def _(e: Sextupole, part: Part, reference: Reference) -> Twins:
    return magnet("KSEXT", e, (0.0, 0.0, e.k2), (0.0, 0.0, e.k2s), part)


@twin(Octupole)
def _(e: Octupole, part: Part, reference: Reference) -> Twins:
    return magnet("KOCT", e, (0.0, 0.0, 0.0, e.k3), (0.0, 0.0, 0.0, e.k3s), part)


@twin(Multipole)
def _(e: Multipole, part: Part, reference: Reference) -> Twins:
    found = magnet("KQUAD", e, (), (), part)
    return found or (Twin("thinMULTIPOLE"),)


@twin(Kicker)
def _(e: Kicker, part: Part, reference: Reference) -> Twins:
    plain = all(map(is_zero, (*e.knl, *e.ksl)))
    # of a constant kick the integrators of fourth order and more are the paraxial solution
    if plain and (is_zero(e.length) or (e.model == "paraxial" and e.order >= 4)):
        kicks = {"xkick": e.hkick * part.fraction, "ykick": e.vkick * part.fraction}
        length = e.length * part.fraction
        return (Twin("CORRECTOR", {"len": length, **kicks}, length),)
    if is_zero(e.length):
        both = add_series((-e.hkick,), e.knl), add_series((e.vkick,), e.ksl)
        return thin(*(scaled(series, part.fraction) for series in both))
    _require_length(e)
    return magnet("KQUAD", e, (-e.hkick / e.length,), (e.vkick / e.length,), part)


@twin(Quadrupole)
def _(e: Quadrupole, part: Part, reference: Reference) -> Twins:
    if e.model != "linear":
        body = magnet("KQUAD", e, (0.0, e.k1), (0.0, e.k1s), part)
        if e.fringe == "none":
            return body
        if [t.kind for t in body] == ["KQUAD"] and highest(e.knl, e.ksl) <= 1:
            flags = {"FringeQuadEntrance": part.start == 0, "FringeQuadExit": part.stop == 1}
            fields = {**body[0].fields, **{k: 1 for k, on in flags.items() if on}}
            return (Twin("KQUAD", fields, body[0].slip),)
        return _with_ends(e, body, *_gradients(e), part)
    normal, skew = _gradients(e)
    if is_zero(e.length):
        kick = thin(scaled(e.knl, part.fraction), scaled(e.ksl, part.fraction)) or drift(0.0)
        return kick if e.fringe == "none" else _with_ends(e, kick, normal, skew, part)
    _require_length(e)
    rest = (scaled(e.knl, part.fraction), scaled(e.ksl, part.fraction))
    rest = tuple((*s[:1], 0.0, *s[2:]) if len(s) > 1 else s for s in rest)  # type: ignore[assignment]
    length = e.length * part.fraction

    def free(share: float) -> Twins:
        return linear_quadrupole(length * share, normal, skew)

    if all(map(is_zero, (*rest[0], *rest[1]))):
        body = free(1.0)
    else:
        steps = count_steps(e, [], e.length, part)
        body = row(e.order, steps, free, lambda share: thin(*(scaled(k, share) for k in rest)))
    return body if e.fringe == "none" else _with_ends(e, body, normal, skew, part)


def magnet(kind: str, e: Magnet, normal: Series, skew: Series, part: Part) -> Twins:
    """A straight magnet by kicks between drifts, as one of JuTrack's where that does the same.

    Args:
        normal, skew: strengths of the magnet's own per length, beside its knl and ksl.
    """
    if is_zero(e.length):
        return thin(scaled(e.knl, part.fraction), scaled(e.ksl, part.fraction))
    _require_length(e)
    length = e.length * part.fraction
    b, a = (
        add_series(own, scaled(more, 1 / e.length))
        for own, more in ((normal, e.knl), (skew, e.ksl))
    )
    order = highest(b, a)
    steps = count_steps(e, [k * e.length for s in (b, a) for k in s[1:2]], e.length, part)
    if e.model != "exact" or e.order != 4 or order > 3:
        if all(map(is_zero, (*b, *a))):
            return drift(length, e.model)
        kicks = scaled(b, length), scaled(a, length)
        return row(
            e.order,
            steps,
            lambda share: drift(length * share, e.model),
            lambda share: thin(*(scaled(k, share) for k in kicks)),
        )
    fields: dict[str, Any] = {"len": length, "NumIntSteps": steps, "MaxOrder": order}
    fields |= given(**{f"k{n}": k for n, k in enumerate(b[: order + 1])})
    if not all(map(is_zero, a)):
        fields["PolynomA"] = series_of(a[: order + 1], 4)
    return (Twin(kind, fields, length),)


def linear_quadrupole(length: Number, normal: Number, skew: Number) -> Twins:
    """The solution of a quadrupole's paraxial Hamiltonian; with a skew gradient, a rolled one."""
    if is_zero(skew) and not (vanishes(normal) and isinstance(normal, Tensor)):
        return (Twin("QUAD", {"len": length, "k1": normal}, length),)
    if vanishes(normal) and vanishes(skew):
        # one step of fourth order is exact to first order in the gradients
        kicks = (0.0, normal * length), (0.0, skew if is_zero(skew) else skew * length)
        return row(
            4,
            1,
            lambda share: drift(length * share, "paraxial"),
            lambda share: thin(*(scaled(k, share) for k in kicks)),
        )
    n, s = (torch.as_tensor(k, dtype=torch.float64) for k in (normal, skew))
    plain = not (isinstance(normal, Tensor) or isinstance(skew, Tensor))
    angle: Number = torch.atan2(-s, n) / 2
    strength: Number = torch.hypot(n, s)
    if plain:
        angle, strength = math.atan2(-skew, normal) / 2, math.hypot(normal, skew)
    turn = {"R1": roll_matrix(angle), "R2": roll_matrix(-angle)}
    return (Twin("QUAD", {"len": length, "k1": strength, **turn}, length),)


def _gradients(e: Quadrupole) -> tuple[Number, Number]:
    """All of the normal and the skew gradient [1/m^2]."""
    if is_zero(e.length):
        return e.k1, e.k1s
    found = []
    for own, series in ((e.k1, e.knl), (e.k1s, e.ksl)):
        more = series[1] if len(series) > 1 else 0.0
        found.append(own if is_zero(more) else own + more / e.length)
    return found[0], found[1]


def _with_ends(e: Quadrupole, body: Twins, normal: Number, skew: Number, part: Part) -> Twins:
    """A body between its hard-edge fringes, which are those of a magnet without length."""
    own: dict[str, Any] = {"len": 0.0, "NumIntSteps": 1, "MaxOrder": 1, **given(k1=normal)}
    if not is_zero(skew):
        own["PolynomA"] = (0.0, skew, 0.0, 0.0)
    ends = (
        (Twin("KQUAD", {**own, name: 1}, is_face=True),) if there else ()
        for name, there in (
            ("FringeQuadEntrance", part.start == 0),
            ("FringeQuadExit", part.stop == 1),
        )
    )
    entrance, exit_ = ends
    return (*entrance, *body, *exit_)


def _require_length(e: Magnet) -> None:
    if vanishes(e.length):
        raise refused(
            e,
            "JuTrack's magnets have strengths per length, and so no slope by a length of 0",
            "give it one",
        )

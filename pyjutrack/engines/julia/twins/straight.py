"""Straight elements: free space, magnets by kicks, thin multipoles, markers."""

from __future__ import annotations

from ....beam.reference import Reference
from ....core.scalars import Number, is_zero
from ....elements import Drift, Marker, Multipole, Quadrupole
from ....elements.part import Part
from ....elements.steps import count_steps
from .base import Twin, twin


@twin(Marker)
def _(e: Marker, part: Part, reference: Reference) -> tuple[Twin, ...]:
    return ()


@twin(Drift)
def _(e: Drift, part: Part, reference: Reference) -> tuple[Twin, ...]:
    length = e.length * part.fraction
    if e.model == "paraxial":
        # JuTrack's linear quadrupole without strength
        return (Twin("QUAD", {"len": length, "k1": 0.0}, length),)
    return (Twin("DRIFT", {"len": length}, length),)


@twin(Quadrupole)
def _(e: Quadrupole, part: Part, reference: Reference) -> tuple[Twin, ...]:
    length = e.length * part.fraction
    if e.model == "linear":
        return (Twin("QUAD", {"len": length, "k1": e.k1}, length),)
    steps = count_steps(e, [e.k1 * e.length], e.length, part)
    return (Twin("KQUAD", {"len": length, "k1": e.k1, "NumIntSteps": steps}, length),)


@twin(Multipole)
def _(e: Multipole, part: Part, reference: Reference) -> tuple[Twin, ...]:
    orders = max(len(e.knl), len(e.ksl), 1)
    # JuTrack looks at the first four, whatever the order
    polynomials = (series_of(k, max(orders, 4)) for k in (e.ksl, e.knl))
    skew, normal = polynomials
    fields = {"PolynomA": skew, "PolynomB": normal, "MaxOrder": orders - 1}
    return (Twin("thinMULTIPOLE", fields),)


def series_of(strengths: tuple[Number, ...], entries: int) -> tuple[Number, ...]:
    """JuTrack's polynomial, which contains the factorials, from strengths of MAD."""
    found, factorial = [], 1
    for order in range(entries):
        factorial *= max(order, 1)
        own = strengths[order] if order < len(strengths) else 0.0
        found.append(own if is_zero(own) else own / factorial)
    return tuple(found)

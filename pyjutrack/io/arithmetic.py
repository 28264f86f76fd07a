"""Arithmetic of formulas and of series of them, in which zeros stay zeros."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest

from ..beam.reference import SPEED_OF_LIGHT, Reference
from ..core.unstated import UNSTATED
from ..lattice.expressions import Expression, Formula
from .record import Say

Series = tuple[Formula, ...]


def is_on(formula: Formula) -> bool:
    """Return whether a number is not zero, or may become so."""
    return isinstance(formula, Expression) or formula != 0


def times(formula: Formula, factor: Formula) -> Formula:
    """A product; 0 where a factor is."""
    return formula * factor if is_on(formula) and is_on(factor) else 0.0


def add(*given: Series) -> Series:
    """The sum of some series, entry by entry."""
    return tuple(sum(entries) for entries in zip_longest(*given, fillvalue=0.0))


def scale(series: Series, factor: Formula) -> Series:
    """A series times a factor."""
    return tuple(times(entry, factor) for entry in series)


def series_of(terms: Mapping[int, Formula]) -> Series:
    """A series of its terms by their order, from the order 0 on."""
    return tuple(terms.get(n, 0.0) for n in range(max(terms, default=-1) + 1))


def charge_number(reference: Reference | None) -> float:
    """What divides the energy that a particle gains [eV], as some files state it, to a voltage [V].

    Voltages of this package act on the whole charge of a particle. 1 where that is not known.
    """
    return 1.0 if reference is None else abs(reference.species.charge)


def per_turn(
    harmonic: Formula, reference: Reference | None, turn: float | None, say: Say
) -> Formula:
    """The frequency of a harmonic number [Hz]; none, with a note, where nothing tells it.

    Args:
        turn: length of the whole line [m].
    """
    if reference is None or not turn:
        say("a harmonic number without a reference gives no frequency; give reference=")
        return UNSTATED
    return harmonic * (float(reference.beta) * SPEED_OF_LIGHT / turn)

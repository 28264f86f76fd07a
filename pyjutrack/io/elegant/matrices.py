"""Explicit matrices of elegant. Source: its manual, EMATRIX, and "Coordinates"."""

from __future__ import annotations

import itertools
from typing import Any

from ...elements import Element, TaylorMap
from ...lattice.expressions import Formula
from ..arithmetic import is_on
from .source import ElegantSource as Source

_AXES = range(6)
_S, _DELTA = 4, 5
#: coefficients up to second order by the indices of coordinates: (0, 5) of x delta, () of 1
Polynomial = dict[tuple[int, ...], Formula]
#: elegant's (x, x', y, y', s, delta) of (x, px, y, py, z, delta), s from the reference particle
_SLOPES: tuple[Polynomial, ...] = (
    {(0,): 1.0},
    {(1,): 1.0, (1, _DELTA): -1.0},
    {(2,): 1.0},
    {(3,): 1.0, (3, _DELTA): -1.0},
    {(_S,): -1.0},
    {(_DELTA,): 1.0},
)


def read_matrix(source: Source) -> list[Element]:
    """The series that a file states, in the variables of this package, to its order.

    elegant has slopes x' = px / (1 + delta), and the path s in place of z: a particle of another
    speed needs another time for C5, the path of the reference particle.
    """
    stated = _series(source)
    source.number("angle")
    others = [p for i, p in enumerate(stated) for m in p if _S in m and (i != _S or m != (_S,))]
    if others or stated[_S].get((_S,)) != 1.0 or is_on(source.number("deltap")):
        source.say("its map follows the path length from the start (R55 = 1 alone does not)")
        return [source.placeholder()]
    to_second = any(len(m) == 2 for p in stated for m in p)
    after = [_substitute(p) for p in stated]
    scale = _sum({(): 1.0}, after[_DELTA])
    after[1], after[3] = _product(after[1], scale), _product(after[3], scale)
    path = stated[_S].get((), 0.0)
    after[_S] = _sum(_times(after[_S], -1.0), _times(_speed(source, path), path), {(): path})
    fields: dict[str, Any] = {
        "kick": [p.get((), 0.0) for p in after],
        "matrix": [p.get((j,), 0.0) for p in after for j in _AXES],
    }
    if to_second:
        pairs = list(itertools.product(_AXES, repeat=2))
        fields["second"] = [p.get(pair, 0.0) for p in after for pair in pairs]
    fields = {name: tuple(values) for name, values in fields.items()}
    return [source.make_placed(TaylorMap, length=source.length, **fields)]


def _series(source: Source) -> list[Polynomial]:
    """C, R and T of the file, without what is zero; T_ijk stands for both orders of j and k."""
    found: list[Polynomial] = []
    second = source.value(source.number("order")) != 1
    for i in _AXES:
        row: Polynomial = {(): source.number(f"c{i + 1}")}
        for j in _AXES:
            row[(j,)] = source.number(f"r{i + 1}{j + 1}")
            for k in range(j + 1):
                entry = source.number(f"t{i + 1}{j + 1}{k + 1}")
                row[k, j] = entry if second else 0.0
        found.append({m: value for m, value in row.items() if is_on(value)})
    return found


def _speed(source: Source, path: Formula) -> Polynomial:
    """beta / beta0 - 1 to second order in delta; none, with a note, where no energy is known."""
    if not is_on(path):
        return {}
    if source.reference is None:
        source.say("C5 is passed by all at one speed; reference= tells theirs")
        return {}
    beta = float(source.reference.beta)
    slip = 1 - beta**2
    return {(_DELTA,): slip, (_DELTA, _DELTA): -1.5 * beta**2 * slip}


def _substitute(series: Polynomial) -> Polynomial:
    """A series of elegant's coordinates as one of ours."""
    total: Polynomial = {}
    for monomial, value in series.items():
        term: Polynomial = {(): value}
        for axis in monomial:
            term = _product(term, _SLOPES[axis])
        total = _sum(total, term)
    return total


def _product(one: Polynomial, other: Polynomial) -> Polynomial:
    found: Polynomial = {}
    for (m, a), (n, b) in itertools.product(one.items(), other.items()):
        if len(m) + len(n) <= 2:
            found = _sum(found, {tuple(sorted(m + n)): a * b})
    return found


def _sum(*given: Polynomial) -> Polynomial:
    found: Polynomial = {}
    for monomial, value in itertools.chain.from_iterable(p.items() for p in given):
        found[monomial] = found[monomial] + value if monomial in found else value
    return found


def _times(series: Polynomial, factor: Formula) -> Polynomial:
    return {monomial: value * factor for monomial, value in series.items()}

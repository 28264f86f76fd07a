"""Maps as power series, by JuTrack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...beam.reference import Reference
from ...core.errors import InvalidValueError, unknown
from ...engines.julia import border
from ...engines.julia.lines import line_of
from ...engines.julia.session import session
from ...lattice.lattice import Lattice


@dataclass(frozen=True, eq=False)
class TaylorMap:
    """A map as power series in the six coordinates of JuTrack, and in changes of knobs.

    Attributes:
        exponents: of the coordinates, and of the changes of K knobs, (terms, 6 + K).
        coefficients: those of each final coordinate in a column, (terms, 6).
        knobs: their addresses.
    """

    exponents: NDArray[np.int64]
    coefficients: NDArray[np.float64]
    knobs: tuple[str, ...] = ()

    @property
    def order(self) -> int:
        """The highest order of its terms."""
        return int(self.exponents.sum(1).max())

    def __call__(
        self, coordinates: ArrayLike, changes: Mapping[str, float] | None = None
    ) -> NDArray[np.float64]:
        """Final coordinates (..., 6) from initial ones, in JuTrack's convention.

        Args:
            coordinates: (..., 6).
            changes: of knobs from where the map was made.

        Raises:
            InvalidValueError: coordinates of another shape, or that are not finite.
            UnknownNameError: the map was made without a knob of the changes.
        """
        return np.asarray(self._powers(coordinates, changes) @ self.coefficients)

    def jacobian(
        self, at: ArrayLike = (0.0,) * 6, changes: Mapping[str, float] | None = None
    ) -> NDArray[np.float64]:
        """The slopes of final coordinates by initial ones at a place, (6, 6)."""
        columns = [TaylorMap(*self._slope(i), self.knobs)(at, changes) for i in range(6)]
        return np.stack(columns, axis=-1)

    def by_knob(self, knob: str) -> TaylorMap:
        """The slope of the map by a knob, of one order less.

        Raises:
            UnknownNameError: the map was made without it.
        """
        if knob not in self.knobs:
            raise unknown("knob of the map", knob, self.knobs)
        return TaylorMap(*self._slope(6 + self.knobs.index(knob)), self.knobs)

    def then(self, other: TaylorMap) -> TaylorMap:
        """The map of both, this one first, to the lower of both orders.

        Exact about the same orbit: where this map moves the origin, the other is a series about
        another place than the one that is asked, and terms beyond its order are missing.

        Raises:
            InvalidValueError: maps of different knobs.
        """
        if self.knobs != other.knobs:
            raise InvalidValueError(
                f"maps of different knobs, {self.knobs} and {other.knobs}; make both with the same"
            )
        table = _Table(6 + len(self.knobs), min(self.order, other.order))
        inner = [table.series(self.exponents, column) for column in self.coefficients.T]
        inner += [table.variable(6 + k) for k in range(len(self.knobs))]
        found = np.zeros((len(table.exponents), 6))
        for exponents, row in zip(other.exponents, other.coefficients, strict=True):
            if row.any() and exponents.sum() <= table.order:
                found += np.outer(table.monomial(tuple(exponents), inner), row)
        return TaylorMap(table.exponents, found, self.knobs)

    def __matmul__(self, first: TaylorMap) -> TaylorMap:
        """The map of both, the right one first, as matrices are multiplied."""
        return first.then(self)

    def _powers(
        self, coordinates: ArrayLike, changes: Mapping[str, float] | None
    ) -> NDArray[np.float64]:
        start, given = np.asarray(coordinates, dtype=np.float64), dict(changes or {})
        if start.shape[-1:] != (6,) or not np.isfinite(start).all():
            raise InvalidValueError(
                "a map takes finite coordinates (..., 6), JuTrack's x, px, y, py, z, delta; "
                f"got {coordinates!r}"
            )
        moved = np.array([float(given.pop(knob, 0.0)) for knob in self.knobs])
        if given:
            raise unknown("knob of the map", next(iter(given)), self.knobs)
        all_ = np.concatenate([start, np.broadcast_to(moved, (*start.shape[:-1], len(moved)))], -1)
        return np.asarray(np.prod(all_[..., None, :] ** self.exponents, axis=-1))

    def _slope(self, variable: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Exponents and coefficients of the slope by a variable."""
        powers = self.exponents[:, variable]
        there = powers > 0
        lower = self.exponents[there].copy()
        lower[:, variable] -= 1
        return lower, self.coefficients[there] * powers[there, None]


class _Table:
    """Monomials up to an order, and their products."""

    def __init__(self, variables: int, order: int) -> None:
        self.order = order
        self.exponents = np.array(list(_exponents(variables, order)), dtype=np.int64)
        self._place = {tuple(e): n for n, e in enumerate(self.exponents.tolist())}
        sums = self.exponents.sum(1)
        pairs = np.nonzero(sums[:, None] + sums <= order)
        keys = (self.exponents[pairs[0]] + self.exponents[pairs[1]]).tolist()
        self._products = (*pairs, np.array([self._place[tuple(key)] for key in keys]))
        self._made: dict[tuple[int, ...], NDArray[np.float64]] = {}

    def variable(self, n: int) -> NDArray[np.float64]:
        return (self.exponents == np.eye(self.exponents.shape[1])[n]).all(1).astype(np.float64)

    def series(
        self, exponents: NDArray[np.int64], coefficients: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """A series by the monomials of the table, without those of higher order."""
        found = np.zeros(len(self.exponents))
        for key, value in zip(exponents.tolist(), coefficients, strict=True):
            if tuple(key) in self._place:
                found[self._place[tuple(key)]] += value
        return found

    def multiply(self, a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
        left, right, at = self._products
        return np.asarray(np.bincount(at, a[left] * b[right], len(self.exponents)), np.float64)

    def monomial(
        self, exponents: tuple[int, ...], inner: Sequence[NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        """A monomial of series."""
        if exponents not in self._made:
            n = next((n for n, power in enumerate(exponents) if power), None)
            if n is None:
                found = self.series(self.exponents[:1], np.ones(1))
            else:
                lower = (*exponents[:n], exponents[n] - 1, *exponents[n + 1 :])
                found = self.multiply(self.monomial(lower, inner), inner[n])
            self._made[exponents] = found
        return self._made[exponents]


def _exponents(variables: int, order: int) -> Iterator[tuple[int, ...]]:
    """All exponents up to an order, lowest order first."""
    for total in range(order + 1):
        yield from _of_order(variables, total)


def _of_order(variables: int, total: int) -> Iterator[tuple[int, ...]]:
    if variables == 1:
        yield (total,)
        return
    for first in range(total, -1, -1):
        for rest in _of_order(variables - 1, total - first):
            yield (first, *rest)


def taylor_map(
    lattice: Lattice, reference: Reference, order: int = 2, *, knobs: Sequence[str] = ()
) -> TaylorMap:
    """The map of a lattice as a power series of an order, by JuTrack's TPSA.

    Its coordinates are JuTrack's: z counts path length, positive when late, without the slip of the
    velocity.

    Args:
        lattice, reference: of the line.
        order: of the series, of coordinates and knobs together.
        knobs: addresses whose changes are variables too, `map.knobs`; a few, as JuTrack compiles
            for their number.

    Raises:
        InvalidValueError: no order; an element of which JuTrack has no twin or no series.
    """
    if not isinstance(order, int) or isinstance(order, bool) or order < 1:
        raise InvalidValueError(f"the order of a map must be a positive integer, got {order!r}")
    numbers = border.number(reference.kinetic_energy), reference.species.mass
    found = session().call(
        "taylor_map",
        *line_of(lattice, reference, knobs).arguments,
        order,
        *numbers,
        compiles="JuTrack's power series",
    )
    exponents, coefficients = map(border.array, found)
    return TaylorMap(exponents, coefficients, tuple(knobs))

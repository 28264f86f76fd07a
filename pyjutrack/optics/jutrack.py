"""JuTrack itself on lattices of ours: conversion, and some of its analyses with NumPy results."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..beam.reference import Reference
from ..core.errors import InvalidValueError
from ..engines.julia import border
from ..engines.julia import elements as conversion
from ..engines.julia.session import session
from ..lattice.lattice import Lattice
from .ring import twiss


class DrivingTerms(NamedTuple):
    """Resonance driving terms.

    Attributes:
        terms: name -> (places,) complex, as JuTrack names and defines them.
        s: (places,) [m].
    """

    terms: dict[str, NDArray[np.complex128]]
    s: NDArray[np.float64]


class TaylorMap(NamedTuple):
    """A map as power series in the six coordinates of JuTrack.

    Attributes:
        exponents: (terms, 6).
        coefficients: (terms, 6), those of each final coordinate in a column.
    """

    exponents: NDArray[np.int64]
    coefficients: NDArray[np.float64]

    def __call__(self, coordinates: ArrayLike) -> NDArray[np.float64]:
        """Final coordinates (..., 6) from initial ones, in JuTrack's convention."""
        start = np.asarray(coordinates, dtype=np.float64)
        powers = np.prod(start[..., None, :] ** self.exponents, axis=-1)
        return np.asarray(powers @ self.coefficients)


def to_jutrack(lattice: Lattice, reference: Reference) -> Any:
    """A Julia vector of JuTrack elements, for juliacall; factorials and signs are JuTrack's.

    Raises:
        InvalidValueError: an element that JuTrack has no twin of; it is named.
        MissingPackageError: there is no Julia.
    """
    return conversion.to_julia(session(), lattice, reference)


def from_jutrack(elements: Any, reference: Reference | None = None) -> Lattice:
    """A lattice from a Julia vector of JuTrack elements.

    Each comes back as the kind and the model that JuTrack's map is, or is nearest to: see the table
    in docs/julia.md. T1, R1, R2 and T2 are a placement where they undo each other, and linear maps
    beside the element elsewhere; apertures stand after it.

    Args:
        reference: of the line; cavities need it.

    Raises:
        InvalidValueError: an element, or what it has besides, has no place here; it is named.
    """
    return conversion.from_julia(session(), elements, reference)


def resonance_driving_terms(
    lattice: Lattice, reference: Reference, places: ArrayLike = (0,), **options: Any
) -> DrivingTerms:
    """Resonance driving terms by JuTrack's `computeRDT`.

    Args:
        lattice: a ring.
        reference: its particle.
        places: elements at which to give them, from 0.
        options: which of JuTrack's groups: chromatic, coupling, geometric1, geometric2, tuneshifts;
            all if none is named.

    Raises:
        UnstableError: there is no periodic optics.
        InvalidValueError: places that are none, or a thin multipole, which JuTrack would leave out.
    """
    at = np.asarray(places)
    within = at.ndim == 1 and at.dtype.kind in "iu" and ((at >= 0) & (at < len(lattice))).all()
    if not within:
        raise InvalidValueError(f"places must be elements from 0 to {len(lattice) - 1}: {places!r}")
    twiss(lattice, reference)  # raises where there is no periodic optics
    line = to_jutrack(Lattice(conversion.for_driving_terms(e) for e in lattice), reference)
    energy, mass = reference.kinetic_energy, reference.species.mass
    names, numbers, s = session().call(
        "resonance_driving_terms", line, at + 1, energy, mass, **options
    )
    rows = border.array(numbers)
    return DrivingTerms({str(n): rows[i] for i, n in enumerate(names)}, border.array(s))


def dynamic_aperture(
    lattice: Lattice,
    reference: Reference,
    *,
    turns: int = 100,
    largest: float = 0.02,
    step: float = 1e-3,
    angles: int = 19,
    delta: float = 0.0,
) -> NDArray[np.float64]:
    """Dynamic aperture by JuTrack's `dynamic_aperture`.

    Args:
        turns: to survive.
        largest, step: of the amplitudes [m].
        angles: rays from x > 0 to x < 0.
        delta: momentum deviation.

    Returns:
        (angles, 2): x and y [m] on each ray of JuTrack's last stable amplitude, which is one step
        short of where the first particle is lost or the rays end.
    """
    integers = all(isinstance(n, int) and not isinstance(n, bool) for n in (turns, angles))
    if not (integers and turns >= 1 and angles >= 2 and 0 < step <= largest and delta > -1):
        raise InvalidValueError(
            "take whole turns >= 1, whole angles >= 2, 0 < step <= largest and delta > -1; got "
            f"{turns}, {angles}, {step} m, {largest} m, {delta}"
        )
    energy = reference.kinetic_energy
    found = session().call(
        "dynamic_aperture",
        to_jutrack(lattice, reference),
        turns,
        round(largest / step),
        float(step),
        angles,
        energy,
        float(delta),
    )
    return border.array(found)


def taylor_map(lattice: Lattice, reference: Reference, order: int = 2) -> TaylorMap:
    """The map of a lattice as a power series of an order, by JuTrack's TPSA.

    Its coordinates are JuTrack's: z counts path length, positive when late, without the slip of the
    velocity.
    """
    if not isinstance(order, int) or isinstance(order, bool) or order < 1:
        raise InvalidValueError(f"the order of a map must be a positive integer, got {order!r}")
    exponents, coefficients = session().call(
        "taylor_map",
        to_jutrack(lattice, reference),
        order,
        reference.kinetic_energy,
        reference.species.mass,
        compiles="JuTrack's power series",
        kind=order,
    )
    return TaylorMap(border.array(exponents), border.array(coefficients))

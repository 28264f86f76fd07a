"""Resonance driving terms by JuTrack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...beam.reference import Reference
from ...core.errors import InvalidValueError
from ...core.scalars import to_float, vanishes
from ...elements import Element
from ...engines.julia import border
from ...engines.julia.integrated import integrated
from ...engines.julia.lines import Line, line_of
from ...engines.julia.session import session
from ...engines.julia.twins import Twin
from ...lattice.lattice import Lattice
from ..linear import twiss_table
from ..ring import closed_orbit, twiss

#: JuTrack's types that its terms are summed over; of all others it knows the optics alone
_SUMMED = ("SBEND", "KQUAD", "KSEXT", "KOCT")
#: the terms of each group, by JuTrack's names
_GROUPS = {
    "chromatic": ("h11001", "h00111", "h20001", "h00201", "h10002"),
    "coupling": ("h10010", "h10100"),
    "geometric1": ("h21000", "h30000", "h10110", "h10020", "h10200"),
    "geometric2": (
        *("h22000", "h11110", "h00220", "h31000", "h40000", "h20110", "h11200"),
        *("h20020", "h20200", "h00310", "h00400"),
    ),
    "tuneshifts": ("dnux_dJx", "dnux_dJy", "dnuy_dJy"),
}
#: integrated strengths, with JuTrack's factorials, below which its sums leave a magnet out
_LEAST = 1e-6
#: and those that they are moved to for their slopes
_STEP = 1e-4
#: fields by which they are summed, with the factorials, and places in its polynomials
_STRENGTHS = {"k1": 1.0, "k2": 2.0, "k3": 6.0}
_PLACES = {"PolynomA": (2,), "PolynomB": (2, 3, 4)}
#: off the axis [m, rad] of the closed orbit, for which its terms take the axis
_ORBIT = 1e-6


class DrivingTerms(NamedTuple):
    """Resonance driving terms.

    Attributes:
        terms: name -> (places,) complex, as JuTrack names and defines them: h21000 and the like of
            sextupoles [m^-1/2], h22000 and the like of second order [1/m], tune shifts with
            amplitude dnux_dJx, dnux_dJy, dnuy_dJy [1/m], chromatic ones such as h11001.
        s: at the ends of the elements at these places (places,) [m].
        slopes: name -> (places, knobs) complex, by the knobs that were asked for.
    """

    terms: dict[str, NDArray[np.complex128]]
    s: NDArray[np.float64]
    slopes: dict[str, NDArray[np.complex128]]


def resonance_driving_terms(
    lattice: Lattice,
    reference: Reference,
    places: ArrayLike = (0,),
    *,
    knobs: Sequence[str] = (),
    **groups: Any,
) -> DrivingTerms:
    """Resonance driving terms by JuTrack's `computeRDT`.

    Sums over magnets with the optics in their middles, of first order in sextupoles, with their
    pairs for geometric2: magnets that are long against the beta functions come out coarse. Linear
    quadrupoles and bends are taken as integrated ones, which JuTrack's sums need. It takes magnets
    for upright and on the closed orbit, and that for the axis.

    Args:
        lattice: a ring.
        reference: its particle.
        places: elements at which to give them, from 0.
        knobs: addresses, by which JuTrack's first-order series give slopes; those at strengths
            that its sums leave out, such as 0, are means of such beside them.
        groups: which of JuTrack's: chromatic, coupling, geometric1, geometric2, tuneshifts, each
            True; all if none is named. Those of coupling, by themselves, may be asked of a ring
            whose planes are coupled, which is counted to first order.

    Raises:
        UnstableError: there is no periodic optics.
        InvalidValueError: places that are none; an element that JuTrack would leave out, such as
            a thin multipole, or take for another, such as one that is displaced; a closed orbit
            off the axis; coupled planes.

    Source: J. Bengtsson, SLS note 9/97 (1997); C. Wang, ANL/APS/LS-330 (2012).
    """
    at = np.asarray(places)
    within = at.ndim == 1 and at.dtype.kind in "iu" and ((at >= 0) & (at < len(lattice))).all()
    if not within:
        raise InvalidValueError(f"places must be elements from 0 to {len(lattice) - 1}: {places!r}")
    unknown = [name for name in groups if name not in _GROUPS]
    if unknown:
        raise InvalidValueError(f"{unknown[0]} is no group of driving terms; {', '.join(_GROUPS)}")
    asked = [name for name, on in groups.items() if on] or list(_GROUPS)
    # both raise where there is no periodic optics
    (twiss_table if asked == ["coupling"] else twiss)(lattice, reference)
    _require_axis(lattice, reference)
    changed = [integrated(e) for e in lattice]
    formulas: Any = {"variables": lattice.variables, "expressions": lattice.expressions}
    line = line_of(Lattice(changed, **formulas), reference, knobs)
    _require_all(changed, line)
    numbers = [border.number(n) for n in (reference.kinetic_energy, reference.species.mass)]
    where = np.array(line.first)[at] + 1
    name = "driving_terms_with_knobs" if len(knobs) else "driving_terms"

    def sums(line: Line) -> Any:
        found = session().call(
            name,
            *line.arguments,
            where,
            *numbers,
            compiles="JuTrack's driving terms",
            **groups,
        )
        return tuple(found)

    still, moved = _split_small(line)
    names, values, slopes, s = sums(still)
    rows, by = border.array(values), border.array(slopes)
    if moved:
        # of second order at most in such strengths: the mean of both is the slope between them
        by = by + sum(border.array(sums(side)[2]) for side in moved) / 2
    # JuTrack has zeros for those that it was not asked for
    wanted = {term for group in asked for term in _GROUPS[group]}
    keys = {str(n): i for i, n in enumerate(names) if str(n) in wanted}
    terms = {n: rows[i] for n, i in keys.items()}
    return DrivingTerms(terms, border.array(s), {n: by[i] for n, i in keys.items()})


def _require_axis(lattice: Lattice, reference: Reference) -> None:
    """Raise InvalidValueError for a closed orbit off the axis, about which JuTrack counts."""
    orbit = np.abs(closed_orbit(lattice, reference)[:, :4]).max()
    if orbit > _ORBIT:
        raise InvalidValueError(
            f"JuTrack's driving terms are about the axis, and the closed orbit is {orbit:.2g} m or "
            "rad off it; leave out kicks and misalignments, or correct them"
        )


def _require_all(elements: Sequence[Element], line: Line) -> None:
    """Raise InvalidValueError for magnets that JuTrack would not sum over."""
    ends = (*line.first[1:], len(line.twins))
    for e, first, end in zip(elements, line.first, ends, strict=True):
        kinds = {t.kind for t in line.twins[first:end]}
        normal, skew = e.multipoles
        curved = not all(map(vanishes, (*normal[1:], *skew[1:])))
        if curved and (e.is_displaced or not vanishes(e.tilt)):
            raise InvalidValueError(
                f"JuTrack's driving terms take {e.name or repr(e)} for upright and in place, and "
                "it is displaced or rolled; give its strengths, skew ones too, to one that is not"
            )
        if curved and not kinds & set(_SUMMED):
            raise InvalidValueError(
                f"JuTrack's driving terms leave out {e.name or repr(e)}, which is "
                f"{', '.join(sorted(kinds))} there; take a model that is integrated by steps"
            )


def _split_small(line: Line) -> tuple[Line, tuple[Line, ...]]:
    """A line without the slopes that JuTrack leaves out with their strengths, and two with these.

    In the two the strengths are a step to each side.
    """
    seeds, twins = line.seeds.copy(), [list(line.twins), list(line.twins)]
    for n, (_, number, field, place) in enumerate(line.entries):
        twin = line.twins[number - 1]
        if twin.kind not in _SUMMED or not seeds[n].any():
            continue
        if field not in _STRENGTHS and place not in _PLACES.get(field, ()):
            continue
        unit = _STRENGTHS.get(field, 1.0) / to_float(twin.fields["len"])
        whole = twin.fields[field]
        if abs(to_float(whole[place - 1] if place else whole)) > _LEAST * unit:
            continue
        seeds[n] = 0.0
        for side, step in zip(twins, (_STEP * unit, -_STEP * unit), strict=True):
            side[number - 1] = _with(side[number - 1], field, place, step)
    small = line.seeds - seeds
    moved = (replace(line, twins=tuple(side), seeds=small) for side in twins)
    return replace(line, seeds=seeds), tuple(moved) if small.any() else ()


def _with(twin: Twin, field: str, place: int, value: float) -> Twin:
    """A twin with another number in a field, or at a place of it from 1."""
    whole = twin.fields[field]
    new = (*whole[: place - 1], value, *whole[place:]) if place else value
    return replace(twin, fields={**twin.fields, field: new})

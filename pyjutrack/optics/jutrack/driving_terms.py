"""Resonance driving terms by JuTrack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...beam.reference import Reference
from ...core.errors import InvalidValueError
from ...elements import Element
from ...engines.julia import border
from ...engines.julia.integrated import integrated, is_given
from ...engines.julia.lines import Line, line_of
from ...engines.julia.session import session
from ...lattice.lattice import Lattice
from ..ring import twiss

#: JuTrack's types that its terms are summed over; of all others it knows the optics alone
_SUMMED = ("SBEND", "KQUAD", "KSEXT", "KOCT")
_GROUPS = ("chromatic", "coupling", "geometric1", "geometric2", "tuneshifts")


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
    quadrupoles and bends are taken as integrated ones, which JuTrack's sums need.

    Args:
        lattice: a ring.
        reference: its particle.
        places: elements at which to give them, from 0.
        knobs: addresses, by which JuTrack's first-order series give slopes.
        groups: which of JuTrack's: chromatic, coupling, geometric1, geometric2, tuneshifts, each
            True; all if none is named.

    Raises:
        UnstableError: there is no periodic optics.
        InvalidValueError: places that are none, or an element that JuTrack would leave out, such as
            a thin multipole.

    Source: J. Bengtsson, SLS note 9/97 (1997); C. Wang, ANL/APS/LS-330 (2012).
    """
    at = np.asarray(places)
    within = at.ndim == 1 and at.dtype.kind in "iu" and ((at >= 0) & (at < len(lattice))).all()
    if not within:
        raise InvalidValueError(f"places must be elements from 0 to {len(lattice) - 1}: {places!r}")
    unknown = [name for name in groups if name not in _GROUPS]
    if unknown:
        raise InvalidValueError(f"{unknown[0]} is no group of driving terms; {', '.join(_GROUPS)}")
    twiss(lattice, reference)  # raises where there is no periodic optics
    changed = [integrated(e) for e in lattice]
    formulas: Any = {"variables": lattice.variables, "expressions": lattice.expressions}
    line = line_of(Lattice(changed, **formulas), reference, knobs)
    _require_all(changed, line)
    energy, mass = reference.kinetic_energy, reference.species.mass
    numbers = border.number(energy), border.number(mass)
    where = np.array(line.first)[at] + 1
    name = "driving_terms_with_knobs" if len(knobs) else "driving_terms"
    compiles = "JuTrack's driving terms"
    found = session().call(
        name, *line.arguments, where, *numbers, compiles=compiles, kind=len(knobs), **groups
    )
    names, values, slopes, s = found
    rows, by = border.array(values), border.array(slopes)
    keys = [str(n) for n in names]
    terms = {n: rows[i] for i, n in enumerate(keys)}
    return DrivingTerms(terms, border.array(s), {n: by[i] for i, n in enumerate(keys)})


def _require_all(elements: Sequence[Element], line: Line) -> None:
    """Raise InvalidValueError for magnets that JuTrack would not sum over."""
    ends = (*line.first[1:], len(line.twins))
    for e, first, end in zip(elements, line.first, ends, strict=True):
        kinds = {t.kind for t in line.twins[first:end]}
        normal, skew = e.multipoles
        curved = any(map(is_given, (*normal[1:], *skew[1:])))
        if curved and not kinds & set(_SUMMED):
            raise InvalidValueError(
                f"JuTrack's driving terms leave out {e.name or repr(e)}, which is "
                f"{', '.join(sorted(kinds))} there; take a model that is integrated by steps"
            )

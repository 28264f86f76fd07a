"""Elements as those of JuTrack, and JuTrack's as ours."""

from __future__ import annotations

import dataclasses
from functools import singledispatch
from typing import Any

import numpy as np

from ...core.errors import InvalidValueError
from ...core.names import label
from ...core.scalars import differs, to_float
from ...elements import Drift, Element, Marker, Multipole, Quadrupole
from ...elements.steps import count_steps
from ...lattice.lattice import Lattice
from .border import number
from .session import Session


def to_julia(session: Session, lattice: Lattice) -> Any:
    """A Julia vector of JuTrack elements.

    Raises:
        InvalidValueError: an element that is not mapped to JuTrack.
    """
    line = session.call("no_elements")
    for e in lattice:
        _require_known_fields(e)
        session.main.push_b(line, element(e, session))
    return line


#: what the functions below take over of each kind; the rest must be as it is by default
_TAKEN: dict[type[Element], tuple[str, ...]] = {
    Drift: ("length", "model"),
    Quadrupole: ("length", "k1", "model", "steps"),
    Multipole: ("knl", "ksl", "model", "order", "steps"),
    Marker: (),
}


def _require_known_fields(e: Element) -> None:
    """Refuse what JuTrack's twin of an element would leave out."""
    if type(e) not in _TAKEN:
        return  # `element` says that there is no twin
    for field in dataclasses.fields(e):
        if field.name in ("name", *_TAKEN[type(e)]):
            continue
        if differs(getattr(e, field.name), field.default):
            raise InvalidValueError(
                f"the julia engine does not know {field.name} of {label(e)}; "
                "the native engine tracks it"
            )
    if to_float(e.length) < 0:
        raise InvalidValueError(
            f"the julia engine tracks no negative length, and {label(e)} has "
            f"{to_float(e.length):g} m; the native engine tracks it"
        )
    if isinstance(e, Quadrupole) and e.model == "paraxial":
        raise InvalidValueError(
            f'the julia engine has no model="paraxial" for Quadrupole {e.name!r}; take "exact" or '
            '"linear"'
        )


@singledispatch
def element(e: Element, session: Session) -> Any:
    """The JuTrack element of one of ours."""
    raise InvalidValueError(
        f"the julia engine does not map {label(e)} to JuTrack yet; the native engine tracks it"
    )


@element.register
def _(e: Drift, session: Session) -> Any:
    if e.model == "paraxial":
        return session.call("quadrupole", e.name, number(e.length), 0.0)
    return session.call("drift", e.name, number(e.length))


@element.register
def _(e: Quadrupole, session: Session) -> Any:
    length, k1 = number(e.length), number(e.k1)
    if e.model == "linear":
        return session.call("quadrupole", e.name, length, k1)
    return session.call(
        "integrated_quadrupole", e.name, length, k1, count_steps(e, [k1 * length], length)
    )


@element.register
def _(e: Multipole, session: Session) -> Any:
    knl, ksl = (np.array([number(k) for k in ks], dtype=float) for ks in (e.knl, e.ksl))
    return session.call("multipole", e.name, knl, ksl)


@element.register
def _(e: Marker, session: Session) -> Any:
    return session.call("marker", e.name)


def from_description(kind: str, name: str, numbers: Any) -> Element:
    """Our element for a JuTrack element, from what Julia's `describe` says of it."""
    values = [float(v) for v in numbers]
    if kind == "Drift":
        return Drift(*values, name=name)
    if kind == "Quadrupole":
        return Quadrupole(*values, name=name)
    if kind == "IntegratedQuadrupole":
        length, k1, steps = values
        return Quadrupole(length, k1, model="exact", steps=int(steps), name=name)
    if kind == "Multipole":
        half = len(values) // 2
        return Multipole(knl=tuple(values[:half]), ksl=tuple(values[half:]), name=name)
    return Marker(name=name)


def for_driving_terms(e: Element) -> Element:
    """An element as JuTrack's driving terms know it: quadrupoles integrated, and nothing thin.

    Raises:
        InvalidValueError: a thin multipole.
    """
    if isinstance(e, Multipole) and any((*e.knl, *e.ksl)):
        raise InvalidValueError(
            f"JuTrack's driving terms leave out thin multipoles, and so {e.name or repr(e)}"
        )
    if isinstance(e, Quadrupole) and e.model == "linear":
        return dataclasses.replace(e, model="exact", steps=10)
    return e

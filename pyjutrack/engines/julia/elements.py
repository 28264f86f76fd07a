"""Lattices of JuTrack's elements, from ours and back."""

from __future__ import annotations

import dataclasses
from typing import Any

from ...beam.reference import Reference
from ...core.errors import InvalidValueError
from ...elements import Element, Multipole, Quadrupole
from ...lattice.lattice import Lattice
from .border import array
from .pack import plain
from .session import Session
from .twins import twins_of
from .twins.back import Description, elements_of


def to_julia(session: Session, lattice: Lattice, reference: Reference) -> Any:
    """A Julia vector of JuTrack elements, each with the name of ours.

    Raises:
        InvalidValueError: an element that JuTrack has no twin of.
    """
    line = session.call("no_elements")
    for e in lattice:
        for twin in twins_of(e, reference):
            fields = {k: plain(v) for k, v in twin.fields.items()}
            session.main.push_b(line, session.call("make", twin.kind, {"name": e.name, **fields}))
    return line


def from_julia(session: Session, elements: Any, reference: Reference | None) -> Lattice:
    """A lattice of a Julia vector of JuTrack elements.

    Raises:
        InvalidValueError: an element, or what it does, has no place here.
    """
    found: list[Element] = []
    for e in elements:
        kind, name, fields = session.call("describe", e)
        values = {str(k): _plain_of(v) for k, v in fields.items()}
        found += elements_of(Description(str(kind), str(name), values, reference))
    return Lattice(found)


def _plain_of(value: Any) -> Any:
    return array(value).copy() if hasattr(value, "to_numpy") else value


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

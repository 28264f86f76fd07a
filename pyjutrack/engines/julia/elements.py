"""Lattices of JuTrack's elements, from ours and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...beam.reference import Reference
from ...elements import Element
from ...lattice.lattice import Lattice
from .border import array
from .pack import plain
from .session import Session
from .twins import twins_of
from .twins.back import Description, elements_of


@dataclass(frozen=True, eq=False)
class _Origin:
    """What JuTrack's elements were made of, and for which reference."""

    element: Element
    reference: Reference


def to_julia(session: Session, lattice: Lattice, reference: Reference) -> Any:
    """A Julia vector of JuTrack elements, each with the name of ours.

    Raises:
        InvalidValueError: an element that JuTrack has no twin of.
    """
    line = session.call("no_elements")
    for e in lattice:
        first = len(line) + 1
        for twin in twins_of(e, reference):
            fields = {k: plain(v) for k, v in twin.fields.items()}
            session.main.push_b(line, session.call("make", twin.kind, {"name": e.name, **fields}))
        if len(line) >= first:
            session.call("remember_b", line, first, _Origin(e, reference))
    return line


def from_julia(session: Session, elements: Any, reference: Reference | None) -> Lattice:
    """A lattice of a Julia vector of JuTrack elements.

    What `to_julia` made and is as it was is what it was made of.

    Raises:
        InvalidValueError: an element, or what it does, has no place here.
    """
    found: list[Element] = []
    place = 0
    while place < len(elements):
        known = session.call("recall", elements, place + 1)
        if known is not None and reference in (None, known[1].reference):
            found.append(known[1].element)
            place += known[0]
            continue
        kind, name, fields = session.call("describe", elements[place])
        place += 1
        values = {str(k): _plain_of(v) for k, v in fields.items()}
        found += elements_of(Description(str(kind), str(name), values, reference))
    return Lattice(found)


def _plain_of(value: Any) -> Any:
    return array(value).copy() if hasattr(value, "to_numpy") else value

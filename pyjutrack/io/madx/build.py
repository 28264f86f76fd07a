"""Make the elements of a line of a MAD file."""

from __future__ import annotations

from ...beam.reference import Reference
from ...core.scalars import to_float
from ...elements import Drift, Element
from ...lattice.expressions import Formula
from ..builder import LatticeBuilder
from .errors import Errors
from .expand import Piece, find_range, length_of
from .kinds import CLASSES
from .machine import Machine
from .source import MadSource


def build(
    machine: Machine,
    pieces: list[Piece],
    reference: Reference | None,
    sign: float,
    builder: LatticeBuilder,
) -> list[int]:
    """Make the elements of a line, each once.

    Returns:
        How many elements of the lattice there are up to the end of each piece.
    """
    value = machine.variables.evaluate
    lengths: dict[str, Formula] = {
        p.name: length_of(machine, machine.elements[p.name]) for p in pieces if p.name
    }
    turn = sum(value(lengths[p.name] if p.name else p.gap) for p in pieces)
    made: dict[tuple[str, tuple[int, ...]], list[Element]] = {}
    errors = Errors(machine, lambda text: find_range(pieces, text))
    plain = reference and Reference(reference.species, to_float(reference.p0c))
    drifts = 0
    ends: list[int] = []
    for place, piece in enumerate(pieces):
        if not piece.name:
            builder.place(builder.make(Drift, f"drift_{drifts}", {"length": piece.gap}))
            drifts += 1
            ends.append(ends[-1] + 1 if ends else 1)
            continue
        definition = machine.elements[piece.name]
        told = errors.told_of(definition, place)
        if (piece.name, told) not in made:
            say = machine.notes.for_element(piece.name, definition.base)
            length = lengths[piece.name]
            with definition.placed_errors():
                wrongs = errors.of(definition, length, sign, told)
                source = MadSource(
                    definition, length, sign, plain, turn, wrongs, value, builder, say
                )
                made[piece.name, told] = CLASSES[definition.base](source)
            source.tell_rest()
        for element in made[piece.name, told]:
            builder.place(element)
        ends.append((ends[-1] if ends else 0) + len(made[piece.name, told]))
    return ends

"""Read lattices from files of Xsuite: lines and environments, as JSON."""

from __future__ import annotations

import math
from typing import Any

from ...beam.reference import Reference
from ...core.scalars import to_float
from ...elements import Drift, Marker, Monitor, Patch, Placeholder
from ...lattice.expressions import Expression, Formula
from ..arithmetic import is_on
from ..builder import Fields, LatticeBuilder, states_zero
from ..errors import clip, placed_errors
from ..format import LatticeFormat, LatticeSource
from ..record import LatticeFile, Notes
from .kinds import CLASSES, read_unknown
from .layout import find_line, is_xsuite
from .machine import Machine
from .particle import read_particle
from .placement import read_placement
from .slices import read_slice, slice_of
from .source import Piece, Source
from .write import write_xsuite

#: kinds that are where they are, whatever the file says of displacements
_UNMOVED = (Drift, Marker, Monitor, Patch, Placeholder)


def _read(source: LatticeSource) -> LatticeFile:
    """Read a file; `line` names the line of an environment."""
    path, notes = source.path, Notes()
    layout = find_line(path, source.json, source.line)
    for name in layout.unread:
        notes.add(f"{name} is not read")
    machine = Machine(path, layout, notes)
    reference = source.reference or read_particle(path, layout.particle, notes)
    plain = reference and Reference(reference.species, to_float(reference.p0c))
    builder = LatticeBuilder(path, machine.variables)
    made = {
        name: [builder.make(kind, owner, fields) for kind, fields in pieces]
        for name, (owner, pieces) in _pieces(machine, plain).items()
    }
    for name in machine.names:
        for element in made[name]:
            builder.place(element)
    return LatticeFile(builder.lattice(), reference, notes.all)


def _pieces(machine: Machine, reference: Reference | None) -> dict[str, tuple[str, list[Piece]]]:
    """What is made of each element of the line, and the name that it has here.

    Last come those that need to know the length of the line.
    """
    found: dict[str, tuple[str, list[Piece]]] = {}
    waiting: list[str] = []
    for name in dict.fromkeys(machine.names):
        owner, pieces, source = _read_element(machine, name, reference, None)
        found[name] = owner, pieces
        if source.attributes.get("harmonic"):
            waiting.append(name)
    if waiting:
        value = machine.variables.evaluate
        lengths = {n: sum(value(_length(p)) for p in pieces) for n, (_, pieces) in found.items()}
        turn = sum(lengths[name] for name in machine.names)
        for name in waiting:
            owner, pieces, _ = _read_element(machine, name, reference, turn)
            found[name] = owner, pieces
    return found


def _length(piece: Piece) -> Formula:
    length: Formula = piece.fields.get("length", 0.0)
    return length


def _read_element(
    machine: Machine, name: str, reference: Reference | None, turn: float | None
) -> tuple[str, list[Piece], Source]:
    """The name, the pieces, and the source of an element.

    A replica is the very element that it stands for; a slice is a part of its parent.
    """
    kind = machine.kind(name)
    part, _ = slice_of(kind)
    cut = machine.elements[name] if part else {}
    parent = machine.parent(name) if part or kind == "Replica" else name
    kind = machine.kind(parent)
    source = Source(
        kind,
        machine.attributes(parent),
        machine.elements[parent],
        reference,
        machine.variables.evaluate,
        machine.notes.for_element(parent, kind),
        machine.notes.add,
    )
    source.turn, source.exact_drifts = turn, machine.exact_drifts
    read = CLASSES.get(kind, read_unknown)
    with placed_errors(machine.path, None, f"{kind} {clip(name)!r}"):
        weight, offset = (_number(cut, n, d) for n, d in (("weight", 1.0), ("slice_offset", 0.0)))
        pieces = read_slice(source, part, weight, read) if part else read(source)
        placed = [_place(source, piece, offset) for piece in pieces]
    source.tell_rest()
    return name if part else parent, placed, source


def _number(cut: dict[str, Any], name: str, default: float) -> float:
    found = cut.get(name, cut.get(f"_{name}", default))
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not math.isfinite(found):
        raise ValueError(f"{name} = {clip(repr(found))} is no number")
    return float(found)


def _place(source: Source, piece: Piece, offset: float) -> Piece:
    """A piece where the element stands, with what is no zero or states one, and variables."""
    kind, fields = piece
    where = read_placement(source, _length(piece), fields.get("angle", 0.0), offset)
    if kind not in _UNMOVED and where:
        fields = _displaced(source, fields, where)
    known = (*kind.knobs, *kind.placement)
    kept: Fields = {}
    for name, value in fields.items():
        if isinstance(value, Expression) and name not in known:
            source.say(f"{name} = {clip(str(value))} is read as its value, and follows nothing")
            kept[name] = source.value(value)
        elif _matters(value) or states_zero(kind, name, value):
            kept[name] = value
    return Piece(kind, kept)


def _displaced(source: Source, fields: Fields, where: Fields) -> Fields:
    """The fields of a piece that has been moved; its own offset turns with it."""
    own = [fields.get(name, 0.0) for name in ("dx", "dy")]
    found = {**fields, **where}
    if "tilt" in fields and is_on(fields["tilt"]):
        found["tilt"] = where.get("tilt", 0.0) + fields["tilt"]
    if any(map(is_on, own)):
        x, y = map(source.value, own)
        turn = sum(source.value(where.get(name, 0.0)) for name in ("tilt", "z_rot"))
        cosine, sine = math.cos(turn), math.sin(turn)
        found["dx"] = x * cosine - y * sine + where.get("dx", 0.0)
        found["dy"] = x * sine + y * cosine + where.get("dy", 0.0)
    return found


def _matters(value: Any) -> bool:
    """Return whether a field is not what it is without being given."""
    if isinstance(value, tuple):
        return any(map(_matters, value))
    return isinstance(value, (Expression, str, bool)) or value != 0


XSUITE = LatticeFormat(
    "xsuite",
    "Xsuite, JSON",
    (".json",),
    _read,
    write_xsuite,
    recognise=lambda source: is_xsuite(source.json),
    has_lines=True,
    by_suffix=False,
)

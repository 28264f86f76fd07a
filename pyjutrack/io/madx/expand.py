"""The elements of a line or a sequence in order, with the drifts between them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ...lattice.expressions import Formula, call
from ..definition import Definition
from ..errors import clip, wrong
from ..lines import expand_line
from .machine import LINES, Machine, Use
from .sequences import Node, SequenceExpander

#: gaps and overlaps up to this are none [m]
TOLERANCE = 1e-6
#: classes of no length, whatever their statement says
THIN = {
    *("multipole", "marker", "beambeam", "translation", "srotation", "xrotation", "yrotation"),
    *("dipedge", "changeref", "changerefp0", "nllens"),
}
_OCCURRENCE = re.compile(r"([^\[\]]+)(?:\[([0-9]+)\])?")
_DIGITS = 9


@dataclass(frozen=True)
class Piece:
    """A drift, or an element.

    Attributes:
        name: of the element; empty for a drift.
        gap: length of the drift [m].
    """

    name: str
    gap: Formula = 0.0


def expand(machine: Machine, use: Use) -> list[Piece]:
    """What USE gives: elements and drifts in order.

    Raises:
        LatticeFileError: names that are not defined, elements that overlap, a range that is none.
    """
    pieces = list(_pieces(machine, use.name))
    if not use.range:
        return pieces
    try:
        chosen = find_range(pieces, use.range)
    except ValueError as error:
        raise wrong(use.file, str(error), use.row) from error
    return pieces[chosen.start : chosen.stop]


def length_of(machine: Machine, definition: Definition) -> Formula:
    """Length along the reference orbit [m]; that of a rectangular bend is given as its chord."""
    length = definition.attributes.get("l", 0.0)
    if isinstance(length, (str, tuple)):
        raise wrong(definition.file, f"{definition.name}: l is no number", definition.row)
    if definition.base in THIN:
        return 0.0
    angle = definition.attributes.get("angle", 0.0)
    if definition.base != "rbend" or isinstance(angle, (str, tuple)):
        return length
    if definition.name in machine.straight or not machine.options.get("rbarc", True):
        return length
    return length / call("sinc", 0.5 * angle)


def _pieces(machine: Machine, name: str) -> Iterator[Piece]:
    def length(element: str) -> Formula:
        return length_of(machine, machine.elements[element])

    if name in machine.sequences:
        nodes = SequenceExpander(machine.sequences, length).nodes(name)
        yield from _between(machine, nodes, machine.sequences[name].length)
        return
    line = machine.lines[name]
    parts = expand_line(machine.lines, name, LINES, machine.variables.spend)
    for part, _ in parts:
        if part in machine.sequences:
            yield from _pieces(machine, part)
        elif part in machine.elements:
            yield Piece(part)
        else:
            raise wrong(
                line.file, f"line {name!r} needs {clip(part)!r}, which is not defined", line.row
            )


def _between(machine: Machine, nodes: list[Node], length: Formula) -> Iterator[Piece]:
    """Nodes, and drifts where there are gaps."""
    value = machine.variables.evaluate
    before: Node | None = None
    for node in nodes:
        if before is None:
            gap = node.centre.total() - 0.5 * node.length
        else:
            gap = node.centre.minus(before.centre) - 0.5 * (node.length + before.length)
        size = value(gap)
        if size < -TOLERANCE:
            named = "the beginning" if before is None else repr(before.name)
            said = f"{node.name!r} overlaps {named} by {-size:.9g} m"
            raise wrong(node.entry.file, said, node.entry.row)
        if size > TOLERANCE:
            yield Piece("", gap)
        yield Piece(node.name)
        before = node
    if length == math.inf:  # not stated: it ends with its last element
        return
    rest = length if before is None else length - (before.centre.total() + 0.5 * before.length)
    size = value(rest)
    if size < -TOLERANCE and before is not None:
        said = f"{before.name!r} ends {-size:.9g} m after the end of the sequence"
        raise wrong(before.entry.file, said, before.entry.row)
    if size > TOLERANCE:
        yield Piece("", rest)


def find_range(pieces: list[Piece], text: str) -> range:
    """The places of `first/last`, or of one element; the second of a name is `name[2]`.

    Raises:
        ValueError: it is not in the line, or ends before it begins.
    """
    first, slash, last = text.partition("/")
    start = _find(pieces, first)
    stop = _find(pieces, last) if slash else start
    if stop < start:
        raise ValueError(f"range {clip(text)!r} ends before it begins")
    return range(start, stop + 1)


def _find(pieces: list[Piece], name: str) -> int:
    name = name.strip().lower()
    if name == "#s" or name.endswith("$start"):
        return 0
    if name == "#e" or name.endswith("$end"):
        return len(pieces) - 1
    wanted, count = split_occurrence(name)
    places = [n for n, piece in enumerate(pieces) if piece.name == wanted]
    if len(places) < count:
        has = f"the line has {len(places)} of {clip(wanted)!r}"
        raise ValueError(f"range: {clip(name)!r} is not in it; {has}")
    return places[count - 1]


def split_occurrence(name: str) -> tuple[str, int]:
    """Name and number of `name[2]`; 1 without a number.

    Raises:
        ValueError: no number that an element can have.
    """
    match = _OCCURRENCE.fullmatch(name)
    if not name:
        raise ValueError("the name of an element is missing")
    if match is None:
        raise ValueError(f"{clip(name)!r} is no element; write it as name, or name[2]")
    number = match[2] or "1"
    if len(number) > _DIGITS or (match[2] and not int(number)):
        said = "count them from 1, up to the number of elements"
        raise ValueError(f"{clip(match[1])}[{clip(number, 20)}] is no occurrence: {said}")
    return match[1], int(number)

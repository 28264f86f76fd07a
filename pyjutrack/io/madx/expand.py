"""The elements of a line or a sequence in order, with the drifts between them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

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
_OCCURRENCE = re.compile(r"(.+?)(?:\[(\d+)\])?")


@dataclass(frozen=True)
class Piece:
    """A drift, or an element.

    Attributes:
        name: of the element; empty for a drift.
        gap: length of the drift [m].
    """

    name: str
    gap: Formula = 0.0


def expand(machine: Machine, path: Any, use: Use) -> list[Piece]:
    """What USE gives: elements and drifts in order.

    Raises:
        LatticeFileError: names that are not defined, elements that overlap, a range that is none.
    """
    pieces = list(_pieces(machine, path, use.name))
    return _cut(pieces, use, path) if use.range else pieces


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
    straight = definition.name in machine.straight or not machine.variables.evaluate(angle)
    if straight or not machine.options.get("rbarc", True):
        return length
    return length / call("sinc", 0.5 * angle)


def _pieces(machine: Machine, path: Any, name: str) -> Iterator[Piece]:
    def length(element: str) -> Formula:
        return length_of(machine, machine.elements[element])

    if name in machine.sequences:
        nodes = SequenceExpander(machine.sequences, length).nodes(name)
        yield from _between(machine, nodes, machine.sequences[name].length, path)
        return
    line = machine.lines[name]
    parts = expand_line(machine.lines, name, LINES, machine.variables.spend)
    for part, _ in parts:
        if part in machine.sequences:
            yield from _pieces(machine, path, part)
        elif part in machine.elements:
            yield Piece(part)
        else:
            raise wrong(
                line.file, f"line {name!r} needs {clip(part)!r}, which is not defined", line.row
            )


def _between(machine: Machine, nodes: list[Node], length: Formula, path: Any) -> Iterator[Piece]:
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


def _cut(pieces: list[Piece], use: Use, path: Any) -> list[Piece]:
    """The part of a line in a range `first/last` or `only`."""
    first, slash, last = use.range.partition("/")
    start = _find(pieces, first, path)
    stop = _find(pieces, last, path) if slash else start
    if stop < start:
        raise wrong(path, f"range {clip(use.range)!r} ends before it begins")
    return pieces[start : stop + 1]


def _find(pieces: list[Piece], name: str, path: Any) -> int:
    name = name.strip().lower()
    if name == "#s":
        return 0
    if name == "#e":
        return len(pieces) - 1
    match = _OCCURRENCE.fullmatch(name)
    wanted, count = (match[1], int(match[2] or 1)) if match else (name, 1)
    places = [n for n, piece in enumerate(pieces) if piece.name == wanted]
    if len(places) < count:
        raise wrong(path, f"{clip(name)!r} of the range is not in the line")
    return places[count - 1]

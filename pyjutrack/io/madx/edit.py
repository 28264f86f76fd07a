"""SEQEDIT of MAD files: elements put into a sequence, taken out of it, moved in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ...lattice.expressions import Expression, Formula
from ..definition import Definition
from ..errors import clip
from .expand import length_of, split_occurrence
from .machine import Machine
from .sequences import Entry, Node, Sequence, SequenceExpander
from .statement import Statement

#: what an entry counts that is placed anew, in operations of an expression
_PLACED = 50


def start(machine: Machine, statement: Statement) -> None:
    """`seqedit, sequence = name`: what follows edits it, up to ENDEDIT."""
    name = statement.word("sequence", 0)
    if name not in machine.sequences:
        raise ValueError(f"there is no sequence {clip(name)!r} to be edited")
    machine.edited = name


def end(machine: Machine, statement: Statement) -> None:
    """`endedit`: entries stand in the order of their places again."""
    sequence = _edited(machine)
    _spend(machine, sequence.entries)
    found = _expander(machine).centres(sequence.name)
    centres = [machine.variables.evaluate(place.total()) for place in found]
    order = sorted(range(len(centres)), key=centres.__getitem__)
    _set(machine, [sequence.entries[n] for n in order])
    machine.edited = ""


def install(machine: Machine, statement: Statement) -> None:
    """`install, element = name, class = class, at = ..., from = ...`."""
    sequence = _edited(machine)
    name, kind = statement.word("element"), statement.word("class")
    if kind and name not in machine.elements:
        parent = machine.elements.get(kind)
        if parent is None and kind not in machine.dialect.classes:
            raise ValueError(f"{clip(kind)!r} is no class of elements")
        base, attributes = (parent.base, parent.attributes) if parent else (kind, {})
        machine.elements[name] = Definition(
            name, base, kind, attributes, statement.file, statement.row
        )
    if name not in machine.elements and name not in machine.sequences:
        raise ValueError(f"there is no element {clip(name)!r} to be installed")
    place, origin = _given(machine, statement, "at"), statement.word("from")
    if origin == "selected":
        raise ValueError("FROM = SELECTED is not understood; install the elements one by one")
    entry = Entry(name, place, origin, statement.file, statement.row)
    _set(machine, [*sequence.entries, entry])


def remove(machine: Machine, statement: Statement) -> None:
    """`remove, element = name`."""
    entries = _edited(machine).entries
    places = set(_places(entries, statement.word("element")))
    gone = {entries[n].name for n in places}
    kept = [entry for n, entry in enumerate(entries) if n not in places]
    orphan = next((e for e in kept if e.origin in gone), None)
    if orphan is not None and not any(e.name == orphan.origin for e in kept):
        raise ValueError(f"the place of {orphan.name!r} counts from {orphan.origin!r}")
    _set(machine, kept)


def substitute(machine: Machine, statement: Statement) -> None:
    """`replace, element = name, by = other`."""
    other = statement.word("by")
    if other not in machine.elements:
        raise ValueError(f"there is no element {clip(other)!r}")
    _change(machine, statement, lambda entry: replace(entry, name=other))


def move(machine: Machine, statement: Statement) -> None:
    """`move, element = name, by = ...` or `to = ..., from = ...`."""
    if any(a.name == "by" for a in statement.arguments):
        shift = _given(machine, statement, "by")
        _change(machine, statement, lambda entry: replace(entry, at=entry.at + shift))
        return
    place, origin = _given(machine, statement, "to"), statement.word("from")
    _change(machine, statement, lambda entry: replace(entry, at=place, origin=origin))


def flatten(machine: Machine, statement: Statement) -> None:
    """`flatten`: the sequences in it give way to their elements."""
    _flatten(machine, lambda place, length: place)


def reflect(machine: Machine, statement: Statement) -> None:
    """`reflect`: from the end to the beginning."""
    if _edited(machine).refer != "centre":
        machine.notes.add(
            "REFLECT mirrors the places of elements; MAD-X takes those of a sequence with REFER as "
            "though they were of centres"
        )
    _flatten(machine, lambda place, length: length - place)


def cycle(machine: Machine, statement: Statement) -> None:
    """`cycle, start = name`: the sequence begins at the centre of an element, a marker."""
    sequence, name = _edited(machine), statement.word("start")
    place = _places(sequence.entries, name)[0]
    first = _expander(machine).centres(sequence.name)[place].total()
    value = machine.variables.evaluate

    def turned(at: Formula, length: Formula) -> Formula:
        return at - first if value(at) >= value(first) - 1e-9 else at - first + length

    _flatten(machine, turned)


def extract(machine: Machine, statement: Statement) -> None:
    """`extract, sequence = name, from = first, to = last, newname = other`: a new sequence."""
    name = statement.word("sequence", 0)
    if name not in machine.sequences:
        raise ValueError(f"there is no sequence {clip(name)!r}")
    new, ends = statement.word("newname"), [statement.word(word) for word in ("from", "to")]
    if not new or not all(ends):
        raise ValueError("EXTRACT needs FROM, TO, and NEWNAME for what it makes")
    nodes = _expander(machine).nodes(name)
    machine.variables.spend(len(nodes))
    start, stop = (_end(nodes, name) for name in ends)
    if stop < start:
        raise ValueError("the element of TO stands before that of FROM")
    part = nodes[start : stop + 1]
    first = part[0].centre.total()
    entries = [replace(n.entry, name=n.name, at=n.centre.total() - first, origin="") for n in part]
    length = part[-1].centre.total() - first
    made = Sequence(new, length, "centre", "", statement.file, statement.row, entries)
    machine.lines.pop(new, None)
    machine.sequences[new] = made


def _flatten(machine: Machine, where: Callable[[Formula, Formula], Formula]) -> None:
    """Give every element a place of its own, counted from the beginning to its centre."""
    sequence = _edited(machine)
    nodes = _expander(machine).nodes(sequence.name)
    entries = [
        replace(n.entry, name=n.name, at=where(n.centre.total(), sequence.length), origin="")
        for n in nodes
    ]
    _spend(machine, entries)
    machine.sequences[sequence.name] = replace(sequence, refer="centre", entries=entries)


def _change(machine: Machine, statement: Statement, change: Callable[[Entry], Entry]) -> None:
    entries = _edited(machine).entries
    places = set(_places(entries, statement.word("element")))
    _spend(machine, [entries[n] for n in places])
    _set(machine, [change(e) if n in places else e for n, e in enumerate(entries)])


def _places(entries: list[Entry], name: str) -> list[int]:
    """Where an element stands: the first of the name, or `name[2]` the second."""
    if name == "selected":
        raise ValueError(f"element = {clip(name)!r} is not understood; name elements one by one")
    wanted, count = split_occurrence(name)
    found = [n for n, entry in enumerate(entries) if entry.name == wanted][count - 1 :][:1]
    if not found:
        raise ValueError(f"{clip(name)!r} is not in the sequence")
    return found


def _end(nodes: list[Node], name: str) -> int:
    """The place of an element, which must have no length, as MAD-X asks."""
    wanted, count = split_occurrence(name)
    found = [n for n, node in enumerate(nodes) if node.name == wanted]
    if len(found) < count:
        raise ValueError(f"{clip(name)!r} is not in the sequence")
    length = nodes[found[count - 1]].length
    if not isinstance(length, float) or length:
        raise ValueError(f"{clip(name)!r} has a length; a part must begin and end with markers")
    return found[count - 1]


def _given(machine: Machine, statement: Statement, name: str) -> Formula:
    argument = next((a for a in statement.arguments if a.name == name), None)
    if argument is None:
        raise ValueError(f"{statement.command} without {name}")
    return machine.formula(argument)


def _edited(machine: Machine) -> Sequence:
    if not machine.edited:
        raise ValueError("it stands outside of SEQEDIT")
    sequence = machine.sequences[machine.edited]
    machine.variables.spend(len(sequence.entries))  # each command goes through all of them
    return sequence


def _spend(machine: Machine, entries: list[Entry]) -> None:
    """Count entries that are placed anew, and the expressions of their places."""
    sizes = (len(e.at.code) if isinstance(e.at, Expression) else 0 for e in entries)
    machine.variables.spend(_PLACED * len(entries) + sum(sizes))


def _set(machine: Machine, entries: list[Entry]) -> None:
    sequence = machine.sequences[machine.edited]
    machine.sequences[sequence.name] = replace(sequence, entries=entries)


def _expander(machine: Machine) -> SequenceExpander:
    return SequenceExpander(
        machine.sequences, lambda name: length_of(machine, machine.elements[name])
    )

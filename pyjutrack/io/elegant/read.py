"""Read lattices from the files of elegant."""

from __future__ import annotations

from pathlib import Path

from ...beam.reference import Reference
from ...elements import Element
from ..builder import LatticeBuilder
from ..choice import choose_line
from ..errors import clip, wrong
from ..format import LatticeFormat, LatticeSource
from ..lines import LineExpander, Placed, expand_line
from ..record import LatticeFile, Notes
from .attributes import RADIATION
from .kinds import CLASSES
from .machine import LINES, Machine, turn
from .source import ElegantSource

#: of text that is searched, in the time of an operation
_CHARACTERS = 100


def _read(source: LatticeSource) -> LatticeFile:
    path, notes = source.path, Notes()
    first = path.resolve()
    folder = first.parent if source.folder is None else source.folder.resolve()
    machine = Machine(folder, notes)
    machine.read(path)
    name = _choose(machine, path, source.line)
    builder = LatticeBuilder(path, machine.variables)
    _build(machine, source.reference, name, builder, notes)
    return LatticeFile(builder.lattice(), source.reference, notes.all)


ELEGANT_FILES = LatticeFormat("elegant", "elegant", (".lte",), _read, has_lines=True)


def _choose(machine: Machine, path: Path, asked: str | None) -> str:
    """The line to read: as asked, as USE says, or the one that is part of no other."""
    known = list(machine.lines)
    wanted = machine.used if asked is None else asked
    if asked is not None and asked not in known:
        wanted = asked.upper() if asked.upper() in known else asked
    inside: set[str] = set()
    for line in machine.lines.values():
        inside |= line.words(LINES)
    if wanted is None:
        inside |= _fragments(machine, [name for name in known if name not in inside])
    return choose_line(path, wanted, known, inside)


def _fragments(machine: Machine, names: list[str]) -> set[str]:
    """Lines whose elements stand in another one in the same order, without its naming them."""
    expander = LineExpander(machine.lines, LINES, machine.variables.spend)
    texts: dict[str, str] = {}
    for name in names:
        try:
            parts = expander.expand(name)
        except ValueError:
            continue  # an error where it is asked for
        texts[name] = "\n".join(["", *(part.name for part in parts), ""])
    found: set[str] = set()
    for name, text in texts.items():
        others = [t for n, t in texts.items() if n not in found and len(t) > len(text)]
        machine.variables.spend(sum(map(len, others)) // _CHARACTERS)
        if any(text in other for other in others):
            found.add(name)
    return found


def _build(
    machine: Machine,
    reference: Reference | None,
    name: str,
    builder: LatticeBuilder,
    notes: Notes,
) -> None:
    """Make the elements of a line, each once."""
    line = machine.lines[name]
    parts = expand_line(machine.lines, name, LINES, machine.variables.spend)
    made: dict[Placed, list[Element]] = {}
    for part in parts:
        if part not in made:
            if part.name not in machine.elements:
                raise wrong(line.file, _explain(machine, name, part.name), line.row)
            made[part] = _make(machine, part, reference, builder, notes)
        for element in made[part]:
            builder.place(element)


def _explain(machine: Machine, line: str, name: str) -> str:
    said = f"line {line!r} needs {clip(name)!r}, which is not defined"
    if name in machine.unknown:
        return f"{said}: {clip(machine.unknown[name])!r} is no type of elements"
    return said


def _make(
    machine: Machine,
    part: Placed,
    reference: Reference | None,
    builder: LatticeBuilder,
    notes: Notes,
) -> list[Element]:
    definition = machine.elements[part.name]
    if part.turned:
        definition = turn(definition)
    attributes = definition.attributes
    if any(attributes.get(n) not in (None, 0.0) for n in RADIATION):
        notes.add("synchrotron radiation (SYNCH_RAD, ISR) is left out")
    kind = definition.base.lower()
    say = notes.for_element(part.name, kind)
    with definition.placed_errors():
        length = attributes.get("l", 0.0)
        if isinstance(length, (str, tuple)):
            raise ValueError(f"l = {length!r} is no number")
        value = machine.variables.evaluate
        source = ElegantSource(definition, length, value, builder, say)
        source.reference = reference
        found = CLASSES[definition.base](source)
    source.tell_rest()
    return found

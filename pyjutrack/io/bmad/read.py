"""Read lattices from the files of Bmad."""

from __future__ import annotations

import re
from pathlib import Path

from ...beam.reference import Reference, Species
from ...core.errors import PyJuTrackError
from ...core.scalars import to_float
from ...elements import Element
from ...lattice.expressions import Formula
from ..builder import LatticeBuilder
from ..choice import choose_line
from ..definition import Definition
from ..errors import clip, placed_errors, wrong
from ..format import LatticeFormat, LatticeSource
from ..lines import expand_line
from ..record import LatticeFile, Notes
from .control import apply_controllers
from .flow import Reader
from .kinds import length_of, read_element
from .language import find_species
from .layout import Layout, Piece
from .machine import LINES, Machine
from .source import BmadSource

#: marks of the language, for files whose suffix others use too
_MARKS = re.compile(
    r"^\s*(?:parameter|beginning|bmad_com|\*)\[|^\s*(?:no_digested|expand_lattice)\b"
    r"|:\s*line\s*(?:\[multipass\]\s*)?=|^\s*use\s*,",
    re.IGNORECASE | re.MULTILINE,
)
#: classes that take no part whichever way they stand
_SYMMETRIC = ("drift", "pipe", "marker", "monitor", "instrument")


def _read(source: LatticeSource) -> LatticeFile:
    path, notes = source.path, Notes()
    first = path.resolve()
    folder = first.parent if source.folder is None else source.folder.resolve()
    machine = Machine(notes)
    reader = Reader(machine, folder, first.parent)
    reader.read(path)
    apply_controllers(machine)
    name = _choose(machine, path, source.line)
    reference = source.reference or _reference(machine, path, name)
    builder = LatticeBuilder(path, machine.variables)
    pieces = _pieces(machine, path, name, reference, builder)
    if reader.superimposes:
        pieces = _superimpose(machine, path, pieces, reference, builder)
    _build(machine, pieces, reference, builder)
    _tell_settings(machine)
    return LatticeFile(builder.lattice(), reference, notes.all)


def _is_bmad(source: LatticeSource) -> bool:
    return source.path.suffix.lower() == ".bmad" or _MARKS.search(source.text) is not None


BMAD_FILES = LatticeFormat(
    "bmad", "Bmad", (".bmad", ".lat"), _read, recognise=_is_bmad, has_lines=True
)


def _reference(machine: Machine, path: Path, line: str) -> Reference | None:
    """The reference of the file; Bmad's default is a positron of a thousand rest energies."""
    try:
        species = find_species(str(machine.parameter(line, "particle") or "positron"))
    except ValueError as error:
        machine.notes.add(str(error), kind="parameter")
        return None
    try:
        return _with_energy(machine, species, line)
    except (PyJuTrackError, ValueError, TypeError) as error:
        raise wrong(path, f"parameter: {error}") from error


def _with_energy(machine: Machine, species: Species, line: str) -> Reference:
    for name, make in (("p0c", Reference.from_p0c), ("e_tot", Reference.from_total)):
        given = machine.parameter(line, name)
        if isinstance(given, (str, tuple)):
            raise ValueError(f"{name} = {clip(str(given))!r} is no number")
        value = machine.variables.evaluate(given)
        if value:
            return make(species, value)
    machine.notes.add("no energy is given; Bmad's 1000 rest energies are taken", kind="parameter")
    return Reference.from_total(species, 1000 * species.mass)


def _choose(machine: Machine, path: Path, asked: str | None) -> str:
    """The line to read: as asked, as USE says, or the one that is part of no other."""
    known = [name for name, line in machine.lines.items() if not line.parameters]
    used = machine.used
    if len(used) > 1 and asked is None:
        rest = clip(", ".join(used[1:]))
        machine.notes.add(f"the first of several branches is read; line= names others: {rest}")
    wanted = used[0] if used else None
    if asked is not None:
        wanted = asked.lower()
    inside: set[str] = set()
    for line in machine.lines.values():
        inside |= line.words(LINES)
    return choose_line(path, wanted, known, inside)


def _pieces(
    machine: Machine, path: Path, name: str, reference: Reference | None, builder: LatticeBuilder
) -> list[Piece]:
    line = machine.lines[name]
    parts = expand_line(machine.lines, name, LINES, machine.variables.spend)
    found: dict[str, Piece] = {}
    for part in parts:
        if part.name in found:
            continue
        definition = machine.elements.get(part.name)
        if definition is None:
            said = f"line {name!r} needs {clip(part.name)!r}, which is not defined"
            raise wrong(line.file, said, line.row)
        length = _length(machine, definition, reference, builder)
        found[part.name] = Piece(part.name, length, machine.variables.evaluate(length))
    for part in parts:
        definition = machine.elements[part.name]
        if part.turned and definition.base not in _SYMMETRIC:
            said = f"--{part.name}: elements that the beam meets from their exit are not understood"
            raise wrong(line.file, said, line.row)
    return [found[part.name] for part in parts]


def _length(
    machine: Machine,
    definition: Definition,
    reference: Reference | None,
    builder: LatticeBuilder,
) -> Formula:
    with definition.placed_errors():
        return length_of(_source(machine, definition, 0.0, reference, 0.0, builder))


def _source(
    machine: Machine,
    definition: Definition,
    length: Formula,
    reference: Reference | None,
    turn: float,
    builder: LatticeBuilder,
) -> BmadSource:
    say = machine.notes.for_element(definition.name, definition.base)
    value = machine.variables.evaluate
    return BmadSource(definition, length, reference, turn, value, builder, say)


def _superimpose(
    machine: Machine,
    path: Path,
    pieces: list[Piece],
    reference: Reference | None,
    builder: LatticeBuilder,
) -> list[Piece]:
    """Pieces with what is superimposed on them."""
    variables = machine.variables

    def length(definition: Definition) -> Formula:
        return _length(machine, definition, reference, builder)

    layout = Layout(
        pieces, machine.elements, length, variables.evaluate, variables.spend, machine.notes
    )
    for (name, _), command in machine.superimposed.items():
        definition = command or machine.elements[name]
        with placed_errors(definition.file, definition.row, "superimpose"):
            layout.superimpose(name, definition.attributes)
    return layout.pieces


def _build(
    machine: Machine,
    pieces: list[Piece],
    reference: Reference | None,
    builder: LatticeBuilder,
) -> None:
    """Make the elements, each once for an energy."""
    turn = sum(piece.size for piece in pieces)
    made: dict[tuple[Piece, float], list[Element]] = {}
    here = reference and Reference(reference.species, to_float(reference.p0c))
    for piece in pieces:
        key = piece, to_float(here.p0c) if here else 0.0
        if key not in made:
            made[key] = _make(machine, piece, here, turn, builder)
        for element in made[key]:
            builder.place(element)
            here = element.exit_reference(here) if here else here


def _make(
    machine: Machine,
    piece: Piece,
    reference: Reference | None,
    turn: float,
    builder: LatticeBuilder,
) -> list[Element]:
    definition = machine.elements[piece.name]
    source = _source(machine, definition, piece.length, reference, turn, builder)
    with definition.placed_errors():
        found = read_element(source)
    source.tell_rest()
    return found


def _tell_settings(machine: Machine) -> None:
    told = machine.parameters.get("bmad_com", {})
    if any(told.get(f"radiation_{name}_on") == 1.0 for name in ("damping", "fluctuations")):
        machine.notes.add("synchrotron radiation is left out", kind="bmad_com")

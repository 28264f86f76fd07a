"""Read lattices from MAD-X and MAD8 files."""

from __future__ import annotations

from pathlib import Path

from ...beam.reference import Reference
from ...core.errors import PyJuTrackError
from ...core.scalars import to_float
from ...elements import Drift, Element
from ...lattice.expressions import Formula
from ..builder import LatticeBuilder
from ..choice import choose_line
from ..errors import LatticeFileError, clip, wrong
from ..format import LatticeFormat, LatticeSource
from ..record import LatticeFile, Notes
from ..statements import Syntax
from .commands import COMMANDS, HARMLESS, require_thick, set_variable
from .dialect import Dialect
from .errors import Errors
from .expand import Piece, expand, find_range, length_of
from .flow import Reader
from .kinds import CLASSES
from .machine import LINES, Machine, Use
from .source import MadSource
from .write import write_madx

MADX = Dialect("MAD-X", Syntax(rows=False, blocks=True, braces=True), CLASSES, COMMANDS, HARMLESS)
MAD8 = Dialect(
    "MAD8",
    Syntax(comments=True),
    CLASSES,
    {**COMMANDS, "set": set_variable},
    HARMLESS,
    defers=True,
    abbreviates=True,
)


MADX_FILES = LatticeFormat(
    "madx",
    MADX.name,
    (".madx", ".seq", ".mad"),
    lambda source: _read(MADX, source),
    write_madx,
    has_lines=True,
)
MAD8_FILES = LatticeFormat(
    "mad8", MAD8.name, (".mad8",), lambda source: _read(MAD8, source), has_lines=True
)


def _read(dialect: Dialect, source: LatticeSource) -> LatticeFile:
    path, notes = source.path, Notes()
    machine = Machine(dialect, notes, source.lenient)
    first = path.resolve()
    folder = first.parent if source.folder is None else source.folder.resolve()
    reader = Reader(dialect.syntax, folder, machine.execute, machine.value, machine.variables.spend)
    reader.read(path)
    if machine.open is not None:
        said = f"sequence {machine.open.name!r} has no ENDSEQUENCE; is the file cut off?"
        raise wrong(machine.open.file, said, machine.open.row)
    use = _choose(machine, path, source.line)
    reference = source.reference or machine.beams.reference(path, use.name)
    builder = LatticeBuilder(path, machine.variables)
    if use is not machine.used:
        require_thick(machine, use.name)
    pieces = expand(machine, use)
    if not pieces:
        owner = machine.sequences.get(use.name) or machine.lines[use.name]
        raise wrong(owner.file, f"{use.name!r} holds no elements and no space", owner.row)
    _build(machine, pieces, reference, machine.beams.sign(use.name), builder)
    if machine.undefined:
        shown = clip(", ".join(machine.undefined))
        notes.add(f"undefined variables are taken as 0, as MAD does: {shown}")
        for name in machine.undefined:
            machine.variables.set(name, 0.0)
    return LatticeFile(builder.lattice(), reference, notes.all)


def _choose(machine: Machine, path: Path, asked: str | None) -> Use:
    """The line to read: as asked, as the last USE says, or the one that is part of no other."""
    used = machine.used
    wanted = used.name if used is not None else None
    if asked is not None:
        wanted = asked.lower()
    known = [*machine.sequences, *machine.lines]
    inside = {e.name for s in machine.sequences.values() for e in s.entries}
    inside |= {word for line in machine.lines.values() for word in line.words(LINES)}
    inside |= {name for name in machine.lines if machine.lines[name].parameters}
    name = choose_line(path, wanted, known, inside)
    return used if used is not None and used.name == name else Use(name)


def _build(
    machine: Machine,
    pieces: list[Piece],
    reference: Reference | None,
    sign: float,
    builder: LatticeBuilder,
) -> None:
    """Make the elements of a line, each once."""
    value = machine.variables.evaluate
    lengths: dict[str, Formula] = {
        p.name: length_of(machine, machine.elements[p.name]) for p in pieces if p.name
    }
    turn = sum(value(lengths[p.name] if p.name else p.gap) for p in pieces)
    made: dict[tuple[str, tuple[int, ...]], list[Element]] = {}
    errors = Errors(machine, lambda text: find_range(pieces, text))
    plain = reference and Reference(reference.species, to_float(reference.p0c))
    drifts = 0
    for place, piece in enumerate(pieces):
        if not piece.name:
            builder.place(builder.make(Drift, f"drift_{drifts}", {"length": piece.gap}))
            drifts += 1
            continue
        definition = machine.elements[piece.name]
        told = errors.told_of(definition, place)
        if (piece.name, told) not in made:
            say = machine.notes.for_element(piece.name, definition.base)
            length = lengths[piece.name]
            try:
                wrongs = errors.of(definition, length, sign, told)
                source = MadSource(
                    definition, length, sign, plain, turn, wrongs, value, builder, say
                )
                made[piece.name, told] = CLASSES[definition.base](source)
            except LatticeFileError:
                raise
            except (PyJuTrackError, ValueError, TypeError, ArithmeticError) as error:
                where = f"{definition.base} {piece.name!r}"
                raise wrong(definition.file, f"{where}: {error}", definition.row) from error
            source.tell_rest()
        for element in made[piece.name, told]:
            builder.place(element)

"""Read lattices from MAD-X and MAD8 files."""

from __future__ import annotations

from pathlib import Path

from ..builder import LatticeBuilder
from ..choice import choose_line
from ..errors import clip, wrong
from ..format import LatticeFormat, LatticeSource
from ..record import LatticeFile, Notes
from ..statements import Syntax
from .build import build
from .commands import COMMANDS, HARMLESS, require_thick, set_variable
from .dialect import Dialect
from .expand import expand
from .flow import Reader
from .kinds import CLASSES
from .machine import LINES, Machine, Use
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
    build(machine, pieces, reference, machine.beams.sign(use.name), builder)
    if machine.undefined:
        shown = clip(", ".join(machine.undefined))
        notes.add(f"undefined variables are taken as 0, as MAD does: {shown}")
        for name in machine.undefined:
            if name not in machine.variables:  # else it was defined later
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

"""Files of the Particle Accelerator Lattice Standard (PALS), in YAML.

Source: the standard's documentation, https://pals-project.readthedocs.io. What the standard has no
word for, such as the steps of an integrator, stands in the group that it keeps for programs:
`TrackingP: {pyjutrack: {...}}`, whose fields go before those of the standard's own groups.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...beam.reference import SPEED_OF_LIGHT, Reference
from ...core.errors import unknown
from ...core.scalars import to_float
from ...elements import Marker
from ..arithmetic import is_on
from ..errors import placed_errors, wrong
from ..format import LatticeFormat
from ..record import LatticeFile, Notes
from .beginning import read_reference
from .build import Builder, Part
from .controllers import apply_all
from .files import combine
from .kinds import KINDS
from .lines import Facility
from .machine import Machine
from .openings import opening
from .settings import Items
from .source import Made, Source, with_own_fields
from .write import write_pals
from .yaml_tree import Table

__all__ = ["PALS", "read_pals", "write_pals"]


def read_pals(
    path: str | Path,
    line: str | None = None,
    reference: Reference | None = None,
    folder: str | Path | None = None,
) -> LatticeFile:
    """Read a lattice from a PALS file in YAML.

    Expressions, constants, variables and controllers are those of the lattice. Lines, sublines,
    `repeat`, `inherit`, `include`, `load`, `set` and lattices of one branch are followed.
    `superimpose`, `placement` and the reversal of fields by `direction: -1` are not: they raise.

    Args:
        path: of the file.
        line: a BeamLine or Lattice of the file; left out, that in use, or the only one.
        reference: left out, that of the line's BeginningEle.
        folder: in which files that this one includes or loads must lie; left out, its own.

    Raises:
        LatticeFileError: no such file, no YAML, a name or a kind that is not defined, cyclic lines
            or expressions, a value of the wrong type; the message gives the file and the line.
    """
    path = Path(path)
    first = path.resolve().parent if folder is None else Path(folder).resolve()
    pals = combine(path, first)
    with placed_errors(path, None):
        return _read(path, pals, line, reference)


def _read(path: Path, pals: Table, line: str | None, reference: Reference | None) -> LatticeFile:
    notes = Notes()
    machine = Machine(notes)
    facility = Facility(path, pals, machine)
    machine.require_values()
    name = facility.root(line)
    items = facility.expand(name)
    items = apply_all(items, facility.later, facility.controllers, machine)
    if reference is None:
        reference = read_reference(path, items, machine)
    parts = list(_parts(path, items, reference, machine))
    if not parts and items:  # a beginning alone
        parts = [Part(items[0][0], Made(Marker, {}), 0.0, items[0][1])]
    if not parts:
        raise wrong(path, f"line {name!r} is empty")
    lattice = Builder(path, machine).lattice(_with_harmonics(parts, reference, machine))
    return LatticeFile(lattice, reference, notes.all)


def _parts(
    path: Path, items: Items, reference: Reference | None, machine: Machine
) -> Iterator[Part]:
    """The elements of a line, in order; one that is repeated is the same part."""
    known: dict[int, tuple[Part, ...]] = {}
    for name, table in items:
        if table.get("kind") == "BeginningEle":
            continue
        if id(table) not in known:
            say = machine.notes.for_element(name, str(table.get("kind")))
            source = Source(path, name, table, reference, say, machine)
            if source.kind not in KINDS:
                said = str(unknown("kind of element in PALS", source.kind, KINDS))
                raise wrong(source.path, f"{name}: {said}", table.at("kind"))
            with placed_errors(source.path, table.line, name):
                known[id(table)] = tuple(_convert(source))
            source.say_rest()
        yield from known[id(table)]


def _convert(source: Source) -> Iterator[Part]:
    """Convert an element, and the apertures before and after it."""
    made = KINDS[source.kind](source)
    if not source.own.choice("is_on", True, (True, False)):
        source.say("is off; read as a drift or a marker")
        made = KINDS["Marker"](source)
    before = after = False
    found = None
    name, table = source.name, source.table
    if source.kind != "Mask" and source.group("ApertureP").table:
        location = source.group("ApertureP").table.get("location") or "ENTRANCE_END"
        found = opening(source)
        if found is not None and location in ("CENTER", "NOWHERE"):
            source.say(f"ApertureP at {location} is left out")
        elif found is not None:
            if location == "EVERYWHERE":
                source.say("ApertureP EVERYWHERE; read as at both ends")
            before, after = location != "EXIT_END", location != "ENTRANCE_END"
    stop = [] if found is None else [Part(f"{name}_aperture", found, 0.0, table)]
    harmonic = source.group("RFP").number("harmon")
    yield from stop if before else []
    yield Part(name, with_own_fields(source, made), harmonic, table)
    yield from stop if after else []


def _with_harmonics(parts: list[Part], reference: Reference | None, machine: Machine) -> list[Part]:
    """The parts, with the frequencies of harmonic numbers."""
    cavities = {id(p): p for p in parts if is_on(p.harmonic) and "frequency" in p.made.fields}
    if not cavities:
        return parts
    paths = (part.made.fields.get(part.made.kind.path, 0.0) for part in parts)
    length = sum(map(machine.value, paths))
    made: dict[int, Part] = {}
    for key, part in cavities.items():
        if reference is None or not length:
            said = "a harmonic number needs a length and a reference momentum of the line"
            raise wrong(part.table.file or Path(), f"{part.name}: {said}", part.table.line)
        turn = length / (to_float(reference.beta) * SPEED_OF_LIGHT)
        fields = {**part.made.fields, "frequency": part.harmonic / turn}
        made[key] = part._replace(made=Made(part.made.kind, fields))
    return [made.get(id(part), part) for part in parts]


PALS = LatticeFormat(
    "pals",
    "PALS, YAML",
    (".yaml", ".yml"),
    lambda source: read_pals(source.path, source.line, source.reference, source.folder),
    write_pals,
    has_lines=True,
)

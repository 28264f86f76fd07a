"""Files of the Particle Accelerator Lattice Standard (PALS), in YAML.

Source: the standard's documentation, https://pals-project.readthedocs.io. What the standard has no
word for, such as the steps of an integrator, stands in the group that it keeps for programs:
`TrackingP: {pyjutrack: {...}}`, whose fields go before those of the standard's own groups.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ...beam.reference import SPEED_OF_LIGHT, Reference, Species
from ...core.errors import PyJuTrackError, unknown
from ...core.scalars import to_float
from ...elements import CrabCavity, Element, RFCavity
from ...lattice.lattice import Lattice
from ..errors import LatticeFileError, wrong
from ..fields import BadElement
from ..format import LatticeFormat
from ..record import LatticeFile, Notes
from .kinds import KINDS, opening
from .lines import REFUSED, Facility
from .source import Group, Source, with_own_fields
from .write import write_pals
from .yaml_tree import Table, tree

__all__ = ["PALS", "read_pals", "write_pals"]

Items = list[tuple[str, Table]]


def read_pals(
    path: str | Path, line: str | None = None, reference: Reference | None = None
) -> LatticeFile:
    """Read a lattice from a PALS file in YAML.

    Lines, sublines, `repeat`, `inherit` and lattices of one branch are followed. Expressions,
    `include`, `set`, `placement` and the reversal of fields by `direction: -1` are not: they raise.

    Args:
        path: of the file.
        line: a BeamLine or Lattice of the file; left out, that in use, or the only one.
        reference: left out, that of the line's BeginningEle.

    Raises:
        LatticeFileError: no such file, no YAML, a name or a kind that is not defined, cyclic lines,
            a value of the wrong type; the message gives the line.
    """
    path, notes = Path(path), Notes()
    root = tree(path)
    if not isinstance(root, Table) or not isinstance(root.get("PALS"), Table):
        raise wrong(path, "no PALS file: it has no key 'PALS' with a facility under it")
    pals = root["PALS"]
    for key in REFUSED:
        if key in pals:
            raise wrong(path, f"{key!r} is not understood; write out what it does", pals.at(key))
    facility = Facility(path, pals.get("facility"), notes)
    name = facility.root(line)
    items = facility.expand(name)
    if reference is None:
        reference = _reference(path, items, notes)
    elements = list(_elements(path, items, reference, notes))
    if not elements:
        raise wrong(path, f"line {name!r} is empty")
    return LatticeFile(_with_harmonics(path, elements, reference), reference, notes.all)


def _elements(
    path: Path, items: Items, reference: Reference | None, notes: Notes
) -> Iterator[tuple[Element, float, int]]:
    """Elements, the harmonic number or 0, and the line."""
    known: dict[int, tuple[tuple[Element, float, int], ...]] = {}  # of what is repeated
    for name, table in items:
        if table.get("kind") == "BeginningEle":
            continue
        if id(table) in known:
            yield from known[id(table)]
            continue
        source = Source(
            path, name, table, reference, notes.for_element(name, str(table.get("kind")))
        )
        if source.kind not in KINDS:
            said = str(unknown("kind of element in PALS", source.kind, KINDS))
            raise wrong(path, f"{name}: {said}", table.at("kind"))
        try:
            before, element, after = _convert(source)
        except LatticeFileError:
            raise
        except (*BadElement, ValueError, ZeroDivisionError) as error:
            raise wrong(path, f"{name}: {error}", table.line) from error
        harmonic = source.group("RFP").number("harmon")
        source.say_rest()
        known[id(table)] = (
            *((e, 0.0, table.line) for e in before),
            (element, harmonic, table.line),
            *((e, 0.0, table.line) for e in after),
        )
        yield from known[id(table)]


def _convert(source: Source) -> tuple[list[Element], Element, list[Element]]:
    """Convert an element, and the apertures before and after it."""
    element = KINDS[source.kind](source)
    if not source.own.choice("is_on", True, (True, False)):
        source.say("is off; read as a drift or a marker")
        element = KINDS["Marker"](source)
    around: tuple[list[Element], list[Element]] = ([], [])
    if source.kind != "Mask" and source.group("ApertureP").table:
        location = source.group("ApertureP").table.get("location") or "ENTRANCE_END"
        found = opening(source)
        if found is not None and location in ("CENTER", "NOWHERE"):
            source.say(f"ApertureP at {location} is left out")
        elif found is not None:
            if location == "EVERYWHERE":
                source.say("ApertureP EVERYWHERE; read as at both ends")
            stop = replace(found, name=f"{source.name}_aperture")
            if location != "EXIT_END":
                around[0].append(stop)
            if location != "ENTRANCE_END":
                around[1].append(stop)
    return around[0], with_own_fields(source, element), around[1]


def _reference(path: Path, items: Items, notes: Notes) -> Reference | None:
    for name, table in items[:1]:
        if table.get("kind") != "BeginningEle":
            continue
        source = Source(path, name, table, None, notes.for_element(name, "BeginningEle"))
        group = source.group("ReferenceP")
        group.asked.update(("species_ref", "time_ref"))
        momentum, energy = group.number("pc_ref"), group.number("E_tot_ref")
        source.say_rest()
        if not (momentum or energy):
            return None
        try:
            species = _species(source, group)
            if species is None:
                return None
            if momentum:
                return Reference.from_p0c(species, momentum)
            return Reference.from_total(species, energy)
        except PyJuTrackError as error:
            raise wrong(path, f"{name}: ReferenceP: {error}", group.table.line) from error
    return None


def _species(source: Source, group: Group) -> Species | None:
    tracking = source.table.get("TrackingP") or {}
    own = tracking.get("pyjutrack")
    if isinstance(own, Table):
        kept = Group(source.path, f"{source.name}: TrackingP.pyjutrack.", own)
        return Species(str(own.get("species")), kept.number("mass"), kept.number("charge"))
    name = str(group.table.get("species_ref") or "")
    try:
        return Species.from_name(name.replace("anti-", "anti"))
    except PyJuTrackError as error:
        source.say(f"ReferenceP.species_ref: {error}; no reference is read")
        return None


def _with_harmonics(
    path: Path, found: list[tuple[Element, float, int]], reference: Reference | None
) -> Lattice:
    """The lattice, with the frequencies of harmonic numbers."""
    lattice = Lattice(element for element, _, _ in found)
    if not any(harmonic for _, harmonic, _ in found):
        return lattice
    length = to_float(lattice.length)
    elements: list[Element] = []
    for element, harmonic, line in found:
        if harmonic and isinstance(element, (RFCavity, CrabCavity)):
            if reference is None or not length:
                said = "a harmonic number needs a length and a reference momentum of the line"
                raise wrong(path, f"{element.name}: {said}", line)
            frequency = harmonic * to_float(reference.beta) * SPEED_OF_LIGHT / length
            element = replace(element, frequency=frequency)
        elements.append(element)
    return Lattice(elements)


PALS = LatticeFormat(
    "pals",
    "PALS, YAML",
    (".yaml", ".yml"),
    lambda source: read_pals(source.path, source.line, source.reference),
    write_pals,
    has_lines=True,
)

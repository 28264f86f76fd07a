"""The package's own lattice files: JSON, complete and exact.

    {"pyjutrack": 1,
     "reference": {"species": "proton", "mass": 938272088.16, "charge": 1.0, "p0c": 1.696e9},
     "variables": {"kq": 0.3, "kqd": "-kq"},
     "expressions": {"q1.k1": "2*kq"},
     "elements": [{"kind": "Drift", "name": "d1", "length": 0.2}, ...]}

An element gives the fields that differ from their defaults. Energies are in eV, and all else has
the units of the elements. The reference may be null; variables and expressions, in the syntax of
`Lattice`, may be left out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..beam.reference import Reference, Species
from ..core.atomic import write_json
from ..core.errors import InvalidValueError, UnknownNameError
from ..core.scalars import to_float
from ..core.storage import register_description, to_lists
from ..elements import Element
from ..lattice.lattice import Lattice
from .errors import wrong
from .fields import (
    BadElement,
    Plain,
    changed_fields,
    element_from,
    find_kind,
    name_kind,
    to_number,
)
from .format import LatticeFormat, LatticeSource
from .record import LatticeFile

#: of the format
VERSION = 1


def write_own(path: str | Path, lattice: Lattice, reference: Reference | None = None) -> None:
    """Write a lattice as JSON, whole or not at all; `read_own` gives it back exactly.

    Tensors are written as their values and come back as floats.

    Raises:
        InvalidValueError: a parameter carries derivatives, or is nothing that a file can hold.
    """
    write_json(Path(path), record(lattice, reference))


def record(lattice: Lattice, reference: Reference | None = None) -> Plain:
    """A lattice as the data that a file holds; errors as for `write_own`."""
    names = {kind: name_kind(kind) for kind in dict.fromkeys(map(type, lattice))}
    elements = []
    for element in lattice:
        named = {"name": element.name} if element.name else {}
        elements.append({"kind": names[type(element)], **named, **changed_fields(element)})
    found = {"pyjutrack": VERSION, "reference": _describe(reference)}
    if lattice.variables:
        computed = {a: str(e) for a, e in lattice.expressions.items()}
        found["variables"] = {
            name: computed.pop(name, to_number(name, value))
            for name, value in lattice.variables.items()
        }
        found["expressions"] = computed
    return {**found, "elements": elements}


def _describe(reference: Reference | None) -> Plain | None:
    if reference is None:
        return None
    species = reference.species
    return {
        "species": species.name,
        "mass": species.mass,
        "charge": species.charge,
        "p0c": to_float(reference.p0c),
    }


def read_own(path: str | Path) -> LatticeFile:
    """Read a lattice that `write_own` wrote.

    Raises:
        LatticeFileError: the file is not there, or no such lattice; the message names the line, or
            the element and its field.
    """
    return _read(LatticeSource(Path(path)))


def _read(source: LatticeSource) -> LatticeFile:
    return from_record(source.path, source.finite_json)


def from_record(path: Path, data: Any) -> LatticeFile:
    """The lattice of a `record` that stands in a file; errors as for `read_own`."""
    _check_frame(path, data)
    reference = _reference(path, data.get("reference"))
    elements = [_element(path, n, item) for n, item in enumerate(data["elements"])]
    if not elements:
        raise wrong(path, "the list of elements is empty")
    defined = {key: data.get(key, {}) for key in ("variables", "expressions")}
    try:
        lattice = Lattice(elements, **defined)
    except (InvalidValueError, UnknownNameError) as error:
        raise wrong(path, str(error)) from error
    _check_numbers(path, elements, lattice)
    return LatticeFile(lattice, reference)


def _check_numbers(path: Path, elements: list[Element], lattice: Lattice) -> None:
    """Refuse an element whose number is not that of the expression that it follows."""
    plain = Lattice(elements)
    for address, formula in lattice.expressions.items():
        if address in lattice.variables:
            continue
        stated, worth = to_float(plain.value(address)), to_float(lattice.value(address))
        if abs(stated - worth) > 1e-9 * max(abs(stated), abs(worth)):
            said = f"{address} is {stated:.12g}, and {formula} is {worth:.12g}"
            raise wrong(path, f"{said}; take one of them out")


def _check_frame(path: Path, data: Any) -> None:
    """Check the outer frame: the format, its version and its keys."""
    if not isinstance(data, dict) or "pyjutrack" not in data:
        raise wrong(path, "no lattice of pyjutrack: the key 'pyjutrack' is missing")
    version = data["pyjutrack"]
    if isinstance(version, bool) or version != VERSION:
        raise wrong(path, f"format version {version!r} is not known, only {VERSION}")
    for key in data:
        if key not in ("pyjutrack", "reference", "variables", "expressions", "elements"):
            raise wrong(path, f"the key {key!r} is not known")
    for key in ("variables", "expressions"):
        for name, value in _entries(path, data, key):
            if isinstance(value, bool) or not isinstance(value, (int, float, str)):
                raise wrong(path, f"{key}: {name!r} must be a number or a text, got {value!r}")
    if not isinstance(data.get("elements"), list):
        raise wrong(path, "'elements' must be a list")


def _entries(path: Path, data: dict[str, Any], key: str) -> Any:
    given = data.get(key, {})
    if not isinstance(given, dict):
        raise wrong(path, f"{key!r} must be an object, got {given!r}")
    return given.items()


def _reference(path: Path, given: Any) -> Reference | None:
    if given is None:
        return None
    if not isinstance(given, dict) or set(given) != {"species", "mass", "charge", "p0c"}:
        raise wrong(path, f"reference must have species, mass, charge and p0c, got {given!r}")
    name, *numbers = (given[key] for key in ("species", "mass", "charge", "p0c"))
    if not isinstance(name, str):
        raise wrong(path, f"reference: species must be a word, got {name!r}")
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            raise wrong(path, f"reference: mass, charge and p0c must be numbers, got {number!r}")
    mass, charge, p0c = (float(number) for number in numbers)
    try:
        return Reference(Species(name, mass, charge), p0c)
    except InvalidValueError as error:
        raise wrong(path, f"reference: {error}") from error


def _element(path: Path, position: int, item: Any) -> Element:
    if not isinstance(item, dict):
        raise wrong(path, f"element {position} must be an object, got {item!r}")
    label = f"element {position} ({item.get('name', 'without a name')})"
    if "kind" not in item:
        raise wrong(path, f"{label} has no kind")
    try:
        kind = find_kind(item["kind"])
        return element_from(kind, {k: v for k, v in item.items() if k != "kind"})
    except BadElement as error:
        raise wrong(path, f"{label}: {error}") from error


OWN = LatticeFormat(
    "own",
    "pyjutrack, JSON",
    (".json",),
    _read,
    write_own,
    recognise=lambda source: isinstance(source.json, dict) and "pyjutrack" in source.json,
)


def _from_description(data: Any) -> Lattice:
    return from_record(Path("a lattice"), to_lists(data)).lattice


register_description(Lattice, record, _from_description)

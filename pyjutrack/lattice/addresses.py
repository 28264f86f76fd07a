"""Addresses of parameters: "q1.k1", "m1.knl[2]", "field.weights"."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from ..core.errors import InvalidValueError, UnknownNameError, unknown
from ..elements import Element
from .replace import same

_ADDRESS = re.compile(r"^(?P<element>.+)\.(?P<field>\w+)(\[(?P<index>\d+)\])?$")
_NO_NAMES = (
    "there is none at all: knobs are parameters of elements that have a name, and a merged "
    "lattice has those that `keep` names"
)
#: elements by name, in order
Named = Mapping[str, Sequence[Element]]


def by_name(elements: Iterable[Element]) -> dict[str, list[Element]]:
    """The elements of each name, in order; those without a name are left out."""
    found: dict[str, list[Element]] = {}
    for element in elements:
        if element.name:
            found.setdefault(element.name, []).append(element)
    return found


def parameters(name: str, element: Element, asked: str = "") -> list[str]:
    """Addresses of an element's own parameters, and of its placement only what is asked for."""
    found: list[str] = []
    for field in element.knobs:
        value = getattr(element, field)
        if isinstance(value, tuple):
            found += [f"{name}.{field}[{i}]" for i in range(len(value))]
        else:
            found.append(f"{name}.{field}")
    placed = [asked] if asked in element.placement else []
    return found + [f"{name}.{field}" for field in (*element.vectors, *placed)]


def has_parameter(named: Named, address: str) -> bool:
    """Return whether an address is that of a number that elements have."""
    match = _ADDRESS.match(address)
    if match is None or match["element"] not in named:
        return False
    first = named[match["element"]][0]
    if match["field"] not in (*first.knobs, *first.placement):
        return False
    value = getattr(first, match["field"])
    if match["index"] is None:
        return not isinstance(value, tuple)
    return isinstance(value, tuple) and int(match["index"]) < len(value)


def find_parameter(
    named: Named, address: str, knobs: Callable[[], Sequence[str]]
) -> tuple[str, str, int | None]:
    """Name of the elements, field, and place in a tuple or None.

    Args:
        named: elements by name.
        address: of the parameter.
        knobs: all addresses, for the message of an error.

    Raises:
        UnknownNameError: no such parameter; the message gives the nearest.
        InvalidValueError: the elements of the name differ in it.
    """
    match = _ADDRESS.match(address)
    if match is None or match["element"] not in named:
        raise unknown("knob", address, knobs(), _NO_NAMES)
    name, field = match["element"], match["field"]
    first = named[name][0]
    index = None if match["index"] is None else int(match["index"])
    if field in (*first.knobs, *first.placement, *first.vectors):
        value = getattr(first, field)
        _require_one_knob(address, named[name], field)
        if isinstance(value, tuple) == (index is not None):
            if index is None or index < len(value):
                return name, field, index
            raise UnknownNameError(
                f"no knob named {address!r}; {field} of {name!r} has {len(value)} entries"
            )
    kind = type(first)
    known = {"name", *kind.choices, *first.knobs, *first.placement, *first.vectors}
    if field in {own.name for own in dataclasses.fields(kind)} - known:
        raise UnknownNameError(
            f"no knob named {address!r}; {field} is a field of {kind.__name__} and no knob, which "
            f"it is in a class of your own by knobs = ({field!r}, ...)"
        )
    raise unknown("knob", address, parameters(name, first))


def _require_one_knob(address: str, elements: Sequence[Element], field: str) -> None:
    """Elements of one name are one knob only where they agree."""
    first = elements[0]
    for other in elements:
        if other is first:
            continue
        if type(other) is not type(first) or not same(getattr(other, field), getattr(first, field)):
            raise InvalidValueError(
                f"{address!r} is not one knob: elements named {first.name!r} differ "
                f"({first!r} and {other!r}); give them names of their own"
            )

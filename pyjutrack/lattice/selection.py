"""Elements of a lattice by kind, by name and by range."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..core.checks import require_text, wrong
from ..core.errors import InvalidValueError, UnknownNameError, unknown
from ..elements import Element
from .addresses import Named, by_name, has_parameter, parameters
from .change import Content, Knobbed
from .patterns import matching

#: a kind of elements, with all that derive from it, or several
Kinds = type[Element] | tuple[type[Element], ...]


def select(elements: Sequence[Element], kind: Kinds, name: str) -> list[int]:
    """Places of the elements of a kind whose names a pattern fits; see `Lattice.select`."""
    require_kind(kind)
    require_text("name", name)
    fitting = set(matching(name, {element.name for element in elements}))
    found = [n for n, e in enumerate(elements) if e.name in fitting and isinstance(e, kind)]
    if not found:
        named = "" if name == "*" else f" whose name fits {name!r}"
        raise UnknownNameError(f"there is no {_describe(kind)}{named} in this lattice")
    return found


def list_knobs(
    variables: Iterable[str], named: Named, pattern: str, kind: Kinds | None
) -> list[str]:
    """Variables and addresses that a pattern fits; see `Lattice.knobs`.

    Raises:
        UnknownNameError: it fits none.
    """
    require_text("pattern", pattern)
    if kind is not None:
        require_kind(kind)
    found = [*variables] if kind is None else []
    for name, elements in named.items():
        first = elements[0]
        if kind is None or isinstance(first, kind):
            found += parameters(name, first, pattern.rpartition(".")[2])
    if pattern == "*":
        return found
    fitting = matching(pattern, found)
    if not fitting:
        of = "" if kind is None else f" of {_describe(kind)}"
        raise UnknownNameError(f"no knob{of} fits the pattern {pattern!r}")
    return fitting


def require_kind(kind: Any) -> None:
    """Raise InvalidValueError for what is no kind of elements, nor several in a tuple."""
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if not kinds or not all(isinstance(k, type) and issubclass(k, Element) for k in kinds):
        raise wrong("kind", kind, "a kind of elements", "such as pj.Quadrupole")


def part(lattice: Knobbed, key: slice) -> Content:
    """A range of a lattice, with all variables and the expressions of what is in it.

    Raises:
        UnknownNameError, InvalidValueError: see `Lattice`.
    """
    found = lattice.elements[_between(lattice.elements, key)]
    if not found:
        raise InvalidValueError(f"{key} of {lattice!r} holds no element, and no lattice is empty")
    named = by_name(found)
    kept = {
        a: e
        for a, e in lattice.expressions.items()
        if all(n in lattice.variables or has_parameter(named, n) for n in (a, *e.names))
    }
    return Content(found, lattice.variables, kept)


def _between(elements: Sequence[Element], key: slice) -> slice:
    """A slice of places in the place of one of names, whose ends are both in it."""
    start, stop = key.start, key.stop
    if not (isinstance(start, str) or isinstance(stop, str)):
        return key
    if key.step is not None:
        raise InvalidValueError(f"a range of names takes every element, got the step {key.step}")
    first = _only(elements, start) if isinstance(start, str) else start
    last = _only(elements, stop) + 1 if isinstance(stop, str) else stop
    if isinstance(start, str) and isinstance(stop, str) and first >= last:
        raise InvalidValueError(
            f"{stop!r} stands before {start!r}; around the end of a ring, add two ranges: "
            f"ring[{start!r}:] + ring[:{stop!r}]"
        )
    return slice(first, last)


def _only(elements: Sequence[Element], name: str) -> int:
    """The place of the one element of a name."""
    found = [n for n, element in enumerate(elements) if element.name == name]
    if not found:
        raise unknown("element", name, list(by_name(elements)))
    if len(found) > 1:
        shown = ", ".join(map(str, found[:4])) + (", ..." if len(found) > 4 else "")
        raise InvalidValueError(
            f"{name!r} names {len(found)} elements, at {shown}: a range needs places, or a lattice "
            "with_unique_names()"
        )
    return found[0]


def _describe(kind: Kinds) -> str:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return " or ".join("element" if k is Element else k.__name__ for k in kinds)

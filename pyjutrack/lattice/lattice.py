"""Lattices, and knobs: the addresses by which parameters are read, set and differentiated."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core import display
from ..core.checks import format_value, require_mapping, require_text, require_whole, wrong
from ..core.errors import InvalidValueError, UnknownNameError, require_known, unknown
from ..core.scalars import Number, is_whole, to_float
from ..core.transforms import disable_compile
from ..elements import Element

_ADDRESS = re.compile(r"^(?P<element>.+)\.(?P<field>\w+)(\[(?P<index>\d+)\])?$")


@dataclass(frozen=True, init=False, repr=False)
class Lattice:
    """A sequence of elements, frozen.

    Elements that share a name are one knob: a cell used fifty times has one `q1.k1`.

    Attributes:
        elements: in the order in which the beam meets them.

    Raises:
        InvalidValueError: no element, or something that is not one.
    """

    elements: tuple[Element, ...]

    def __init__(self, elements: Iterable[Element | Lattice]) -> None:
        flat: list[Element] = []
        given: Any = elements
        if isinstance(given, (Element, Tensor)) or not isinstance(given, Iterable):
            raise wrong("elements", given, "a list of elements", "such as [Drift(1.0)]")
        for item in elements:
            if isinstance(item, Lattice):
                flat.extend(item.elements)
            elif isinstance(item, Element):
                flat.append(item)
            else:
                raise InvalidValueError(f"a lattice is made of elements, got {format_value(item)}")
        if not flat:
            raise InvalidValueError("the lattice is empty; give it at least one element")
        object.__setattr__(self, "elements", tuple(flat))

    def __len__(self) -> int:
        return len(self.elements)

    def __iter__(self) -> Iterator[Element]:
        return iter(self.elements)

    @overload
    def __getitem__(self, key: int | str) -> Element: ...
    @overload
    def __getitem__(self, key: slice) -> Lattice: ...
    def __getitem__(self, key: int | str | slice) -> Element | Lattice:
        """An element by position, or the first one of a name; of a slice, a Lattice.

        Raises:
            UnknownNameError: no such element. InvalidValueError: a slice without elements.
        """
        if isinstance(key, str):
            if key not in self._named:
                raise unknown("element", key, self.names)
            return self._named[key][0]
        if isinstance(key, slice):
            found = self.elements[key]
            if not found:
                raise InvalidValueError(
                    f"{key} of {self!r} holds no element, and no lattice is empty"
                )
            return Lattice(found)
        if not is_whole(key):
            raise wrong("the key of a lattice", key, "a number, a name or a slice")
        if not -len(self) <= key < len(self):
            raise UnknownNameError(
                f"there is no element {key}: the lattice has {len(self)}, from 0 to {len(self) - 1}"
            )
        return self.elements[key]

    def __add__(self, other: Lattice) -> Lattice:
        return Lattice([self, other])

    def __mul__(self, times: int) -> Lattice:
        require_whole("the number of repetitions", times)
        return Lattice([self] * times)

    __rmul__ = __mul__

    def __repr__(self) -> str:
        return f"Lattice({len(self)} elements, {to_float(self.length):.6g} m)"

    def _repr_html_(self) -> str:
        return display.html(self)

    @property
    def names(self) -> list[str]:
        """Names of the elements that have one, each once, in order."""
        return list(self._named)

    @cached_property
    def _named(self) -> dict[str, list[Element]]:
        """The elements of each name, in order: found once, for lattices with many knobs."""
        found: dict[str, list[Element]] = {}
        for element in self.elements:
            if element.name:
                found.setdefault(element.name, []).append(element)
        return found

    @cached_property
    def cache(self) -> dict[Any, Any]:
        """Plans and programs that tracking made of the elements, to use them again."""
        return {}

    @cached_property
    def soft(self) -> tuple[int, ...]:
        """Places of the apertures that have soft edges."""
        return tuple(i for i, e in enumerate(self.elements) if e.is_soft)

    @property
    def length(self) -> Number:
        """Sum of the lengths [m]."""
        total: Number = 0.0
        for element in self.elements:
            total = total + element.length
        return total

    def knobs(self) -> list[str]:
        """Every address of the elements' own parameters, to be read, set or differentiated.

        Tilts and displacements, such as "q1.dx", have addresses too and are not listed.
        """
        found: list[str] = []
        for name in self.names:
            element = self[name]
            for field in element.knobs:
                value = getattr(element, field)
                if isinstance(value, tuple):
                    found += [f"{name}.{field}[{i}]" for i in range(len(value))]
                else:
                    found.append(f"{name}.{field}")
            found += [f"{name}.{field}" for field in element.vectors]
        return found

    def value(self, address: str) -> Number:
        """The parameter at an address such as "q1.k1" or "m1.knl[2]"; of weights, a vector.

        Raises:
            UnknownNameError: no such knob; the message gives the nearest.
        """
        name, field, index = self.resolve(address)
        value = getattr(self[name], field)
        number: Number = value if index is None else value[index]
        return number

    @disable_compile
    def with_values(self, values: Mapping[str, Number]) -> Lattice:
        """A lattice with some parameters replaced; this one is left as it is.

        Args:
            values: address to value; a tensor value makes the result differentiable in it.
        """
        require_mapping("values", values, "a dictionary of addresses and values")
        changes: dict[str, list[tuple[str, int | None, Number]]] = {}
        for address, value in values.items():
            name, field, index = self.resolve(address)
            changes.setdefault(name, []).append((field, index, value))
        return Lattice(
            _replace_fields(e, changes[e.name]) if e.name in changes else e for e in self.elements
        )

    def skip_placeholders(self, *stands_for: str) -> Lattice:
        """Return the lattice with drifts and markers in the place of what is not modelled.

        Args:
            stands_for: which kinds of the file, such as "wire"; all if none is given.

        Raises:
            UnknownNameError: no placeholder stands for such a kind.
        """
        known = dict.fromkeys(e.represents for e in self.elements if not e.is_modelled)
        for kind in stands_for:
            require_known("kind that a placeholder stands for", kind, known)
        taken = set(stands_for or known)
        return Lattice(e.skipped() if e.represents in taken else e for e in self.elements)

    def detach(self) -> Lattice:
        """Return the same lattice with plain numbers in the place of tensors."""
        return Lattice(_as_numbers(element) for element in self.elements)

    def _one_knob(self, address: str, first: Element, field: str) -> None:
        """Elements of one name are one knob only where they agree."""
        for other in self._named[first.name]:
            if other is first:
                continue
            if type(other) is not type(first) or not _same(
                getattr(other, field), getattr(first, field)
            ):
                raise InvalidValueError(
                    f"{address!r} is not one knob: elements named {first.name!r} differ "
                    f"({first!r} and {other!r}); give them names of their own"
                )

    def resolve(self, address: str) -> tuple[str, str, int | None]:
        """Name of the elements, field, and place in a tuple or None, of an address.

        Raises:
            UnknownNameError: no such knob; the message gives the nearest.
        """
        require_text("the address of a knob", address)
        match = _ADDRESS.match(address)
        if match is None or match["element"] not in self._named:
            raise unknown("knob", address, self.knobs())
        element = self[match["element"]]
        index = None if match["index"] is None else int(match["index"])
        if match["field"] in (*element.knobs, *element.placement, *element.vectors):
            value = getattr(element, match["field"])
            self._one_knob(address, element, match["field"])
            if isinstance(value, tuple) == (index is not None):
                if index is None or index < len(value):
                    return match["element"], match["field"], index
                raise UnknownNameError(
                    f"no knob named {address!r}; {match['field']} of {element.name!r} has "
                    f"{len(value)} entries"
                )
        raise unknown(
            "knob", address, [a for a in self.knobs() if a.startswith(f"{element.name}.")]
        )


def require_lattice(lattice: Any) -> None:
    """Raise InvalidValueError for what is no Lattice."""
    if isinstance(lattice, Lattice):
        return
    remedy = "pass its .lattice" if hasattr(lattice, "lattice") else "wrap it: pj.Lattice([...])"
    if type(lattice).__name__ in ("Beam", "Reference"):
        remedy = "are the arguments swapped?"
    raise wrong("lattice", lattice, "a Lattice", remedy)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, Tensor) and a.dim():
        return a is b or torch.equal(a.detach(), b.detach())
    return a is b or to_float(a) == to_float(b)


def _as_numbers(element: Element) -> Element:
    changes: dict[str, Any] = {}
    if not element.has_tensors:
        return element
    for name, value in vars(element).items():
        if isinstance(value, Tensor):
            changes[name] = value.detach() if value.dim() else to_float(value)
        elif isinstance(value, tuple) and any(isinstance(v, Tensor) for v in value):
            changes[name] = tuple(map(to_float, value))
    return dataclasses.replace(element, **changes) if changes else element


def _replace_fields(element: Element, changes: list[tuple[str, int | None, Number]]) -> Element:
    new: dict[str, Any] = {}
    for field, index, value in changes:
        if index is None:
            new[field] = value
        else:
            old = new.get(field, getattr(element, field))
            assert isinstance(old, tuple)
            new[field] = (*old[:index], value, *old[index + 1 :])
    return dataclasses.replace(element, **new)


def places(lattice: Lattice) -> NDArray[np.float64]:
    """Positions of the entrances of the elements, and the end of the last: (N + 1,) [m]."""
    lengths = [to_float(element.length) for element in lattice]
    return np.concatenate([[0.0], np.cumsum(lengths)])

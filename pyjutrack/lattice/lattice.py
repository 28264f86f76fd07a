"""Lattices, and knobs: the addresses by which parameters are read, set and differentiated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, overload

from torch import Tensor

from ..core import display
from ..core.checks import format_value, require_text, require_whole, wrong
from ..core.errors import InvalidValueError, UnknownNameError, unknown
from ..core.frozen import FrozenDict
from ..core.scalars import Number, is_whole
from ..core.settings import show
from ..core.transforms import disable_compile
from ..elements import Element
from .addresses import by_name, find_parameter, has_parameter
from .change import change, define, merge, read_settings, read_variable
from .dependencies import Dependencies
from .expressions import Expression
from .renaming import number_shared_names
from .replace import detach, skip
from .selection import Kinds, list_knobs, part, select
from .variants import Variants

_NO_VALUES: Mapping[str, Any] = FrozenDict({})


@dataclass(frozen=True, init=False, repr=False)
class Lattice(Variants):
    """A sequence of elements, frozen, and the variables that their parameters are computed from.

    Elements that share a name are one knob: a cell used fifty times has one `q1.k1`. A variable is
    a knob as well, which moves all that is computed from it:

        ring = Lattice(cells, variables={"kq": 0.3}, expressions={"qf.k1": "2*kq", "qd.k1": "-kq"})
        ring.with_values(kq=0.31)

    Expressions are arithmetic of numbers, variables and parameters of elements, with `+ - * / ^`,
    brackets, `pi` and the usual functions, angles in radians.

    Args:
        elements: and lattices, whose variables are taken over.
        variables: to be defined: numbers, or expressions of other variables as text.
        expressions: address of a parameter to an expression; the element's own number gives way.

    Attributes:
        elements: in the order in which the beam meets them.
        variables: name to value, computed ones among them.
        expressions: what is computed, "kqd" or "q1.k1", and from what.

    Raises:
        InvalidValueError: no element, or something that is not one; an expression that cannot be
            read or has no value, or expressions that need their own values; lattices that differ
            in a variable.
        UnknownNameError: an expression names what is no variable and no parameter.
    """

    elements: tuple[Element, ...]
    variables: Mapping[str, Number] = field(hash=False)
    expressions: Mapping[str, Expression] = field(hash=False)

    def __init__(
        self,
        elements: Iterable[Element | Lattice],
        *,
        variables: Mapping[str, Number | str | Expression] | None = None,
        expressions: Mapping[str, str | Expression] | None = None,
    ) -> None:
        flat: list[Element] = []
        lattices: list[Lattice] = []
        if isinstance(elements, (Element, Tensor)) or not isinstance(elements, Iterable):
            raise wrong("elements", elements, "a list of elements", "such as [Drift(1.0)]")
        for item in elements:
            if isinstance(item, Lattice):
                flat.extend(item.elements)
                if item.variables and not any(item is other for other in lattices):
                    lattices.append(item)
            elif isinstance(item, Element):
                flat.append(item)
            else:
                raise InvalidValueError(f"a lattice is made of elements, got {format_value(item)}")
        if not flat:
            raise InvalidValueError("the lattice is empty; give it at least one element")
        self._set(flat, *merge(lattices))
        for address in self.expressions:
            if address not in self.variables:
                self.resolve(address)  # still one knob, beside what has no expression
        if variables is not None or expressions is not None:
            self._set(*define(self, variables, expressions))

    def _set(
        self,
        elements: Iterable[Element],
        variables: Mapping[str, Number],
        expressions: Mapping[str, Expression],
    ) -> None:
        object.__setattr__(self, "elements", tuple(elements))
        object.__setattr__(self, "variables", FrozenDict(variables))
        object.__setattr__(self, "expressions", FrozenDict(expressions))
        for derived in ("_named", "tree"):
            vars(self).pop(derived, None)

    @staticmethod
    def _with(*content: Any) -> Lattice:
        """A lattice of what has been checked: elements, variables, expressions."""
        (made := object.__new__(Lattice))._set(*content)
        return made

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

        A slice of names, `ring["q1":"bpm3"]`, has both in it. Slices keep all variables, and the
        expressions of what is in them.

        Raises:
            UnknownNameError: no such element. InvalidValueError: a slice without elements, or of a
                name that several have.
        """
        if isinstance(key, str):
            if key not in self._named:
                raise unknown("element", key, self.names)
            return self._named[key][0]
        if isinstance(key, slice):
            return self._with(*part(self, key))
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
        return f"Lattice({len(self)} elements, {show(self.length)} m)"

    def _repr_html_(self) -> str:
        return display.html(self)

    @property
    def names(self) -> list[str]:
        """Names of the elements that have one, each once, in order."""
        return list(self._named)

    @cached_property
    def _named(self) -> dict[str, list[Element]]:
        """The elements of each name, in order: found once, for lattices with many knobs."""
        return by_name(self.elements)

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

    def select(self, kind: Kinds = Element, name: str = "*") -> list[int]:
        """Places of the elements of a kind whose names a pattern fits, in order.

            [ring[n].k1 for n in ring.select(pj.Quadrupole, "qf*")]

        Args:
            kind: such as pj.Quadrupole, with all that derive from it; several as a tuple.
            name: in which `*` stands for any text and `?` for any letter.

        Raises:
            UnknownNameError: there is none.
        """
        return select(self.elements, kind, name)

    def with_unique_names(self) -> Lattice:
        """Return the lattice with names of their own for elements that share one.

        Of three named "q" come "q_1", "q_2", "q_3", each a knob, each with the expressions of "q".
        A parameter "q.k1" from which others are computed becomes a variable of that name, which
        all of them follow. Elements without a name stay so.
        """
        return self._with(*number_shared_names(self))

    def knobs(self, pattern: str = "*", kind: Kinds | None = None) -> list[str]:
        """Variables, and addresses of the elements' own parameters, that a pattern fits.

        Tilts and displacements have addresses too; "q*.dx" lists those, "*" does not.

        Args:
            pattern: in which `*` stands for any text and `?` for any letter: "kq*", "q*.k1".
            kind: of elements, without variables: `ring.knobs("*.k1", pj.Quadrupole)`.
        """
        return list_knobs(self.variables, self._named, pattern, kind)

    def value(self, address: str) -> Number:
        """A variable, or the parameter at an address such as "q1.k1"; of weights, a vector.

        Raises:
            UnknownNameError: no such knob; the message gives the nearest.
        """
        require_text("the address of a knob", address)
        if address in self.variables:
            self._require_one_meaning(address)
            return self.variables[address]
        name, field, index = self.resolve(address)
        value: Any = getattr(self[name], field)
        return value if index is None else value[index]

    @disable_compile
    def with_values(
        self, values: Mapping[str, Number | str] = _NO_VALUES, /, **named: Number | str
    ) -> Lattice:
        """A lattice with some knobs replaced, and all that is computed from them.

        This one is left as it is. What is set is computed no more.

        Args:
            values: variable or address to a number, or an expression as text; the result can be
                differentiated by a tensor, and one of shape (B,) is many settings.
            named: variables by their names.

        Raises:
            UnknownNameError: no such knob. InvalidValueError: as for `Lattice`.
        """
        changes = read_settings("values", values)
        changes |= read_settings("values", named)
        for address in changes:
            if address in self.variables:
                self._require_one_meaning(address)
                changes[address] = read_variable(address, changes[address])
            else:
                self.resolve(address)
        return self._with(*change(self, changes, ()))

    def has_parameter(self, address: str) -> bool:
        """Return whether an address is that of a parameter of an element."""
        require_text("the address of a knob", address)
        return has_parameter(self._named, address)

    def _require_one_meaning(self, variable: str) -> None:
        if self.has_parameter(variable):
            raise InvalidValueError(
                f"{variable!r} is both a variable and a parameter of an element; rename one"
            )

    @cached_property
    def tree(self) -> Dependencies:
        """The order of the expressions."""
        return Dependencies(self.expressions)

    def skip_placeholders(self, *stands_for: str) -> Lattice:
        """Return the lattice with drifts and markers in the place of what is not modelled.

        Args:
            stands_for: which kinds of the file, such as "wire"; all if none is given.
                UnknownNameError if no placeholder stands for one.
        """
        return self._with(skip(self.elements, stands_for), self.variables, self.expressions)

    def detach(self) -> Lattice:
        """Return the same lattice with plain numbers in the place of tensors."""
        return self._with(*detach(self))

    def resolve(self, address: str) -> tuple[str, str, int | None]:
        """Name of the elements, field, and place in a tuple or None, of an address.

        Raises:
            UnknownNameError: no such knob; the message gives the nearest.
        """
        require_text("the address of a knob", address)
        return find_parameter(self._named, address, self.knobs)

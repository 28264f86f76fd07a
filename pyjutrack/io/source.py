"""A definition of a file as what an element is made of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from ..elements import Drift, Element, Marker, Placeholder
from ..lattice.expressions import Expression, Formula
from .arithmetic import is_on
from .builder import Fields, LatticeBuilder, states_zero
from .definition import Definition, Value
from .errors import clip
from .record import NOT_MODELLED, Say


class Attributes:
    """What a file says of an element, and what of it has been read.

    Attributes:
        attributes: by name.
        say: takes what is left out.
        neutral: those that do not concern tracking.
    """

    neutral: Collection[str] = ()

    def __init__(self, attributes: Mapping[str, Any], say: Say) -> None:
        self.attributes, self.say = attributes, say
        self._read: set[str] = set()

    def states(self, name: str) -> bool:
        """Return whether the file gives an attribute."""
        return name in self.attributes

    def ignore(self, *names: str) -> None:
        """Take attributes as read that change nothing here; all if none is named."""
        self._read.update(names or self.attributes)

    def tell_rest(self) -> None:
        """Note what the file says and no one has read."""
        for name, value in self.attributes.items():
            if name not in self._read and name not in self.neutral and _matters(value):
                self.say(f"{name} = {clip(_show(value))} is left out")


class Source(Attributes):
    """A definition of a file, and the elements that are made of it.

    Attributes:
        definition: of the element.
        length: along the reference orbit [m].
        value: of a formula now.
    """

    def __init__(
        self,
        definition: Definition,
        length: Formula,
        value: Callable[[Formula], float],
        builder: LatticeBuilder,
        say: Say,
    ) -> None:
        super().__init__(definition.attributes, say)
        self.definition, self.length = definition, length
        self.value, self._builder = value, builder

    def number(self, name: str, default: Formula = 0.0) -> Formula:
        """An attribute as a number or an expression."""
        self._read.add(name)
        found = self.attributes.get(name, default)
        if isinstance(found, tuple):
            if len(found) > 1:
                raise ValueError(f"{name} holds {len(found)} values in place of one")
            found = found[0] if found else default
        if isinstance(found, str):
            raise ValueError(f"{name} = {clip(found)!r} is no number")
        return found

    def fixed(self, name: str, default: Formula = 0.0) -> float:
        """The value now of an attribute that cannot follow an expression, which is noted."""
        found = self.number(name, default)
        if isinstance(found, Expression):
            self.say(f"{name} keeps its value, whatever becomes of {clip(str(found))}")
        return self.value(found)

    def numbers(self, name: str) -> tuple[Formula, ...]:
        """An attribute that is a list."""
        self._read.add(name)
        found = self.attributes.get(name, ())
        if isinstance(found, str):
            raise ValueError(f"{name} = {clip(found)!r} is no number")
        return found if isinstance(found, tuple) else (found,)

    def word(self, name: str) -> str:
        """An attribute that is a word, or empty."""
        self._read.add(name)
        found = self.attributes.get(name, "")
        return found if isinstance(found, str) else ""

    def space(self) -> Element:
        """A marker, or a drift where it has a length."""
        if is_on(self.length):
            return self.make(Drift, length=self.length)
        return self.make(Marker)

    def make(self, kind: type[Element], **fields: object) -> Element:
        """An element of the name in the file, with what is no zero, or states one."""
        return self.make_named(self.definition.name, kind, **fields)

    def make_named(self, name: str, kind: type[Element], /, **fields: object) -> Element:
        """An element of another name, for what stands beside that of the file."""
        stated: Fields = {
            f: v for f, v in fields.items() if not _is_nothing(v) or states_zero(kind, f, v)
        }
        return self._builder.make(kind, name, stated, self.definition.row)

    def placeholder(self) -> Element:
        """What stands for an element that is not modelled, with all that the file says of it."""
        self.say(NOT_MODELLED)
        settings = {name: self._plain(v) for name, v in self.attributes.items()}
        self._read.update(settings)
        return self.make(
            Placeholder, length=self.length, stands_for=self.definition.base, settings=settings
        )

    def _plain(self, value: Value) -> object:
        if isinstance(value, tuple):
            return tuple(map(self._plain, value))
        return value if isinstance(value, str) else self.value(value)


def _matters(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return any(map(_matters, value))
    return isinstance(value, Expression) or bool(value)


def _show(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        inside = ", ".join(map(_show, value))
        return f"({inside})" if isinstance(value, tuple) else f"[{inside}]"
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _is_nothing(value: object) -> bool:
    if isinstance(value, tuple):
        return all(isinstance(v, float) and v == 0 for v in value)
    return isinstance(value, (float, int)) and not isinstance(value, bool) and value == 0

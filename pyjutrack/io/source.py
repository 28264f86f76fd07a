"""A definition of a file as what an element is made of."""

from __future__ import annotations

from collections.abc import Callable, Collection

from ..elements import Drift, Element, Marker, Placeholder
from ..lattice.expressions import Expression, Formula
from .arithmetic import is_on
from .builder import Fields, LatticeBuilder
from .definition import Definition, Value
from .errors import clip
from .record import NOT_MODELLED, Say


class Source:
    """What a file says of an element, and the elements that are made of it.

    Attributes:
        definition: of the element.
        length: along the reference orbit [m].
        value: of a formula now.
        say: takes what is left out.
        neutral: attributes that do not concern tracking.
    """

    neutral: Collection[str] = ()

    def __init__(
        self,
        definition: Definition,
        length: Formula,
        value: Callable[[Formula], float],
        builder: LatticeBuilder,
        say: Say,
    ) -> None:
        self.definition, self.length = definition, length
        self.value, self._builder, self.say = value, builder, say
        self._read: set[str] = set()

    def number(self, name: str, default: Formula = 0.0) -> Formula:
        """An attribute as a number or an expression."""
        self._read.add(name)
        found = self.definition.attributes.get(name, default)
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
        found = self.definition.attributes.get(name, ())
        if isinstance(found, str):
            raise ValueError(f"{name} = {clip(found)!r} is no number")
        return found if isinstance(found, tuple) else (found,)

    def word(self, name: str) -> str:
        """An attribute that is a word, or empty."""
        self._read.add(name)
        found = self.definition.attributes.get(name, "")
        return found if isinstance(found, str) else ""

    def states(self, name: str) -> bool:
        """Return whether the file gives an attribute."""
        return name in self.definition.attributes

    def ignore(self) -> None:
        """Take all attributes as read: they say nothing of what stands here."""
        self._read.update(self.definition.attributes)

    def space(self) -> Element:
        """A marker, or a drift where it has a length."""
        if is_on(self.length):
            return self.make(Drift, length=self.length)
        return self.make(Marker)

    def make(self, kind: type[Element], **fields: object) -> Element:
        """An element of the name in the file; parameters that are zero are left out."""
        return self.make_named(self.definition.name, kind, **fields)

    def make_named(self, name: str, kind: type[Element], /, **fields: object) -> Element:
        """An element of another name, for what stands beside that of the file."""
        stated: Fields = {f: v for f, v in fields.items() if not _is_nothing(v)}
        return self._builder.make(kind, name, stated, self.definition.row)

    def placeholder(self) -> Element:
        """What stands for an element that is not modelled, with all that the file says of it."""
        self.say(NOT_MODELLED)
        settings = {name: self._plain(v) for name, v in self.definition.attributes.items()}
        self._read.update(settings)
        return self.make(
            Placeholder, length=self.length, stands_for=self.definition.base, settings=settings
        )

    def _plain(self, value: Value) -> object:
        if isinstance(value, tuple):
            return tuple(map(self._plain, value))
        return value if isinstance(value, str) else self.value(value)

    def tell_rest(self) -> None:
        """Note what the file says and no one has read."""
        for name, value in self.definition.attributes.items():
            if name in self._read or name in self.neutral or not self._matters(value):
                continue
            self.say(f"{name} = {clip(_show(value))} is left out")

    def _matters(self, value: Value) -> bool:
        if isinstance(value, tuple):
            return any(map(self._matters, value))
        return bool(value) if isinstance(value, str) else is_on(value)


def _show(value: Value) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_show, value))})"
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _is_nothing(value: object) -> bool:
    if isinstance(value, tuple):
        return all(isinstance(v, float) and v == 0 for v in value)
    return isinstance(value, (float, int)) and not isinstance(value, bool) and value == 0

"""A JuTrack element by its type and fields, and the rules that make them of kinds of elements."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from ....beam.reference import Reference
from ....core.errors import InvalidValueError
from ....core.names import label
from ....core.scalars import Number, carries, is_zero, vanishes
from ....elements import Element
from ....elements.part import Part


@dataclass(frozen=True)
class Twin:
    """A JuTrack element.

    Attributes:
        kind: JuTrack's type, such as "KSEXT".
        fields: by JuTrack's names: numbers, whole numbers, and tuples of numbers, nested for
            matrices; numbers may be 0-d tensors with derivatives.
        slip: length over which the slip of the velocity is added after it, which JuTrack leaves
            out [m].
        is_face: whether it is of a face alone: an arc that is passed forward and back, over no
            length of the magnet.
    """

    kind: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    slip: Number = 0.0
    is_face: bool = False

    @cached_property
    def key(self) -> Hashable:
        """Equal for equal twins; a tensor is equal to itself alone."""
        return self.kind, self.slip, tuple(self.fields.items())


Twins = tuple[Twin, ...]
Rule = Callable[[Any, Part, Reference], Twins]
R = TypeVar("R", bound=Rule)
_RULES: dict[type[Element], Rule] = {}


def twin(*kinds: type[Element]) -> Callable[[R], R]:
    """Register a function of (element, part, reference) that gives the twins of kinds.

    Where the element was designed to stand: `placement` brings particles there and back.
    """

    def register(rule: R) -> R:
        _RULES.update(dict.fromkeys(kinds, rule))
        return rule

    return register


def rule_of(e: Element) -> Rule:
    """The rule of an element's kind.

    Raises:
        InvalidValueError: there is none, or the kind does something otherwise than the one that it
            is derived from.
    """
    kinds = type(e).__mro__
    kind = next((kind for kind in kinds if kind in _RULES), None)
    if kind is None or any(_overrides(own, kind) for own in kinds[: kinds.index(kind)]):
        raise refused(e, f"JuTrack has no element that moves particles as {type(e).__name__}")
    return _RULES[kind]


def _overrides(own: type, kind: type) -> bool:
    """Whether a class has a method or a property of its own for one of a kind."""
    names = (n for n, v in vars(own).items() if callable(v) or hasattr(v, "__get__"))
    return any(hasattr(kind, n) and not n.startswith("__") for n in names)


def refused(e: Element, why: str, remedy: str = "") -> InvalidValueError:
    """The error that JuTrack cannot do what an element does."""
    end = f"; {remedy}, or take the native engine" if remedy else "; take the native engine"
    return InvalidValueError(f"{label(e)} in the julia engine: {why}{end}")


def require_slope(e: Element, name: str, value: Number) -> None:
    """Raise InvalidValueError for a derivative by a number that JuTrack asks whether it is zero."""
    if carries(value) and vanishes(value):
        raise refused(
            e,
            f"JuTrack leaves out what {name} = 0 would do, and so its slope",
            f"take a {name} beside 0, such as 1e-6",
        )


def given(**fields: Any) -> dict[str, Any]:
    """Fields without those that are a plain zero, which is JuTrack's default."""
    return {name: value for name, value in fields.items() if not is_zero(value)}

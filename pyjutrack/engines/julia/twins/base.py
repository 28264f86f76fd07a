"""A JuTrack element by its type and fields, and the twins of elements by their kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ....beam.reference import Reference
from ....core.errors import InvalidValueError
from ....core.names import label
from ....core.scalars import Number
from ....elements import Element
from ....elements.part import WHOLE, Part


@dataclass(frozen=True)
class Twin:
    """A JuTrack element.

    Attributes:
        kind: JuTrack's type, such as "KSEXT".
        fields: by JuTrack's names: numbers, whole numbers, and tuples of numbers, nested for
            matrices; numbers may be 0-d tensors with derivatives.
        slip: length over which the slip of the velocity is added behind it, which JuTrack leaves
            out [m].
    """

    kind: str
    fields: Mapping[str, Any] = field(default_factory=dict)
    slip: Number = 0.0


Rule = Callable[[Any, Part, Reference], tuple[Twin, ...]]
R = TypeVar("R", bound=Rule)
_RULES: dict[type[Element], Rule] = {}


def twin(kind: type[Element]) -> Callable[[R], R]:
    """Register a function of (element, part, reference) that gives the twins of a kind."""

    def register(rule: R) -> R:
        _RULES[kind] = rule
        return rule

    return register


def twins_of(e: Element, reference: Reference, part: Part = WHOLE) -> tuple[Twin, ...]:
    """The JuTrack elements that are a part of one of ours, in their order.

    Raises:
        InvalidValueError: JuTrack has none that does the same; why is said.
    """
    rule = next((_RULES[kind] for kind in type(e).__mro__ if kind in _RULES), None)
    if rule is None:
        raise InvalidValueError(
            f"JuTrack has no element that moves particles as {label(e)}; the native engine tracks it"
        )
    return rule(e, part, reference)

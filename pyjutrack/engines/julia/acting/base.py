"""The rules by which effects become JuTrack's elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ....beam.beam import Beam
from ....collective.base import CollectiveEffect
from ....core.errors import InvalidValueError
from ....core.scalars import Number
from ..twins.base import Twins

Rule = Callable[[Any, Beam, Number], Twins]
R = TypeVar("R", bound=Rule)
_RULES: dict[type[CollectiveEffect], Rule] = {}


def acts_as(kind: type[CollectiveEffect]) -> Callable[[R], R]:
    """Register a function of (effect, beam, length of the slice) that gives JuTrack's elements."""

    def register(rule: R) -> R:
        _RULES[kind] = rule
        return rule

    return register


def is_element(effect: CollectiveEffect) -> bool:
    """Whether there is a rule for an effect, be it one that refuses it."""
    return type(effect) in _RULES


def twins_of_act(effect: CollectiveEffect, beam: Beam, ds: Number) -> Twins:
    """JuTrack's elements that do what an effect does over a length ds [m].

    Raises:
        InvalidValueError: JuTrack has none that does; why is said.
    """
    return _RULES[type(effect)](effect, beam, ds)


def refused(effect: CollectiveEffect, why: str, remedy: str = "") -> InvalidValueError:
    """The error that JuTrack cannot do what an effect does."""
    name = type(effect).__name__
    end = f"; {remedy}, or take the native engine" if remedy else "; take the native engine"
    return InvalidValueError(f"{name} in the julia engine: {why}{end}")

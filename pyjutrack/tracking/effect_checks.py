"""Checks of the effects of a tracking beside each other, and of what their kind states."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from ..collective.base import CollectiveEffect
from ..core.errors import AccuracyWarning, InvalidValueError, warn
from ..core.names import label
from ..lattice.lattice import Lattice
from ..lattice.replace import same

#: methods of the protocol that an effect of maps is never asked by
_UNASKED = ("upstream", "admit", "start", "remember")


def check_effects(
    lattice: Lattice, effects: Sequence[CollectiveEffect], slices: Sequence[Sequence[int]]
) -> None:
    """Raise or warn where a method would never be called, or two effects count the same twice.

    Args:
        slices: of each effect, into which it cuts each element.

    Raises:
        InvalidValueError: an effect that is `by_maps` states a method that is never called then;
            two that are `exclusive` model the same in one element.

    Warns:
        AccuracyWarning: two model the same in one element, or are the same effect.
    """
    for effect in effects:
        _refuse_unasked(effect)
    for one, other in combinations(range(len(effects)), 2):
        twice = _what_is_twice(effects[one], effects[other])
        if twice:
            _check_pair(lattice, effects, slices, (one, other), twice)


def _refuse_unasked(effect: CollectiveEffect) -> None:
    kind = type(effect)
    if not effect.by_maps:
        return
    for name in _UNASKED:
        if getattr(kind, name) is not getattr(CollectiveEffect, name):
            raise InvalidValueError(
                f"{kind.__name__} states `{name}` and acts by maps (`by_maps`), where `{name}` is "
                "never called; let it act by `field` and `apply`, without `by_maps`"
            )


def _what_is_twice(one: CollectiveEffect, other: CollectiveEffect) -> str:
    """What two effects would count twice where both act; nothing for most."""
    if one.models and one.models == other.models:
        return one.models
    if type(one) is not type(other):
        return ""
    differing = _differing_fields(one, other)
    if not set(differing) <= set(one.numerics):
        return ""
    but = f" but for {' and '.join(differing)}" if differing else ""
    return f"the same {type(one).__name__}{but}"


def _differing_fields(one: Any, other: Any) -> list[str]:
    """Names of fields by which two things of one kind differ; what is no record, as a whole."""
    if one is other:
        return []
    if not dataclasses.is_dataclass(one):
        return [type(one).__name__]
    names = [field.name for field in dataclasses.fields(one)]
    return [name for name in names if not _are_equal(getattr(one, name), getattr(other, name))]


def _are_equal(a: Any, b: Any) -> bool:
    if type(a) is type(b) and dataclasses.is_dataclass(a):
        return not _differing_fields(a, b)
    try:
        return a is b or bool(same(a, b))
    except (TypeError, ValueError, RuntimeError):
        return False


def _check_pair(
    lattice: Lattice,
    effects: Sequence[CollectiveEffect],
    slices: Sequence[Sequence[int]],
    pair: tuple[int, int],
    twice: str,
) -> None:
    counts = zip(*(slices[n] for n in pair), strict=True)
    both = [place for place, found in enumerate(counts) if all(found)]
    if not both:
        return
    one, other = (f"effects[{n}] ({type(effects[n]).__name__})" for n in pair)
    message = (
        f"{one} and {other} are both {twice}, and act in {len(both)} of {len(lattice)} elements "
        f"together, first in {label(lattice.elements[both[0]])}: there it counts twice; give one "
        "of them"
    )
    if any(effects[n].exclusive for n in pair):
        raise InvalidValueError(message)
    warn(message, AccuracyWarning)

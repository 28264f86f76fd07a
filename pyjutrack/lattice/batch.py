"""The settings that a lattice holds at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from functools import wraps
from itertools import product
from typing import Any, ParamSpec, TypeVar

import torch

from ..core.errors import InvalidValueError
from ..core.settings import broadcast_batch, join, pick
from ..elements import Element
from .lattice import Lattice

P = ParamSpec("P")
R = TypeVar("R")


def batch_of(lattice: Lattice) -> torch.Size:
    """The shape of the settings of a lattice; () where it has one alone.

    Raises:
        InvalidValueError: shapes of parameters that do not broadcast.
    """
    found: torch.Size | None = lattice.cache.get("batch")
    if found is None:
        shapes = [e.batch for e in lattice.elements if e.has_tensors]
        found = lattice.cache["batch"] = broadcast_batch("parameters of the lattice", shapes)
    return found


def settings_of(lattice: Lattice) -> Iterator[Lattice]:
    """The lattice in each of its settings, the last dimension running fastest."""
    batch = batch_of(lattice)
    for index in product(*map(range, batch)):
        variables = {n: pick(v, batch, index) for n, v in lattice.variables.items()}
        elements = [_pick(e, batch, index) for e in lattice.elements]
        yield Lattice._with(elements, variables, lattice.expressions)


def _pick(element: Element, batch: torch.Size, index: tuple[int, ...]) -> Element:
    if not element.batch:
        return element
    names = (*element.knobs, *element.placement)
    return dataclasses.replace(
        element, **{n: pick(getattr(element, n), batch, index) for n in names}
    )


def each_setting(function: Callable[P, R]) -> Callable[P, R]:
    """Call a function of a lattice for each of its settings, and join the results; a decorator."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        given: dict[Any, Any] = dict(enumerate(args)) | kwargs
        places = [k for k, v in given.items() if isinstance(v, Lattice) and batch_of(v)]
        if not places:
            return function(*args, **kwargs)
        (place,) = places
        call_one: Any = function
        found = []
        for one in settings_of(given[place]):
            named = given | {place: one}
            ordered = [named.pop(n) for n in range(len(args))]
            found.append(call_one(*ordered, **named))
        joined: R = join(found, batch_of(given[place]))
        return joined

    return call


def require_one_setting(what: str, lattice: Lattice) -> None:
    """Raise InvalidValueError for a lattice of many settings where one is needed."""
    if batch := batch_of(lattice):
        raise InvalidValueError(
            f"{what} is of one setting of a lattice, and this one holds {tuple(batch)}; take one "
            "after another"
        )

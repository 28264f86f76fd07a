"""The settings that a lattice holds at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial, wraps
from itertools import product
from typing import Any, ParamSpec, TypeVar

import torch

from ..beam.beam import Beam
from ..beam.reference import Reference
from ..core.errors import (
    InvalidValueError,
    ManySettingsError,
    ParticleLostError,
    UnstableError,
    hold_warnings,
)
from ..core.one_by_one import choose_in, many_in
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
        each = {id(e): e for e in lattice.elements}.values()
        shapes = [e.batch for e in each if e.has_tensors]
        found = lattice.cache["batch"] = broadcast_batch("parameters of the lattice", shapes)
    return found


def settings_of(lattice: Lattice) -> Iterator[Lattice]:
    """The lattice in each of its settings, the last dimension running fastest."""
    batch = batch_of(lattice)
    for index in product(*map(range, batch)):
        yield choose(lattice, partial(pick, batch=batch, index=index))


def choose(value: Any, of: Callable[[Any], Any]) -> Any:
    """A lattice, a beam or some effects with some of the settings of their parameters.

    Args:
        of: makes the new parameter from a present one.
    """
    if isinstance(value, Lattice):
        variables = {n: of(v) for n, v in value.variables.items()}
        elements = [_choose_element(e, of) for e in value.elements]
        return Lattice._with(elements, variables, value.expressions)
    if isinstance(value, Reference):
        return Reference(value.species, of(value.p0c)) if value.batch else value
    if isinstance(value, Beam):
        reference = choose(value.reference, of)
        return value.replace(
            current=of(value.current), charge=of(value.charge), reference=reference
        )
    return tuple(_choose_effect(e, of) for e in value)


def _choose_effect(effect: Any, of: Callable[[Any], Any]) -> Any:
    names = batched_fields(effect)
    if names:
        effect = dataclasses.replace(effect, **{n: of(getattr(effect, n)) for n in names})
    return choose_in(effect, of)


def _choose_element(element: Element, of: Callable[[Any], Any]) -> Element:
    if not element.batch:
        return element
    names = (*element.knobs, *element.placement)
    return dataclasses.replace(element, **{n: of(getattr(element, n)) for n in names})


def each_setting(function: Callable[P, R]) -> Callable[P, R]:
    """Call a function for each setting of its lattice, beam and effects, and join; a decorator."""
    return _call_each(function, lambda value: True)


def each_setting_of_beams(function: Callable[P, R]) -> Callable[P, R]:
    """The same of a function that takes many settings of a lattice, where others have some."""
    return _call_each(function, lambda value: not isinstance(value, Lattice))


def each_where_needed(function: Callable[P, R]) -> Callable[P, R]:
    """The same of a function that takes many settings of all, where it refuses some of these."""
    return _call_each(function, lambda value: False)


def _call_each(function: Callable[P, R], counts: Callable[[Any], bool]) -> Callable[P, R]:
    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        given: dict[Any, Any] = dict(enumerate(args)) | kwargs
        shapes = {k: shape for k, v in given.items() if (shape := shape_of(v))}
        if not shapes:
            return function(*args, **kwargs)
        if not any(counts(given[k]) for k in shapes):
            with suppress(ManySettingsError), hold_warnings(ManySettingsError):
                return function(*args, **kwargs)
        beams = [v for v in given.values() if isinstance(v, Beam)]
        batch = broadcast_batch(
            "settings of lattice, beam and effects",
            [*shapes.values(), *(beam.coordinates.shape[:-2] for beam in beams)],
        )
        call_one: Any = function
        found = []
        for index in product(*map(range, batch)):
            of = partial(pick, batch=batch, index=index)
            named = given | {k: choose(given[k], of) for k in shapes}
            named |= {k: v.pick(batch, index) for k, v in named.items() if isinstance(v, Beam)}
            ordered = [named.pop(n) for n in range(len(args))]
            with _naming(index, batch):
                found.append(call_one(*ordered, **named))
        joined: R = join(found, batch)
        return joined

    return call


@contextmanager
def _naming(index: tuple[int, ...], batch: torch.Size) -> Iterator[None]:
    """Let an error say at which of the settings it came."""
    try:
        yield
    except (InvalidValueError, ParticleLostError, UnstableError) as error:
        error.args = (f"setting {index} of {tuple(batch)}: {error}",)
        raise


def shape_of(value: Any) -> torch.Size:
    """The settings of a lattice, of a beam's intensity or energy, or of some effects."""
    if isinstance(value, Lattice):
        return batch_of(value)
    if isinstance(value, (Beam, Reference)):
        return value.batch
    return effects_batch(value) if isinstance(value, (list, tuple)) else torch.Size()


def effects_batch(effects: Sequence[Any]) -> torch.Size:
    """The settings that some effects hold."""
    found = [getattr(e, n) for e in effects for n in batched_fields(e)]
    found += [value for e in effects for _, value in many_in(e)]
    return broadcast_batch("settings of effects", found)


def require_at_once(beam: Beam, effects: Sequence[Any]) -> None:
    """Raise ManySettingsError for settings of which particles can be tracked in one alone."""
    for n, effect in enumerate(effects):
        for path, value in many_in(effect):
            raise ManySettingsError(
                f"effects[{n}].{path} holds {tuple(value.shape)}, and {type(effect).__name__} acts "
                "by one; take one after another"
            )
    if shape := beam.reference.batch:
        raise ManySettingsError(
            f"the reference of the beam has {tuple(shape)} momenta, and particles move by one; "
            "take one after another"
        )


def batched_fields(effect: Any) -> list[str]:
    """Names of the fields of an effect that may hold many settings; none of what is no effect."""
    return [n for n in getattr(effect, "batched", ()) if not n.startswith("beam.")]


def require_one(what: str, batch: torch.Size) -> None:
    """Raise InvalidValueError for many settings where one is needed."""
    if batch:
        raise ManySettingsError(
            f"{what} is of one setting, and there are {tuple(batch)}; take one after another"
        )

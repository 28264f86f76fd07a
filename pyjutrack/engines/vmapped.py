"""Tracking under `torch.func.vmap`: what it runs over are many settings, and tracked so."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import wraps
from typing import Any

from torch import Tensor

from ..beam.beam import Beam
from ..beam.reference import Reference
from ..core.errors import ManySettingsError
from ..core.settings import broadcast_batch
from ..core.tensors import tensors_in
from ..core.vmapped import is_mapped, outside, running_vmap, unwrap, wrap
from ..elements import Element
from ..lattice.batch import batched_fields, shape_of
from ..lattice.lattice import Lattice

#: after which a call goes through PyTorch's transform as it is
_THROUGH: tuple[type[Exception], ...] = (ManySettingsError,)


def as_settings(function: Callable[..., Beam]) -> Callable[..., Beam]:
    """Let `track` take what `vmap` runs over for many settings and beams; a decorator.

    What cannot be many, such as a vector or the momentum of the reference, goes through `vmap` as
    it is, or is refused there.
    """

    @wraps(function)
    def call(lattice: Lattice, beam: Beam, **given: Any) -> Beam:
        level, effects = running_vmap(), given.get("effects", ())
        known = isinstance(lattice, Lattice) and isinstance(beam, Beam)
        if level is None or not known or not isinstance(effects, (list, tuple)):
            return function(lattice, beam, **given)
        mapped = [t for t in tensors_in((lattice.elements, beam, effects)) if is_mapped(t, level)]
        many = {id(t) for t in tensors_in(_numbers(lattice, beam, effects))}
        if not mapped or beam.reference.batch or any(id(t) not in many for t in mapped):
            return function(lattice, beam, **given)
        lead = beam.coordinates.shape[:-2]
        batch = broadcast_batch("settings", [*map(shape_of, (lattice, beam, effects)), lead])
        spread = _Spread(level, len(batch))
        try:
            with outside():
                inner = spread.lattice(lattice), spread.beam(beam)
                new = {**given, "effects": spread.effects(effects)} if effects else given
                end = function(*inner, **new)
        except _THROUGH:
            return function(lattice, beam, **given)
        parts = {n: getattr(end, n) for n in ("coordinates", "alive", "weights")}
        seen = {n: wrap(p, level) for n, p in parts.items() if p is not None}
        reference = end.reference
        if isinstance(p0c := reference.p0c, Tensor) and p0c.dim():  # accelerated, each by itself
            reference = Reference(reference.species, wrap(p0c, level))
        return beam.replace(reference=reference, **seen)

    return call


def _numbers(lattice: Lattice, beam: Beam, effects: Any) -> list[Any]:
    """What may be of many settings or beams, of all that is tracked."""
    found = [getattr(e, n) for e in lattice.elements if e.has_tensors for n in _names(e)]
    found += [beam.coordinates, beam.alive, beam.weights, *beam.intensity]
    return found + [getattr(e, n) for e in effects for n in batched_fields(e)]


def _names(element: Element) -> list[str]:
    return [n for n in (*element.knobs, *element.placement) if n not in element.vectors]


class _Spread:
    """Makes a first dimension of what a `vmap` runs over, before the settings that there are."""

    def __init__(self, level: int, rank: int) -> None:
        self._level, self._rank = level, rank

    def number(self, value: Any) -> Any:
        """A parameter, or a series of them."""
        if isinstance(value, tuple):
            return tuple(map(self.number, value))
        return self._tensor(value, 0) if isinstance(value, Tensor) else value

    def lattice(self, lattice: Lattice) -> Lattice:
        variables = {n: self.number(v) for n, v in lattice.variables.items()}
        elements = []
        for e in lattice.elements:
            if e.has_tensors:
                e = dataclasses.replace(e, **{n: self.number(getattr(e, n)) for n in _names(e)})
            elements.append(e)
        return Lattice._with(elements, variables, lattice.expressions)

    def beam(self, beam: Beam) -> Beam:
        coordinates, alive = self._tensor(beam.coordinates, 2), self._tensor(beam.alive, 1)
        shape = broadcast_batch("particles", [coordinates.shape[:-1], alive.shape])
        weights = beam.weights
        if weights is not None:
            weights = self._tensor(weights, 1)
            shape = broadcast_batch("particles", [shape, weights.shape])
            weights = weights.expand(shape)
        return beam.replace(
            coordinates=coordinates.expand(*shape, 6),
            alive=alive.expand(shape),
            weights=weights,
            current=self.number(beam.current),
            charge=self.number(beam.charge),
        )

    def effects(self, effects: Any) -> list[Any]:
        found = []
        for e in effects:
            names = batched_fields(e)
            new = {n: self.number(getattr(e, n)) for n in names}
            held = any(new[n] is not getattr(e, n) for n in names)
            found.append(dataclasses.replace(e, **new) if held else e)
        return found

    def _tensor(self, value: Tensor, own: int) -> Tensor:
        """A tensor whose last dimensions, so many, are no settings."""
        if not is_mapped(value, self._level):
            return value
        inner = unwrap(value, self._level)
        missing = self._rank - (inner.dim() - 1 - own)
        return inner.reshape(inner.shape[0], *(1,) * missing, *inner.shape[1:])

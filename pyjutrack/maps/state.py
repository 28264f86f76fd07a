"""Particles while they are tracked, and how a map is applied to them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..core.errors import InvalidValueError
from ..core.scalars import tensor_like
from ..core.special import bool_or, on_host
from .apply import apply_map
from .base import Map
from .lost import stand_in


class State(NamedTuple):
    """Particles while they are tracked.

    Attributes:
        coordinates: six columns x, px, y, py, z, delta, each (N,) or with leading dimensions.
        alive: mask of the particles that are not lost; the others keep their coordinates.
    """

    coordinates: tuple[Tensor, ...]
    alive: Tensor

    def apply(self, map: Map | Callable[..., Any], *parameters: Any) -> State:
        """The particles after a map.

        An opening loses particles; a map with kernels of its derivatives goes through these; every
        other one runs as it is written, on tensors.

        Args:
            map: a registered map, or a pure function
                (x, px, y, py, z, delta, *parameters) -> six coordinates.
            parameters: in the order of the map; constants of the reference come last, and of a
                map that is noisy, the stream.

        Example:
            >>> state.apply(maps.drift, 0.5, reference.beta)
        """
        if not isinstance(map, Map):
            return _apply_plain(map, self, parameters)
        if map.opening:
            x, y = (self.coordinates[i].detach() for i in (0, 2))
            inside: Tensor = map(x, y, *parameters)
            return State(self.coordinates, self.alive & inside)
        if map.noisy:
            *parameters, stream = parameters  # type: ignore[assignment]
            x = self.coordinates[0]
            drawn = torch.from_numpy(stream.draw(x.shape[-1])).to(x.device, x.dtype)
            return apply_noisy(map, self, drawn.expand(x.shape), tuple(parameters))
        own = len(parameters) - len(map.constants)
        constants = parameters[own:]
        # a constant that carries derivatives, such as the beta of an accelerated reference, is none
        if not map.array_kernels or any(isinstance(c, Tensor) for c in constants):
            return _apply_plain(map, self, parameters)
        new = apply_map(map, self.coordinates, self.alive, parameters[:own], constants)
        return State(new, self.alive)


def apply_noisy(
    map: Map, state: State, noise: Tensor, parameters: tuple[float | Tensor, ...]
) -> State:
    """The particles after a map that is `noisy`, with a column of noise, like x."""
    x, px, y, py, z, delta = state.coordinates
    given = (x, px, y, py, noise, delta)
    x, px, y, py, _, delta = apply_map(map, given, state.alive, parameters, ())
    return State((x, px, y, py, z, delta), state.alive)


def _apply_plain(map: Callable[..., Any], state: State, parameters: Sequence[Any]) -> State:
    """Apply a map by the operations of PyTorch that it is written in."""
    parameters = tuple(
        tensor_like(p, state.coordinates[0]) if isinstance(p, float) else p for p in parameters
    )
    alive = state.alive
    if on_host(alive) and bool_or(alive.all(), default=False):
        moved = zip(state.coordinates, _moved(map, state.coordinates, parameters), strict=True)
        return State(
            tuple(
                torch.where(alive, new, old) if _is_other(new, old) else new for old, new in moved
            ),
            alive,
        )
    safe, parameters = stand_in(state.coordinates, alive, parameters)
    new = _moved(map, safe, parameters)
    columns = [
        old if changed is held else torch.where(state.alive, changed, old)
        for old, held, changed in zip(state.coordinates, safe, new, strict=True)
    ]
    return State(tuple(columns), state.alive)


def _moved(map: Callable[..., Any], at: Sequence[Tensor], parameters: Sequence[Any]) -> Any:
    """Six coordinates after a function, or an InvalidValueError that names it."""
    found = map(*at, *parameters)
    if isinstance(found, tuple | list) and len(found) == len(at):
        return found
    name = getattr(map, "name", getattr(map, "__name__", repr(map)))
    what = f"{len(found)} values" if isinstance(found, tuple | list) else type(found).__name__
    raise InvalidValueError(
        f"the map {name} must return six coordinates (x, px, y, py, z, delta), got {what}"
    )


def _is_other(new: Any, old: Tensor) -> bool:
    """Return whether a result is not a column like the one it replaces, a number say."""
    return not isinstance(new, Tensor) or new.shape != old.shape


def lose_unphysical(state: State) -> State:
    """Lose particles that no element can move: delta <= -1, or no momentum left forward."""
    _, px, _, py, _, delta = (c.detach() for c in state.coordinates)
    forward = 1 + delta
    possible = (forward > 0) & (px * px + py * py < forward * forward)
    return State(state.coordinates, state.alive & possible)

"""Maps as operators on a state: those of the lost keep their place.

Transport functions move particles by these alone, so that a `Recorder` in the place of a state
learns what an element does.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ...beam.reference import Reference
from ...core.scalars import Number, tensor_like
from ...maps.apply import apply_map
from ...maps.base import Map
from ...maps.program import Recorder
from .base import State


def move(map: Map, state: State, reference: Reference, *parameters: Number) -> State:
    """A map with kernels of its derivatives."""
    if isinstance(state, Recorder):
        return state.record(map, *parameters, reference.beta)
    beta = reference.beta
    if isinstance(beta, Tensor):  # for kernels it is a constant
        return kick(map, state, *parameters, beta)
    new = apply_map(map, state.coordinates, state.alive, parameters, (beta,))
    return State(new, state.alive)


def kick(map: Map, state: State, *parameters: Any) -> State:
    """Another map."""
    if isinstance(state, Recorder):
        return state.record(map, *parameters)
    parameters = tuple(
        tensor_like(p, state.coordinates[0]) if isinstance(p, float) else p for p in parameters
    )
    # a masked result is not enough: the backward pass would multiply its zero by a lost NaN
    safe = [torch.where(state.alive, u, torch.zeros_like(u)) for u in state.coordinates]
    new = map(*safe, *parameters)
    columns = [
        old if changed is held else torch.where(state.alive, changed, old)
        for old, held, changed in zip(state.coordinates, safe, new, strict=True)
    ]
    return State(tuple(columns), state.alive)


def stop(map: Map, state: State, *parameters: float) -> State:
    """Lose the particles that an opening does not let through."""
    if isinstance(state, Recorder):
        return state.record(map, *parameters)
    x, y = (state.coordinates[i].detach() for i in (0, 2))
    inside: Tensor = map(x, y, *parameters)
    return State(state.coordinates, state.alive & inside)

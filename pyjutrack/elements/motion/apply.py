"""Maps as operators on a state: those of the lost keep their place.

Transport functions move particles by these alone, so that a `Recorder` in the place of a state
learns what an element does.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ... import maps
from ...beam.reference import Reference
from ...core.scalars import Number, tensor_like
from ...maps.apply import apply_map
from ...maps.program import Recorder
from .base import State


def move(name: str, state: State, reference: Reference, *parameters: Number) -> State:
    """One of the maps with kernels for its derivatives, by name."""
    if isinstance(state, Recorder):
        return state.record(name, *parameters, reference.beta)
    beta = reference.beta
    if isinstance(beta, Tensor):  # for kernels it is a constant
        return kick(name, state, *parameters, beta)
    new = apply_map(name, state.coordinates, state.alive, parameters, (beta,))
    return State(new, state.alive)


def kick(name: str, state: State, *parameters: Any) -> State:
    """One of the other maps, by name."""
    if isinstance(state, Recorder):
        return state.record(name, *parameters)
    function = getattr(maps, name)
    parameters = tuple(
        tensor_like(p, state.coordinates[0]) if isinstance(p, float) else p for p in parameters
    )
    # a masked result is not enough: the backward pass would multiply its zero by a lost NaN
    safe = [torch.where(state.alive, u, torch.zeros_like(u)) for u in state.coordinates]
    new = function(*safe, *parameters)
    columns = [
        old if changed is held else torch.where(state.alive, changed, old)
        for old, held, changed in zip(state.coordinates, safe, new, strict=True)
    ]
    return State(tuple(columns), state.alive)


def stop(name: str, state: State, *parameters: float) -> State:
    """Lose the particles that one of `maps.openings` does not let through."""
    if isinstance(state, Recorder):
        return state.record(name, *parameters)
    x, y = (state.coordinates[i].detach() for i in (0, 2))
    inside: Tensor = getattr(maps, name)(x, y, *parameters)
    return State(state.coordinates, state.alive & inside)

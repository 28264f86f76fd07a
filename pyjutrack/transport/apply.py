"""Maps as operators on a state: those of the lost keep their place."""

from __future__ import annotations

from typing import Any

import torch

from .. import maps
from ..compiled import COMPILED_MAPS
from ..compiled.element_maps import apply_map
from ..number import Number, tensor_like
from ..reference import Reference
from .base import State


def move(name: str, state: State, reference: Reference, *parameters: Number) -> State:
    """One of the maps with a kernel, by name."""
    new = apply_map(name, state.coordinates, state.alive, parameters, (reference.beta,))
    return State(new, state.alive)


def kick(name: str, state: State, *parameters: Any) -> State:
    """One of the maps without a kernel, by name."""
    assert name not in COMPILED_MAPS
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

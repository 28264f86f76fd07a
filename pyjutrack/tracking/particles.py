"""Particles while they are tracked, as tensors with derivatives of any kind."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd import forward_ad

from ..autodiff import Pushed
from ..beam.beam import Beam
from ..beam.reference import Reference
from ..collective import answers
from ..collective.base import CollectiveEffect, Place
from ..core.scalars import has_numbers, is_transformed
from ..core.tensors import tensors_in
from ..elements import Element
from ..elements.part import Part
from ..elements.placement import advance
from ..maps.state import State, lose_unphysical


class Losses(Protocol):
    """Observer of the places where particles are lost."""

    def note(self, turn: int, op: int, before: Tensor, after: Tensor) -> None:
        """Note the particles alive before an operation, and those after it."""
        ...

    def collect(self, turns: NDArray[np.int64], ops: NDArray[np.int64]) -> None:
        """The turn and operation of each loss, -1 for none; (..., N)."""
        ...


class Particles:
    """Particles as tensors; each step makes new ones.

    Steps return the particles to go on with: these, or others where derivatives come in.
    """

    #: whether runs of operations are one call of a kernel
    compiled = False

    def __init__(self, state: State) -> None:
        self.state = state

    @property
    def stack(self) -> Tensor | None:
        """View the columns as one tensor (6, N) of their own, where they are."""
        return None

    @property
    def alive(self) -> Tensor:
        """Mask of the particles alive."""
        return self.state.alive

    def lose(self, alive: Tensor) -> None:
        """Keep those alone that are alive here too."""
        self.state = State(self.state.coordinates, alive)

    def expand(self, batch: torch.Size) -> None:
        """Be particles of each of some settings, where these are alike so far."""
        self.state = expand(self.state, batch)

    def traverse(self, element: Element, part: Part, reference: Reference) -> Particles:
        """Move through a part of an element."""
        self.state = traverse(element, part, self.state, reference)
        return self

    def field(self, effect: CollectiveEffect, beam: Beam, place: Place, memory: Any) -> Any:
        """Admit particles to an effect, and find the field that they make."""
        self.state = answers.admit(effect, self.state)
        return answers.field(effect, beam, self.state, place, memory)

    def respond(self, effect: CollectiveEffect, field: Any, place: Place) -> Particles:
        """Respond to a field."""
        self.state = answers.respond(effect, self.state, field, place)
        return self


def traverse(element: Element, part: Part, state: State, reference: Reference) -> State:
    """Track particles through a part of an element."""
    state = expand(state, element.batch)
    if part.start == 0:
        state = lose_unphysical(state)
    return advance(element, state, reference, part)


def expand(state: State, batch: torch.Size) -> State:
    """Particles for each of some settings, or as they are where these are alike."""
    if not batch:
        return state
    shape = torch.broadcast_shapes(state.alive.shape, (*batch, 1))
    if shape == state.alive.shape:
        return state
    columns = tuple(c.expand(shape) for c in state.coordinates)
    return State(columns, state.alive.expand(shape))


def is_plain(state: State) -> bool:
    """Return whether nothing but numbers on the CPU is tracked."""
    if forward_ad._current_level >= 0:
        return False
    return all(has_numbers(c) and not c.requires_grad for c in (*state.coordinates, state.alive))


def find_pushed(state: State, data: Any) -> list[Pushed] | None:
    """Find what carries tangents of ours among particles and all that they will meet.

    Returns:
        None where other derivatives are asked for too, or no kernels serve the particles.
    """
    tensors = [*state.coordinates, *tensors_in(data)]
    pushed = [t for t in tensors if isinstance(t, Pushed)]
    if not pushed or forward_ad._current_level >= 0 or any(map(is_transformed, tensors)):
        return None
    if any(c.device.type != "cpu" or c.dim() != 1 or c.requires_grad for c in state.coordinates):
        return None
    return pushed

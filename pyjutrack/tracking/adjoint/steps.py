"""One step back: the beam before an element or an effect, and the gradients there."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ...beam.beam import Beam
from ...beam.reference import Reference
from ...collective import answers
from ...collective.base import CollectiveEffect, Place
from ...core.errors import InvalidValueError
from ...elements import Element
from ...elements.inverse import apply_inverse, is_kick, record
from ...elements.part import Part
from ...maps.state import State
from ..particles import traverse
from .record import Tensors


class GradientAccumulator:
    """Gradients by parameters, added up step by step."""

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self._slots = {id(p): n for n, p in enumerate(parameters)}
        self.totals: list[Tensor | None] = [None] * len(parameters)

    def add(self, parameters: Sequence[Tensor], slopes: Sequence[Tensor | None]) -> None:
        for parameter, slope in zip(parameters, slopes, strict=True):
            if slope is not None:
                slot = self._slots[id(parameter)]
                old = self.totals[slot]
                self.totals[slot] = slope if old is None else old + slope

    def backward(
        self, ends: Sequence[Tensor], parameters: Sequence[Tensor], gradients: Sequence[float]
    ) -> None:
        """Add what gradients by some numbers are by the parameters."""
        if parameters and ends:
            slopes = torch.tensor(gradients, dtype=torch.float64)
            # one number, because with gradients given PyTorch loads SymPy, which takes a second
            with torch.enable_grad():
                total = torch.dot(torch.stack([e.to(slopes) for e in ends]), slopes)
            self.add(parameters, torch.autograd.grad(total, parameters, allow_unused=True))


def backward_element(
    element: Element,
    part: Part,
    end: State,
    known: Tensors | None,
    gradients: Tensors,
    reference: Reference,
    parameters: Sequence[Tensor],
    sums: GradientAccumulator,
) -> tuple[Tensors, Tensors]:
    """Pull gradients back through a part of an element, with the columns before it.

    Args:
        end: after the element, only those alive there.
        known: the columns before it, where they were kept.
        gradients: by the columns after it.
        parameters: tensors of the element that require gradients.
    """
    once = False
    if known is None:
        operations = record(element, reference, part)
        once = is_kick(operations)
        known = (end if once else apply_inverse(operations, end)).coordinates
    with torch.enable_grad():
        leaves = leaves_of(known)
        moved = traverse(element, part, State(leaves, end.alive), reference).coordinates
    # a kick moves no place: it is the same from after it, and undoes itself
    before = _undo_kick(leaves, moved) if once else known
    return before, pull_back(moved, leaves, parameters, gradients, sums)


def backward_effect(
    effect: CollectiveEffect,
    place: Place,
    beam: Beam,
    end: State,
    gradients: Tensors,
    parameters: Sequence[Tensor],
    sums: GradientAccumulator,
) -> tuple[Tensors, Tensors]:
    """Pull gradients back through a reversible effect, with the columns before it.

    What a kick adds to the momenta does not depend on them, so it is found from those after it.
    """
    with torch.enable_grad():
        leaves = leaves_of(end.coordinates)
        state = State(leaves, end.alive)
        field = answers.field(effect, beam, state, place, None)
        kicked = answers.respond(effect, state, field, place).coordinates
    before = _undo_kick(leaves, kicked)
    return before, pull_back(kicked, leaves, parameters, gradients, sums)


def _undo_kick(after: Tensors, kicked: Tensors) -> Tensors:
    """Undo a kick: columns before it, from those after it and after a second kick."""
    return tuple(
        old.detach() if new is old else old.detach() - (new.detach() - old.detach())
        for old, new in zip(after, kicked, strict=True)
    )


def cannot_reconstruct(count: int, dtype: torch.dtype) -> InvalidValueError:
    """Make the error of particles that came back to other places than they had."""
    precision = "single" if dtype == torch.float32 else "double"
    return InvalidValueError(
        f"backward pass: {count} particles could not be reconstructed; the motion is too chaotic "
        f"for adjoint='reversible' in {precision} precision; use adjoint='checkpoint'"
    )


def leaves_of(columns: Tensors) -> Tensors:
    """Columns from which autograd starts."""
    return tuple(c.detach().requires_grad_() for c in columns)


def pull_back(
    ends: Tensors,
    leaves: Tensors,
    parameters: Sequence[Tensor],
    gradients: Tensors,
    sums: GradientAccumulator,
) -> Tensors:
    """Gradients by the leaves; those by the parameters go to the sums."""
    found = torch.autograd.grad(ends, [*leaves, *parameters], gradients, allow_unused=True)
    sums.add(parameters, found[len(leaves) :])
    return tuple(
        torch.zeros_like(leaf) if g is None else g for leaf, g in zip(leaves, found, strict=False)
    )

"""The same steps back by kernels, in place, where an element or a kick has them.

Autograd sees the grid and single numbers only; particles go through the kernels that it would call,
without its bookkeeping of every operation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..beam import Beam
from ..compiled import COMPILED_MAPS
from ..compiled import mesh as kernels
from ..compiled.element_maps import pull_map
from ..compiled.operator import array
from ..number import detached
from ..reference import Reference
from ..spacecharge import SpaceCharge
from ..spacecharge.particle_mesh import deposit_admitted, stencil
from ..transport import State
from ..transport.retreat import Operation, taped, undone
from ..walk import Segment
from .course import Tensors
from .steps import Sums

if TYPE_CHECKING:
    from ..tracking import Kick


def has_kernels(kick: Kick, columns: Tensors) -> bool:
    """Whether `back_through_space_charge` serves a kick and a beam."""
    first = columns[0]
    return type(kick) is SpaceCharge and first.device.type == "cpu" and first.dim() == 1


def back_through_space_charge(
    kick: SpaceCharge,
    segment: Segment,
    beam: Beam,
    end: State,
    gradients: Tensors,
    parameters: Sequence[Tensor],
    sums: Sums,
) -> tuple[Tensors, Tensors]:
    """`steps.back_through_kick`; columns and gradients are changed in place."""
    x, px, y, py, _, _ = end.coordinates
    sheet, share = stencil(kick.potential.mesh), x.new_full((1,), 1 / beam.particles)
    fractions = deposit_admitted(kick.potential.mesh, x, y, end.alive, share)
    with torch.enable_grad():
        length = segment.kicked
        leaf = fractions.requires_grad_()
        field = kick.strength(beam, leaf)
    at_x, at_y, active = array(x), array(y), array(end.alive)
    by_x, by_px, by_y, by_py = (g.numpy() for g in gradients[:4])
    by_grid, by_length = kernels.kick_back(
        sheet,
        detached(length),
        at_x,
        at_y,
        active,
        array(field),
        (px.numpy(), py.numpy()),
        (by_x, by_px, by_y, by_py),
    )
    ends, slopes = [field], [torch.from_numpy(by_grid)]
    if isinstance(length, Tensor) and length.requires_grad:
        ends.append(length)
        slopes.append(length.new_tensor(by_length))
    found = torch.autograd.grad(ends, [leaf, *parameters], slopes, allow_unused=True)
    sums.add(parameters, found[1:])
    if kick.response:
        kernels.slopes_onto(
            sheet, 1 / beam.particles, at_x, at_y, active, array(found[0]), (by_x, by_y)
        )
    return end.coordinates, gradients


def compiled_tape(segment: Segment, reference: Reference) -> list[Operation] | None:
    """The operations of an element, with what autograd knows of their parameters.

    None unless all of them have kernels that pull gradients back.
    """
    with torch.enable_grad():
        tape = taped(segment.element, reference, segment.part)
    return tape if all(name in COMPILED_MAPS for name, _ in tape) else None


def back_through_tape(
    tape: Sequence[Operation],
    end: State,
    gradients: Tensors,
    parameters: Sequence[Tensor],
    sums: Sums,
) -> tuple[Tensors, Tensors]:
    """`steps.back_through_element` for a tape that has kernels."""
    ends: list[Tensor] = []
    slopes: list[Tensor] = []
    for name, numbers in reversed(tape):
        end = undone(name, numbers, end)
        gradients, by_numbers = pull_map(name, end.coordinates, end.alive, numbers, gradients)
        for number, slope in zip(numbers, by_numbers, strict=False):
            if isinstance(number, Tensor) and number.requires_grad:
                ends.append(number)
                slopes.append(slope)
    sums.pull(ends, parameters, slopes)
    return end.coordinates, gradients


def own(columns: Sequence[Any]) -> Tensors:
    """Contiguous copies, which may be changed."""
    return tuple(c.detach().clone(memory_format=torch.contiguous_format) for c in columns)

"""The same steps back by kernels, in place, where an element or a kick has them.

Particles go through the kernels that autograd would call, without its bookkeeping of every
operation. What falls to the numbers of a segment (lengths, strengths, the perveance) is added up
over all turns, and autograd is asked once for what that is by the parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeGuard

import torch
from torch import Tensor

from ...autodiff.operator import array
from ...beam.beam import Beam
from ...beam.reference import Reference
from ...collective import SpaceCharge, SpectralPoisson
from ...collective.base import CollectiveEffect
from ...core.errors import InvalidValueError
from ...core.scalars import Number, detached
from ...core.tensors import active
from ...elements.inverse import inverse_parameters, record
from ...kernels import mesh as kernels
from ...maps.apply import invert_and_pull_back
from ...maps.base import Map
from ...maps.program import NotRecordedError
from ...maps.state import State
from ...mesh.particle_mesh import Mesh, deposit_admitted, stencil
from .steps import Sums
from .tape import Course, Tensors

#: by how much of the box a particle may be outside of it on the way back
_ROUNDING = 1e-9


class Account:
    """Numbers that depend on parameters, and the gradients by them, added up."""

    def __init__(self, numbers: Sequence[Number], parameters: Sequence[Tensor]) -> None:
        self.numbers, self._parameters = numbers, parameters
        self._places = [
            n
            for n, number in enumerate(numbers)
            if isinstance(number, Tensor) and number.requires_grad
        ]
        self._totals = [0.0] * len(numbers)

    def add(self, place: int, slope: float) -> None:
        self._totals[place] += slope

    def settle(self, sums: Sums) -> None:
        """Pull what was added up back to the parameters."""
        ends: list[Any] = [self.numbers[n] for n in self._places]
        slopes = [e.new_tensor(self._totals[n]) for e, n in zip(ends, self._places, strict=True)]
        sums.pull(ends, self._parameters, slopes)


class Operation(NamedTuple):
    """A map, the numbers that undo it, its own, and where these begin in an account."""

    map: Map
    back: tuple[float, ...]
    numbers: tuple[float, ...]
    first: int


class Passage:
    """A segment as operations: names, the numbers of each, and those that undo it.

    Its account has the numbers of all operations in a row, and the length of the kick behind it.
    """

    def __init__(self, course: Course, index: int, reference: Reference) -> None:
        segment = course.segment(index)
        with torch.enable_grad():
            length: Number = segment.kicked if segment.slices else 0.0
            try:
                tape = record(segment.element, reference, segment.part)
                self.compiled = all(map.array_kernels for map, _ in tape)
            except NotRecordedError:
                self.compiled = False
        self.length = detached(length)
        self.operations: list[Operation] = []
        numbers: list[Number] = []
        for map, own in tape if self.compiled else ():
            back, there = (
                tuple(detached(n) for n in some) for some in (inverse_parameters(map, own), own)
            )
            self.operations.append(Operation(map, back, there, len(numbers)))
            numbers += own
        self.account = Account([*numbers, length], active(segment.element))


class Passages:
    """The segments of a course on the way back; those of one turn serve all."""

    def __init__(self, course: Course, sums: Sums) -> None:
        self._course, self._sums = course, sums
        self._kept: dict[tuple[int, Reference], Passage] = {}
        self._strengths: dict[tuple[int, Reference], Account] = {}

    def segment(self, index: int, reference: Reference) -> Passage:
        key = (index % len(self._course.walk), reference)
        if key not in self._kept:
            if self._course.turns == 1:  # each is met once, and none need be kept
                self._settle(self._kept)
            self._kept[key] = Passage(self._course, index, reference)
        return self._kept[key]

    def strength(self, place: int, kick: SpaceCharge, beam: Beam) -> Account:
        """The account of the perveance of a kick."""
        key = (place, beam.reference)
        if key not in self._strengths:
            with torch.enable_grad():
                number = kick.perveance(beam)
            self._strengths[key] = Account([number], active((kick, beam.current)))
        return self._strengths[key]

    def settle(self) -> None:
        """Hand all accounts over to the sums."""
        self._settle(self._kept)
        for account in self._strengths.values():
            account.settle(self._sums)
        self._strengths.clear()

    def _settle(self, kept: dict[tuple[int, Reference], Passage]) -> None:
        for passage in kept.values():
            passage.account.settle(self._sums)
        kept.clear()


def have_kernels(columns: Tensors) -> bool:
    """Whether particles are where the kernels are."""
    return columns[0].device.type == "cpu" and columns[0].dim() == 1


def back_through_operations(passage: Passage, end: State, gradients: Tensors) -> None:
    """`steps.back_through_element` for what has kernels; columns and gradients in place."""
    for map, back, numbers, first in reversed(passage.operations):
        slopes = invert_and_pull_back(map, end.coordinates, end.alive, back, numbers, gradients)
        for n, slope in enumerate(slopes):
            passage.account.add(first + n, slope)


def back_through_space_charge(
    kick: SpaceCharge,
    passage: Passage,
    strength: Account,
    beam: Beam,
    end: State,
    gradients: Tensors,
    sums: Sums,
) -> None:
    """`steps.back_through_kick` for space charge; columns and gradients in place."""
    x, px, y, py, _, _ = end.coordinates
    mesh, weight = kick.potential.mesh, 1 / beam.particles
    active = _found_again(mesh, x, y, end.alive)
    fractions = deposit_admitted(mesh, x, y, active, x.new_full((1,), weight))
    # a solver that was derived from it may be neither
    solved = _Linear if type(kick.potential) is SpectralPoisson else _ByAutograd
    response = solved(kick, strength, beam, fractions)
    sheet, places = stencil(mesh), (array(x), array(y), array(active))
    by_x, by_px, by_y, by_py = (g.numpy() for g in gradients[:4])
    by_field, by_length = kernels.invert_kick(
        sheet,
        passage.length,
        *places,
        array(response.field),
        (px.numpy(), py.numpy()),
        (by_x, by_px, by_y, by_py),
    )
    passage.account.add(-1, by_length)
    by_fractions = response.pull(torch.from_numpy(by_field), sums)
    if kick.response:
        kernels.add_slopes(sheet, weight, *places, array(by_fractions), (by_x, by_y))


def _found_again(mesh: Mesh, x: Tensor, y: Tensor, alive: Tensor) -> Tensor:
    """Who of the alive is in the box, as all of them were; kernels must not see the others.

    Raises:
        InvalidValueError: particles came back to other places than they had.
    """
    found, missing = kernels.mask_inside(mesh.grid.size, array(x), array(y), array(alive))
    active = torch.from_numpy(found)
    if missing:
        lost = alive & ~active
        sides = zip((x, y), mesh.grid.size, strict=True)
        reach = max(float(u[lost].abs().max()) / (side / 2) for u, side in sides)
        if not reach <= 1 + _ROUNDING:
            raise InvalidValueError(
                f"going back, {int(lost.sum())} particles are not found again where they were: "
                "the motion is too violent to be reversed in double precision; take "
                "adjoint='checkpoint'"
            )
    return active


class _Linear:
    """The field of a solver that is linear and its own transpose."""

    def __init__(self, kick: SpaceCharge, strength: Account, beam: Beam, fractions: Tensor) -> None:
        self._solve, self._strength, self._world = kick.potential.solve, strength, beam.world
        self._perveance = detached(strength.numbers[0])
        self._potential = self._solve(self._world.sum(fractions))
        self.field = self._perveance * self._potential

    def pull(self, by_field: Tensor, sums: Sums) -> Tensor:
        """Gradients by the fractions."""
        self._strength.add(0, float((by_field * self._potential).sum()))
        return self._perveance * self._solve(self._world.sum(by_field))


class _ByAutograd:
    """The field of a network."""

    def __init__(self, kick: SpaceCharge, strength: Account, beam: Beam, fractions: Tensor) -> None:
        self._parameters = active((kick, beam.current))
        with torch.enable_grad():
            self._leaf = fractions.requires_grad_()
            self._field = kick.strength(beam, self._leaf)
        self.field = self._field.detach()

    def pull(self, by_field: Tensor, sums: Sums) -> Tensor:
        """Gradients by the fractions."""
        wanted = [self._leaf, *self._parameters]
        by_leaf, *others = torch.autograd.grad(
            self._field, wanted, by_field.to(self._field.dtype), allow_unused=True
        )
        sums.add(self._parameters, others)
        return by_leaf


def is_compiled(kick: CollectiveEffect) -> TypeGuard[SpaceCharge]:
    """Whether `back_through_space_charge` serves a kick."""
    return type(kick) is SpaceCharge


def own(columns: Sequence[Any]) -> Tensors:
    """Contiguous copies, which may be changed."""
    return tuple(c.detach().clone(memory_format=torch.contiguous_format) for c in columns)

"""The same steps back by kernels, in place, where an element or a kick has them.

Particles go through the kernels that autograd would call, without its bookkeeping of every
operation. What falls to the numbers of a segment (lengths, strengths, the perveance) is added up
over all turns, and autograd is asked once for what that is by the parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ...autodiff.operator import array
from ...beam.beam import Beam
from ...beam.reference import Reference
from ...collective.mesh_kick import MeshKick
from ...core.scalars import Number, to_float
from ...core.tensors import active
from ...elements import Element
from ...elements.inverse import inverse_parameters, record
from ...elements.part import Part
from ...kernels import mesh as kernels
from ...kernels.noise import Stream
from ...maps.apply import invert_and_pull_back
from ...maps.base import Map
from ...maps.program import NotRecordedError
from ...maps.state import State
from ...mesh.grid import Mesh
from ...mesh.particle_mesh import deposit_admitted, stencil
from ..task import Task
from .record import Tensors
from .steps import GradientAccumulator, cannot_reconstruct

#: by how much of the box a reconstructed particle may be outside of it
_ROUNDING = 1e-9
#: parts of elements whose gradients are handed on together, where each is met once
_KEPT = 64


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

    @staticmethod
    def flush(accounts: Iterable[Account], sums: GradientAccumulator) -> None:
        """Carry what was added up back to the parameters, in one backward pass."""
        ends: list[Any] = []
        slopes: list[float] = []
        parameters: dict[int, Tensor] = {}
        for account in accounts:
            ends += [account.numbers[n] for n in account._places]
            slopes += [account._totals[n] for n in account._places]
            parameters |= {id(p): p for p in account._parameters if account._places}
        sums.backward(ends, tuple(parameters.values()), slopes)


class Operation(NamedTuple):
    """A map, the numbers that undo it, its own, where these begin in an account, its stream."""

    map: Map
    back: tuple[float, ...]
    numbers: tuple[float, ...]
    first: int
    stream: Stream | None


class Passage:
    """A part of an element as operations of maps with kernels.

    Attributes:
        compiled: whether all of them have some.
        account: of the numbers of all operations in a row.
    """

    def __init__(self, element: Element, part: Part, reference: Reference) -> None:
        with torch.enable_grad():
            try:
                tape = record(element, reference, part)
                self.compiled = all(map.array_kernels and map.inverse for map, _ in tape)
            except NotRecordedError:
                self.compiled = False
        self.operations: list[Operation] = []
        numbers: list[Number] = []
        for map, given in tape if self.compiled else ():
            own, stream = (given[:-1], given[-1]) if map.noisy else (given, None)
            back, there = (
                tuple(to_float(n) for n in some) for some in (inverse_parameters(map, own), own)
            )
            self.operations.append(Operation(map, back, there, len(numbers), stream))
            numbers += own
        self.account = Account(numbers, active(element))


class Passages:
    """Accounts by operations of the plan, for the backward pass; those of one turn serve all."""

    def __init__(self, task: Task, sums: GradientAccumulator) -> None:
        self._task, self._sums = task, sums
        self._elements: dict[tuple[int, Reference], Passage] = {}
        self._lengths: dict[int, Account] = {}
        self._strengths: dict[tuple[int, Reference], Account] = {}

    def element(self, n: int, element: Element, part: Part, reference: Reference) -> Passage:
        """Return the account of an element's part."""
        key = (n, reference)
        if key not in self._elements:
            if self._task.turns == 1 and len(self._elements) >= _KEPT:  # each is met once
                self._flush_elements()
            self._elements[key] = Passage(element, part, reference)
        return self._elements[key]

    def length(self, place: int) -> Account:
        """Return the account of the length of an element in which effects act."""
        if place not in self._lengths:
            element = self._task.lattice.elements[place]
            self._lengths[place] = Account([element.length], active(element))
        return self._lengths[place]

    def strength(self, effect: int, kick: MeshKick, beam: Beam) -> Account:
        """Return the account of the factor on the potential of an effect."""
        key = (effect, beam.reference)
        if key not in self._strengths:
            with torch.enable_grad():
                number = kick.scale(beam)
            self._strengths[key] = Account([number], active((kick, beam.intensity)))
        return self._strengths[key]

    def flush(self) -> None:
        """Hand all accounts over to the sums."""
        self._flush_elements()
        Account.flush((*self._lengths.values(), *self._strengths.values()), self._sums)
        self._lengths.clear()
        self._strengths.clear()

    def _flush_elements(self) -> None:
        Account.flush((passage.account for passage in self._elements.values()), self._sums)
        self._elements.clear()


def have_kernels(columns: Tensors) -> bool:
    """Return whether kernels can work on the particles."""
    return columns[0].device.type == "cpu" and columns[0].dim() == 1


def backward_operations(passage: Passage, end: State, gradients: Tensors, turn: int) -> None:
    """Do `steps.backward_element` by kernels, in a turn; columns and gradients in place."""
    for map, back, numbers, first, stream in reversed(passage.operations):
        columns, by_columns = end.coordinates, gradients
        if stream is not None:  # in the place of z
            z = columns[4]
            drawn = torch.from_numpy(stream._replace(turn=turn).draw(len(z))).to(z.dtype)
            columns, by_columns = (
                (*some[:4], other, some[5])
                for some, other in ((columns, drawn), (by_columns, torch.zeros_like(z)))
            )
        slopes = invert_and_pull_back(map, columns, end.alive, back, numbers, by_columns)
        for n, slope in enumerate(slopes):
            passage.account.add(first + n, slope)


def backward_mesh_kick(
    kick: MeshKick,
    ds: float,
    strength: Account,
    beam: Beam,
    end: State,
    gradients: Tensors,
    sums: GradientAccumulator,
) -> float:
    """Do `steps.backward_effect` by kernels; columns and gradients in place.

    Args:
        ds: length over which it acts [m].
        strength: account of the factor on the potential.

    Returns:
        The gradient by ds.
    """
    x, px, y, py, _, _ = end.coordinates
    mesh, weight = kick.mesh, 1 / beam.particles
    active = _mask_inside(mesh, x, y, end.alive)
    fractions = deposit_admitted(mesh, x, y, active, x.new_full((1,), weight))
    solved = _Symmetric if kick.symmetric else _ByAutograd
    response = solved(kick, strength, beam, fractions)
    sheet, places = stencil(mesh), (array(x), array(y), array(active))
    by_x, by_px, by_y, by_py = (g.numpy() for g in gradients[:4])
    by_field, by_length = kernels.kick_cotangent(
        sheet,
        ds,
        *places,
        array(response.field),
        (by_px, by_py),
        (by_x, by_y),
        (px.numpy(), py.numpy()),
    )
    by_fractions = response.pull(torch.from_numpy(by_field), sums)
    if kick.response:
        kernels.add_slopes(sheet, weight, *places, array(by_fractions), (by_x, by_y))
    return by_length


def _mask_inside(mesh: Mesh, x: Tensor, y: Tensor, alive: Tensor) -> Tensor:
    """Mask live particles in the box, as all of them were; kernels must not see the others.

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
            raise cannot_reconstruct(int(lost.sum()), x.dtype)
    return active


class _Symmetric:
    """The field of a solver that is linear and its own transpose."""

    def __init__(self, kick: MeshKick, strength: Account, beam: Beam, fractions: Tensor) -> None:
        self._solve, self._strength, self._world = kick.solve, strength, beam.world
        self._scale = to_float(strength.numbers[0])
        self._potential = self._solve(self._world.sum(fractions))
        self.field = self._scale * self._potential

    def pull(self, by_field: Tensor, sums: GradientAccumulator) -> Tensor:
        """Gradients by the fractions."""
        self._strength.add(0, float((by_field * self._potential).sum()))
        return self._scale * self._solve(self._world.sum(by_field))


class _ByAutograd:
    """The field of a network."""

    def __init__(self, kick: MeshKick, strength: Account, beam: Beam, fractions: Tensor) -> None:
        self._parameters = active((kick, beam.intensity))
        with torch.enable_grad():
            self._leaf = fractions.requires_grad_(kick.response)
            self._field = kick.strength(beam, self._leaf)
        self.field = self._field.detach()

    def pull(self, by_field: Tensor, sums: GradientAccumulator) -> Tensor:
        """Gradients by the fractions."""
        wanted = [t for t in (self._leaf, *self._parameters) if t.requires_grad]
        if not self._field.requires_grad or not wanted:
            return torch.zeros_like(by_field)
        found = torch.autograd.grad(
            self._field, wanted, by_field.to(self._field.dtype), allow_unused=True
        )
        sums.add(self._parameters, found[len(wanted) - len(self._parameters) :])
        return found[0] if self._leaf.requires_grad else torch.zeros_like(by_field)


def own(columns: Sequence[Any]) -> Tensors:
    """Contiguous copies, which may be changed."""
    return tuple(c.detach().clone(memory_format=torch.contiguous_format) for c in columns)

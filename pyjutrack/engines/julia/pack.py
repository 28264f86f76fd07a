"""A task in numbers: what the Julia package is given of it, and the slopes of that by knobs."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd import forward_ad

from ...beam import initial_moments
from ...core.errors import InvalidValueError
from ...core.names import label
from ...core.scalars import Number, carries, to_float
from ...elements import Element
from ...elements.part import WHOLE, Part
from ...lattice.knobs import CHARGE, CURRENT, overlay, parts, split
from ...tracking.plan import Act, Traverse, is_idle
from ...tracking.task import Task
from . import border
from .acting import Radiating, is_radiation, twins_of_act
from .effects import is_kick, strength_of
from .opaque import JuTrackElement
from .twins import Twin

#: (what, number from 1, JuTrack's field, place in an array from 1 or 0)
Entry = tuple[str, int, str, int]


@dataclass
class Packed:
    """A task as the Julia package takes it.

    Attributes:
        twins: pieces of JuTrack elements, equal ones once.
        ops: rows of (piece from 1 or 0, effect from 1 or 0, whether an element is entered).
        lengths: of each operation that is an action [m].
        strengths: of each effect.
    """

    twins: list[Twin] = field(default_factory=list)
    ops: list[tuple[int, int, int]] = field(default_factory=list)
    lengths: list[Number] = field(default_factory=list)
    strengths: list[Number] = field(default_factory=list)
    _places: dict[Any, int] = field(default_factory=dict)

    def place(self, twin: Twin) -> int:
        """The number of a twin's piece, from 1; equal twins are one."""
        found = self._places.setdefault(twin.key, len(self.twins) + 1)
        if found > len(self.twins):
            self.twins.append(twin)
        return found

    def numbers(self) -> Iterator[tuple[Entry, Number]]:
        """All that derivatives may be asked by, with where it stands in Julia."""
        for n, twin in enumerate(self.twins, start=1):
            for name, value in twin.fields.items():
                for place, number in _entries(value):
                    yield ("field", n, name, place), number
            yield ("slip", n, "", 0), twin.slip
        for what, numbers in (("length", self.lengths), ("strength", self.strengths)):
            for n, number in enumerate(numbers, start=1):
                yield (what, n, "", 0), number


def pack(task: Task) -> Packed:
    """A task with its numbers as they are, derivatives included.

    Raises:
        InvalidValueError: something that the julia engine lacks.
    """
    radiating = Radiating.of(task.effects)
    kicks = [n for n, effect in enumerate(task.effects) if is_kick(effect)]
    packed = Packed(strengths=[strength_of(task.effects[n], task.beam) for n in kicks])
    known: dict[tuple[int, Hashable], list[int]] = {}
    slices: dict[tuple[int, int], Number] = {}
    elements, reference = task.lattice.elements, task.beam.reference
    for op in task.plan.ops:
        element = elements[op.place]
        if isinstance(op, Traverse):
            part = op.part
            key = op.place, None if part == WHOLE else _kind_of(element, part)
            if key not in known:
                found = radiating.twins_of(element, reference, part)
                known[key] = [packed.place(twin) for twin in found]
            for n, piece in enumerate(known[key]):
                packed.ops.append((piece, 0, int(n > 0 or part.start == 0)))
                packed.lengths.append(0.0)
        elif isinstance(op, Act):
            effect = task.effects[op.effect]
            if is_idle(op, task.lattice, task.effects) or is_radiation(effect):
                continue
            # one tensor for all equal slices, whose slope is asked once
            if (op.place, op.slices) not in slices:
                slices[op.place, op.slices] = element.length / op.slices
            ds = slices[op.place, op.slices]
            if op.effect in kicks:
                packed.ops.append((0, kicks.index(op.effect) + 1, 0))
                packed.lengths.append(ds)
                continue
            for twin in twins_of_act(effect, task.beam, ds):
                packed.ops.append((packed.place(twin), 0, 0))
                packed.lengths.append(0.0)
        else:
            raise InvalidValueError(
                "the julia engine does not know weights, and so no soft aperture; take the native "
                "engine"
            )
    if not packed.ops:  # a turn ends with its last operation
        packed.ops.append((packed.place(Twin("MARKER")), 0, 0))
        packed.lengths.append(0.0)
    return packed


def _kind_of(element: Element, part: Part) -> Hashable:
    """The same for all parts of an element that have the same twins.

    Those of a part may depend on its length, on the ends of the element, and on its middle, where
    what cannot be cut is.
    """
    if element.is_displaced:
        return part
    middle = part.start < 0.5 <= part.stop
    return round(part.fraction, 12), part.start == 0, part.stop == 1, middle


def _entries(value: Any) -> Iterator[tuple[int, Number]]:
    """The numbers of a field and their places, from 1 in Julia's order, or 0 of a plain number."""
    if isinstance(value, tuple):
        if value and isinstance(value[0], tuple):
            value = tuple(row[n] for n in range(len(value[0])) for row in value)
        yield from enumerate(value, start=1)
    elif isinstance(value, (float, Tensor)):
        yield 0, value


@dataclass(frozen=True)
class Slopes:
    """How what the Julia package is given depends on knobs.

    Attributes:
        packed: the task with knobs that carry derivatives; there may be other twins then.
        entries: A of its numbers.
        seeds: their slopes by the knobs, (A, K).
        starts: those of the beam's coordinates, (N, 6, K), or (0, 0, 0) where no knob moves them.
        by_intensity: that of the beam's current or charge, (K,).
    """

    packed: Packed
    entries: tuple[Entry, ...]
    seeds: NDArray[np.float64]
    starts: NDArray[np.float64]
    by_intensity: NDArray[np.float64]


def slopes(task: Task, wrt: Sequence[str]) -> Slopes:
    """The slopes of what `pack` gives, by PyTorch.

    Raises:
        InvalidValueError: a knob that the Julia package is not given.
    """
    _require_intensity_slopes(task, wrt)
    values = parts(task, wrt)
    sizes = [v.numel() for v in values]
    flat = torch.cat([v.reshape(-1) for v in values]).requires_grad_()
    with torch.enable_grad():
        changed = overlay(task, wrt, split(flat, values))
        packed = pack(changed)
        found = [(e, number) for e, number in packed.numbers() if carries(number)]
        outputs = [number for _, number in found if isinstance(number, Tensor)]
        _, amount = border.intensity(changed.beam)
        outputs.append(torch.as_tensor(amount, dtype=torch.float64) + 0 * flat[0])
        matrix = _rows(outputs, flat)
    starts = _starts(task, wrt, values, sum(sizes))
    return Slopes(packed, tuple(e for e, _ in found), matrix[:-1], starts, matrix[-1])


def _rows(outputs: Sequence[Tensor], flat: Tensor) -> NDArray[np.float64]:
    """The slopes of outputs, many of which are one tensor, by the entries of `flat`."""
    # one by one: all at once would import sympy, which takes a second
    once = {
        id(o): torch.autograd.grad(
            o, flat, retain_graph=True, materialize_grads=True, allow_unused=True
        )[0].numpy()
        for o in {id(o): o for o in outputs}.values()
    }
    return np.stack([once[id(o)] for o in outputs])


def _require_intensity_slopes(task: Task, wrt: Sequence[str]) -> None:
    """Raise InvalidValueError for a knob that JuTrack counts in whole particles."""
    asked = [a for a in wrt if a in (CHARGE, CURRENT)]
    for e in task.lattice if asked else ():
        if isinstance(e, JuTrackElement) and e.acts_by_intensity:
            raise InvalidValueError(
                f"{asked[0]} has no slope through {label(e)}: JuTrack counts particles, and has "
                "the current as a number of the beam; take an effect of pyjutrack in its place"
            )


def _starts(
    task: Task, wrt: Sequence[str], values: Sequence[Tensor], count: int
) -> NDArray[np.float64]:
    """Slopes of the coordinates by moments of the beam, in forward mode: there are few."""
    moments = [
        n
        for n, address in enumerate(wrt)
        if address in initial_moments.KNOBS and address not in task.lattice.knobs()
    ]
    if not moments:
        return np.zeros((0, 0, 0))
    found = np.zeros((*task.beam.coordinates.shape, count))
    columns = np.cumsum([0, *(v.numel() for v in values)])
    for n in moments:
        with forward_ad.dual_level():
            dual = forward_ad.make_dual(values[n].detach(), torch.ones_like(values[n]))
            moved = overlay(task, [wrt[n]], [dual]).beam.coordinates
            tangent = forward_ad.unpack_dual(moved).tangent
        if tangent is not None:
            found[:, :, columns[n]] = tangent.numpy()
    return found


def plain(value: Any) -> Any:
    """A field without derivatives, as Julia takes it."""
    if isinstance(value, tuple):
        numbers = [
            [to_float(k) for k in row] if isinstance(row, tuple) else to_float(row) for row in value
        ]
        return np.array(numbers, dtype=np.float64)
    return to_float(value) if isinstance(value, Tensor) else value

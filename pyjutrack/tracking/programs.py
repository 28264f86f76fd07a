"""Maximal runs of a plan's operations as programs of the compiled maps."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..beam.reference import Reference
from ..collective.base import CollectiveEffect
from ..core.scalars import has_numbers
from ..core.tensors import tensors_in
from ..elements import Element
from ..elements.part import Part
from ..elements.placement import note
from ..elements.recordings import memoize
from ..lattice.batch import batch_of
from ..lattice.lattice import Lattice
from ..maps.packing import Program, Recording, pack
from ..maps.program import NotRecordedError, Recorder
from .plan import Act, Plan, is_idle, motion_of


class Piece(NamedTuple):
    """Operations that are run in one call, or one that is run by itself.

    Attributes:
        first, stop: of the operations in the plan.
        reference: after them.
        program: of their maps, whose `elements` are operations of the plan; None for one operation
            that has none.
    """

    first: int
    stop: int
    reference: Reference
    program: Program | None = None


def pieces_of(
    lattice: Lattice,
    plan: Plan,
    effects: Sequence[CollectiveEffect],
    reference: Reference,
    stops: Collection[int] = (),
) -> tuple[Piece, ...]:
    """The pieces of one turn.

    Kept with the lattice, which is frozen, until it is met with another reference, plan or stops.

    Args:
        stops: operations before which an observer sees the particles.
    """
    lumped = tuple(e.lumped for e in effects)
    recorded = tuple(e for e in effects if e.by_maps)
    contents = _contents(lattice, reference, recorded)
    key = reference, plan, lumped, tuple(map(_Same, recorded)), tuple(stops), contents
    last = lattice.cache.get("pieces")
    if last is not None and last[0] == key:
        found: tuple[Piece, ...] = last[1]
        return found
    made = tuple(_pieces(lattice, plan, effects, reference, frozenset(stops)))
    lattice.cache["pieces"] = key, made
    return made


class _Same(NamedTuple):
    """One effect, whatever it is equal to."""

    effect: CollectiveEffect

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.effect is other.effect

    def __hash__(self) -> int:
        return id(self.effect)


def _contents(
    lattice: Lattice, reference: Reference, effects: Sequence[CollectiveEffect]
) -> tuple[bytes | None, ...]:
    """Numbers of all tensors among the parameters, which may change in place.

    None stands for those by which derivatives can be asked for: they are in no program.
    """
    holders: list[Any] | None = lattice.cache.get("tensors")
    if holders is None:
        each = {id(e): e for e in lattice.elements}.values()
        holders = lattice.cache["tensors"] = [e for e in each if e.has_tensors]
    if isinstance(reference.p0c, Tensor):
        holders = [*holders, reference]
    held = tensors_in([*holders, *effects])
    return tuple(_bytes(t) if has_numbers(t) else None for t in held)


def _bytes(tensor: Tensor) -> bytes:
    # a clone: one number out of a row is contiguous as it is, with the stride of the row
    packed = tensor.detach().clone(memory_format=torch.contiguous_format)
    return packed.reshape(-1).view(torch.uint8).numpy().tobytes()


def _pieces(
    lattice: Lattice,
    plan: Plan,
    effects: Sequence[CollectiveEffect],
    reference: Reference,
    stops: frozenset[int],
) -> Iterator[Piece]:
    parts: list[tuple[int, Recording]] = []
    first, alike, batch = 0, True, batch_of(lattice)
    known: dict[Any, Any] = {}  # of an element that is met again, which holds it
    for n, op in enumerate(plan.ops):
        if n in stops and n > first:
            yield Piece(first, n, reference, pack(parts, batch))
            first, parts = n, []
        if isinstance(op, Act) and is_idle(op, lattice, effects):
            continue
        recording, after, motion = None, reference, motion_of(op, lattice, effects)
        if motion is not None:
            element, part = motion
            key = id(element), part, id(reference)
            held = known.get(key)
            if held is None:
                after = element.exit_reference(reference, part)
                found = memoize(_recording, element, reference, part)
                held = known[key] = found, after, element, reference
            recording, after = held[:2]
        if alike and recording is not None and recording.varies:
            # what is alike in all settings comes before it, and once
            if n > first:
                yield Piece(first, n, reference, pack(parts, batch))
            first, parts, alike = n, [], False
        if recording is not None:
            parts.append((n, recording))
        else:
            if n > first:
                yield Piece(first, n, reference, pack(parts, batch))
            yield Piece(n, n + 1, after)
            first, parts = n + 1, []
        reference = after
    if len(plan) > first:
        yield Piece(first, len(plan), reference, pack(parts, batch))


def _recording(element: Element, reference: Reference, part: Part) -> Recording | None:
    """The operations of a part of an element; None where it has none with plain numbers."""
    recorder: Any = Recorder()
    try:
        note(element, recorder, reference, part)
    except NotRecordedError:
        return None
    found: Recording = recorder.recording
    return found


def calls(program: Program, turns: int, most: int) -> Iterator[tuple[Program, int, int]]:
    """A program in calls of some `most` operations: the part of it, the first turn, and turns."""
    elements = program.elements
    size = len(elements)
    if turns * size <= most:
        yield program, 0, turns
    elif size <= most:
        step = most // size
        for first in range(0, turns, step):
            yield program, first, min(step, turns - first)
    else:
        # an element is not cut: a call keeps what its particles entered with
        ends = np.append(np.flatnonzero(np.diff(elements)) + 1, size)
        count = -(-size // max(most, 1))
        wanted = np.arange(1, count + 1) * size // count
        edges = [0, *np.unique(ends[np.searchsorted(ends, wanted)]).tolist()]
        for first in range(turns):
            for low, high in pairwise(edges):
                yield program.part(low, high), first, 1

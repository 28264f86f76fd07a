"""What is tracked, and what is remembered of it."""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ...beam.beam import Beam
from ...beam.reference import Reference
from ...collective.base import CollectiveEffect
from ...core.special import on_host
from ...elements.part import WHOLE
from ...lattice.lattice import Lattice
from ..slicing import Segment, Walk

Tensors = tuple[Tensor, ...]

#: the phase of a particle that is never lost
NEVER = 2**62


@dataclass(frozen=True)
class Course:
    """A beam, and the segments through which it goes, turn by turn.

    Attributes:
        sections: into how many a longer way was cut of which this is one, about; see
            `soft_apertures`.
    """

    lattice: Lattice
    beam: Beam
    effects: tuple[CollectiveEffect, ...]
    turns: int
    walk: Walk
    sections: int = 1

    @property
    def whole(self) -> int:
        """Segments of all sections together, about."""
        return self.sections * len(self)

    def __len__(self) -> int:
        return self.turns * len(self.walk)

    @property
    def phases(self) -> int:
        """Of a segment: one for its element, and one for every kick."""
        return 1 + len(self.effects)

    @property
    def parts(self) -> tuple[Any, ...]:
        """All besides the particles that may carry derivatives."""
        return self.beam.current, self.beam.weights, self.beam.reference, self.lattice, self.effects

    @cached_property
    def reference_moves(self) -> bool:
        """Whether the reference's momentum carries derivatives, at the start or later."""
        with torch.enable_grad():
            reference = self.beam.reference
            for element in self.lattice:
                reference = element.exit_reference(reference, WHOLE)
        return isinstance(reference.p0c, Tensor)

    def numbers(self) -> Walk:
        """The same segments with plain numbers as parameters."""
        return self.walk.of(self.lattice.detached())

    def segment(self, index: int) -> Segment:
        return self.walk[index % len(self.walk)]

    def place(self, index: int) -> int:
        """Of the element in the lattice."""
        return self.walk.place(index % len(self.walk))


@dataclass
class Record:
    """What is remembered of a tracking.

    Attributes:
        lost: the phase in which each particle was lost, counted over all segments.
        references: (segment, reference) from which on each reference holds.
        before: columns in front of some segments.
        between: columns behind the elements of some segments, in front of their effects.
    """

    lost: Tensor
    references: list[tuple[int, Reference]]
    before: dict[int, Tensors] = field(default_factory=dict)
    between: dict[int, Tensors] = field(default_factory=dict)
    _span: tuple[int, int, Any] = (0, 0, None)

    def note(self, phase: int, before: Tensor, after: Tensor) -> None:
        """Remember who was lost in a phase."""
        if after is before:
            return
        if not (on_host(after) and torch.equal(after, before)):
            self.lost = torch.where(before & ~after, phase, self.lost)

    def alive(self, phase: int) -> Tensor:
        """Who is alive behind a phase."""
        first, last, mask = self._span
        if not first <= phase < last:
            # the same for all phases up to the next in which somebody is lost
            mask = self.lost > phase
            first = int(torch.where(mask, -NEVER, self.lost).max())
            last = int(torch.where(mask, self.lost, NEVER).min())
            self._span = first, last, mask
        return mask

    def reference(self, segment: int) -> Reference:
        """In front of a segment."""
        place = bisect.bisect_right(self.references, segment, key=lambda entry: entry[0])
        return self.references[place - 1][1]

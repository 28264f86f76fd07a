"""The elements of a line, each at the momentum that the reference has there."""

from __future__ import annotations

from itertools import accumulate, groupby

import torch
from torch import Tensor

from ..beam.reference import Reference
from ..core.errors import UnstableError
from ..core.names import label
from ..core.scalars import Number
from ..elements import Element
from ..elements.part import WHOLE
from ..elements.placement import advance
from ..lattice.lattice import Lattice
from ..tracking.end import state_of
from .left_out import warn_of_line
from .orbit import Orbit, start
from .passing import Passage
from .places import Places


class Line:
    """The maps of the elements of a line in four dimensions, those of its cavities too.

    A cavity that neither focuses nor changes the momentum of the reference is a drift, with a
    warning if it changes that of the beam. All others are met at their own phase, at z = 0 whatever
    the way there.

    Attributes:
        elements: as they are passed.
        momenta: of the reference over that at the start, at all places (N + 1,).
    """

    def __init__(self, lattice: Lattice, reference: Reference) -> None:
        self._references = [reference]
        momenta: list[Number] = [1.0]
        elements: list[Element] = []
        acts: list[bool] = []
        idle: list[tuple[Element, Reference]] = []
        for element in lattice:
            before = self._references[-1]
            after = element.exit_reference(before)
            acts.append(after is not before or element.focuses_by_rf)
            elements.append(element if acts[-1] else element.without_rf())
            if not acts[-1]:
                idle.append((element, before))
            self._references.append(after)
            momenta.append(after.p0c / reference.p0c)
        warn_of_line(idle)
        self._acts = torch.tensor(acts)
        self.elements = tuple(elements)
        self.momenta = torch.stack([torch.as_tensor(m, dtype=torch.float64) for m in momenta])
        stretches = groupby(zip(self._references, elements, strict=False), lambda pair: id(pair[0]))
        rows = [list(stretch) for _, stretch in stretches]
        self._passages = [Passage((e for _, e in row), row[0][0]) for row in rows]

    def matrices(self, coordinates: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 6) at the exits, and the Jacobians (N, 6, 6), of cavities with z held."""
        by_z = self._acts[:, None] & torch.eye(6, dtype=torch.bool)[4]
        sizes = [len(p.elements) for p in self._passages]
        pieces = torch.where(by_z, 0.0, coordinates).split(sizes)
        found = [p.matrices(rows) for p, rows in zip(self._passages, pieces, strict=True)]
        ends, matrices = (torch.cat(part) for part in zip(*found, strict=True))
        return ends, torch.where(by_z[:, None], torch.eye(6, dtype=matrices.dtype), matrices)

    @property
    def whole(self) -> tuple[bool, ...]:
        """Which elements have no optics but at their ends."""
        return tuple(self._acts.tolist())

    def within(self, coordinates: Tensor, places: Places) -> tuple[Tensor, Tensor]:
        """Coordinates (M, 6) and Jacobians (M, 6, 6) from the entrances of elements to places."""
        sizes = [len(p.elements) for p in self._passages]
        firsts = [0, *accumulate(sizes)]
        found = [
            p.within(rows, places.of(first, first + size))
            for p, rows, first, size in zip(
                self._passages, coordinates.split(sizes), firsts, sizes, strict=False
            )
        ]
        inside, matrices = (torch.cat(part) for part in zip(*found, strict=True))
        return inside, matrices

    def track(self, delta: Number) -> Orbit:
        """Track the orbit from the axis: element by element, and then all at once.

        Raises:
            UnstableError: it is lost.
        """
        # of shape (1, 1), past the kernels, whose backward passes cannot be batched
        state = state_of(start(1, delta).unsqueeze(0), torch.ones(1, 1, dtype=torch.bool))
        rows = []
        passed = zip(self.elements, self._references, self._acts.tolist(), strict=False)
        for element, reference, acts in passed:
            if acts:
                x, px, y, py, z, deviation = state.coordinates
                state = state._replace(coordinates=(x, px, y, py, torch.zeros_like(z), deviation))
            rows.append(torch.stack(state.coordinates, -1)[0, 0])
            state = advance(element, state, reference, WHOLE)
            if not bool(state.alive.all()):
                raise UnstableError(f"the orbit is lost in {label(element)}: no optics")
        coordinates = torch.stack(rows)
        return Orbit(coordinates, *self.matrices(coordinates))

"""Map of losses: the element and the turn in which each particle is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..beam.beam import Beam, require_beam, require_single
from ..collective.base import CollectiveEffect
from ..core.errors import InvalidValueError
from ..core.transforms import numeric
from ..lattice.batch import require_one
from ..lattice.lattice import Lattice
from ..lattice.positions import places
from ..lattice.require import require_lattice
from .loop import run
from .task import Task, task_of


@dataclass(frozen=True, eq=False, repr=False)
class LossMap:
    """The place and turn of the loss of each particle.

    Attributes:
        names, kinds: of the elements, N each.
        s: where the elements begin, and the end of the last, (N + 1,) [m].
        element: index of the element in which each particle was lost, (P,); -1 for those that
            were not.
        turn: the turn of it, counted from 0, (P,); -1 likewise.
        beam: the beam at the end.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    s: NDArray[np.float64]
    element: NDArray[np.int64]
    turn: NDArray[np.int64]
    beam: Beam

    def __repr__(self) -> str:
        counts = self.counts
        hit = np.flatnonzero(counts)
        where = ""
        if len(hit):
            worst = int(hit[counts[hit].argmax()])
            name = f"{self.kinds[worst]} {self.names[worst]!r}"
            where = f" in {len(hit)} of {len(counts)} elements, {counts[worst]} of them in {name}"
        return f"LossMap({counts.sum()} of {len(self.element)} particles lost{where})"

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of particles lost in each element, (N,)."""
        lost = self.element[self.element >= 0]
        return np.bincount(lost, minlength=len(self.names)).astype(np.int64)


@numeric
def loss_map(
    lattice: Lattice, beam: Beam, *, effects: Sequence[CollectiveEffect] = (), turns: int = 1
) -> LossMap:
    """Track a beam and record in which element each particle is lost.

    Particles that are lost already are no part of the map.

    Args:
        lattice, beam, effects, turns: as for `track`, by the native engine.

    Raises:
        InvalidValueError: as for `track`; a batch of beams; soft apertures.

    Example:
        >>> pj.plotting.plot_losses(ax, pj.loss_map(ring, beam, turns=100))
    """
    require_beam(beam)
    require_lattice(lattice)
    require_single(beam, "a loss map is")
    if lattice.soft:
        raise InvalidValueError(
            f"a loss map counts whole particles, and {len(lattice.soft)} apertures are soft, the "
            f"first {lattice[lattice.soft[0]].name!r}; take them with smoothing=0"
        )
    task = task_of(lattice, beam, effects, turns)
    require_one("where particles are lost", task.batch)
    losses = _LossRecorder(task)
    end = run(task, losses=losses)
    return LossMap(
        names=tuple(e.name for e in lattice),
        kinds=tuple(type(e).__name__ for e in lattice),
        s=places(lattice),
        element=losses.element,
        turn=losses.turn,
        beam=end.beam(beam),
    )


class _LossRecorder:
    """The element and the turn of each loss, (N,)."""

    def __init__(self, task: Task) -> None:
        self._places = np.array([op.place for op in task.plan.ops])
        self.element, self.turn = np.full((2, len(task.beam)), -1)

    def note(self, turn: int, op: int, before: Tensor, after: Tensor) -> None:
        """See `Losses`."""
        lost = (before & ~after).cpu().numpy()
        self.element[lost], self.turn[lost] = self._places[op], turn

    def collect(self, turns: NDArray[np.int64], ops: NDArray[np.int64]) -> None:
        """See `Losses`."""
        lost = ops >= 0
        self.element[lost], self.turn[lost] = self._places[ops[lost]], turns[lost]

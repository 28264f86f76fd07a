"""Where particles are lost: in which element, and in which turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..beam.beam import Beam
from ..collective.base import CollectiveEffect, plan
from ..core.errors import InvalidValueError
from ..core.transforms import numeric
from ..kernels import parallel
from ..lattice.lattice import Lattice, places
from .end import beam_of, state_of
from .fused_lattice import fused
from .loop import run
from .task import check_track


@dataclass(frozen=True, eq=False, repr=False)
class LossMap:
    """Which particle was lost where and when.

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

    Arguments as for `track`, natively. Particles that are lost already are no part of the map.

    Raises:
        InvalidValueError: as for `track`; a batch of beams; soft apertures.
    """
    check_track(lattice, beam, effects, turns)
    if beam.coordinates.dim() != 2:
        raise InvalidValueError(
            f"a loss map is of one beam, (N, 6), not of a batch {tuple(beam.coordinates.shape)}"
        )
    if lattice.soft:
        raise InvalidValueError(
            f"a loss map counts whole particles, and {len(lattice.soft)} apertures are soft, the "
            f"first {lattice[lattice.soft[0]].name!r}; take them with smoothing=0"
        )
    compiled = None
    if not effects:
        with parallel.cores():
            state = state_of(beam.coordinates, beam.alive)
            compiled = fused(lattice, state, beam.reference, turns)
    if compiled is None:
        after, element, turn = _one_by_one(lattice, beam, effects, turns)
    else:
        after = beam_of(compiled.state, compiled.reference, beam)
        element, turn = compiled.element, compiled.turn
    return LossMap(
        names=tuple(e.name for e in lattice),
        kinds=tuple(type(e).__name__ for e in lattice),
        s=places(lattice),
        element=element,
        turn=turn,
        beam=after,
    )


def _one_by_one(
    lattice: Lattice, beam: Beam, effects: Sequence[CollectiveEffect], turns: int
) -> tuple[Beam, NDArray[np.int64], NDArray[np.int64]]:
    """The beam at the end, and the element and the turn of each loss."""
    pieces = [(piece, plan(piece, effects)) for piece in (Lattice([e]) for e in lattice)]
    element, turn = np.full((2, len(beam)), -1)
    for n in range(turns):
        for i, (piece, counts) in enumerate(pieces):
            before = beam.alive
            end = run(piece, beam, effects, 1, counts)
            beam = end.beam(beam)
            lost = (before & ~beam.alive).cpu().numpy()
            element[lost], turn[lost] = i, n
    return beam, element, turn

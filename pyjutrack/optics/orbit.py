"""The closed orbit, by multiple shooting: all elements are passed at once, and must join."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..beam.reference import Reference, require_reference
from ..core.checks import require_real, require_whole
from ..core.errors import InvalidValueError, UnstableError
from ..core.names import label
from ..core.scalars import Number, is_whole
from ..elements import Element
from ..lattice.batch import batch_of, require_one
from ..lattice.lattice import Lattice
from ..lattice.require import require_lattice
from .harmonics import check_harmonics
from .left_out import warn_of_ring
from .passing import Passage, pairwise_products

#: largest gap between elements that counts as none, and that rounding may leave [m, rad]
_CLOSED, _ROUNDING = 1e-15, 1e-12
_ROUNDS = 30


def passage(lattice: Lattice, reference: Reference, dimensions: int) -> Passage:
    """The elements of a ring; in 4 dimensions cavities are drifts, with a warning if it counts."""
    require_lattice(lattice)
    require_reference(reference)
    if not is_whole(dimensions) or dimensions not in (4, 6):
        raise InvalidValueError(f"a closed orbit has dimensions 4 or 6, got {dimensions!r}")
    elements: list[Element] = list(lattice)
    if dimensions == 6:
        for e in elements:
            if e.exit_reference(reference) is not reference:
                raise InvalidValueError(
                    f"{e.name or 'a cavity'} accelerates the reference, so that there is no closed "
                    "orbit in 6 dimensions: take accelerate=False, or dimensions=4"
                )
    if dimensions == 4:
        still = [e.without_rf() for e in elements]
        warn_of_ring(elements, still, reference)
        elements = still
    return Passage(elements, reference, batch_of(lattice))


def start(count: int, delta: Number) -> Tensor:
    """Coordinates (N, 6) on the axis, all with a momentum deviation.

    Raises:
        InvalidValueError: delta is no number above -1.
    """
    require_real("delta", delta, above=-1)
    shift = torch.zeros(6, dtype=torch.float64)
    shift[5] = 1.0
    deviation: Any = torch.as_tensor(delta, dtype=torch.float64)
    return (deviation * shift).expand(count, 6)


class Orbit:
    """A closed orbit, or one of each of many settings, with leading dimensions.

    Attributes:
        coordinates: (N, 6) at the entrances of the elements; in 4 dimensions z is zero at all.
        ends: (N, 6) at the exit of each.
        matrices: (N, 6, 6) about it.
    """

    def __init__(self, coordinates: Tensor, ends: Tensor, matrices: Tensor) -> None:
        self.coordinates, self.ends, self.matrices = coordinates, ends, matrices

    @property
    def table(self) -> Tensor:
        """(N + 1, 6): the entrances and the end of the ring, z counted from the start."""
        rows = self.rows
        late = (self.ends - self.coordinates)[..., 4].cumsum(-1)
        z = self.coordinates[..., :1, 4]
        along = torch.cat([z, z + late], -1).unsqueeze(-1)
        return torch.cat([rows[..., :4], along, rows[..., 5:]], -1)

    @property
    def rows(self) -> Tensor:
        """(N + 1, 6): the entrances and the end of the ring."""
        return torch.cat([self.coordinates, self.ends[..., -1:, :]], -2)


def find(ring: Passage, begin: Tensor, dimensions: int) -> Orbit:
    """The closed orbit by Newton's method, without derivatives; of each setting its own.

    Args:
        begin: (N, 6), where to look for it; in 4 dimensions z and delta stay.

    Raises:
        UnstableError: none is found.
        ManySettingsError: none is found of one of many settings; or in 6 dimensions.
        InvalidValueError: nothing acts on delta, and it was to be found; and as for
            `check_harmonics`, in 6 dimensions.

    Warns:
        AccuracyWarning: as for `check_harmonics`, in 6 dimensions.
    """
    lead = ring.batch
    if dimensions == 6:
        require_one("a closed orbit in 6 dimensions", lead)
    coordinates = begin.detach().expand(*lead, *begin.shape)
    before = torch.full(lead, math.inf, dtype=begin.dtype)
    done = torch.zeros(lead, dtype=torch.bool)
    with torch.no_grad():
        for _ in range(_ROUNDS):
            ends, matrices = ring.matrices(coordinates)
            gaps = _gaps(coordinates, ends, dimensions)
            worst = gaps.abs().amax((-2, -1))
            if not bool(torch.isfinite(worst).all()):
                break
            done |= (worst <= _CLOSED) | ((before / 2 < worst) & (worst < _ROUNDING))
            if bool(done.all()):
                _require_restoring(matrices, dimensions)
                if dimensions == 6:
                    found = partial(_shifts, matrices)  # asked for where a wave is off alone
                    check_harmonics(ring.elements, ring.reference, found)
                return Orbit(coordinates, ends, matrices)
            before = worst
            shifts = Closing(matrices, dimensions).shifts(gaps)
            # each as by itself: what is found stays
            coordinates = coordinates + torch.where(done[..., None, None], 0.0, shifts)
    require_one("a search for a closed orbit that fails", lead)
    place = int(torch.nan_to_num(gaps.abs(), nan=math.inf).amax(1).argmax())
    element = ring.elements[place]
    gap = float(worst)
    missed = f"misses the next one by {gap:.3g} (m or rad)"
    raise UnstableError(
        f"no closed orbit found at delta = {float(begin[0, 5]):g}: in {_ROUNDS} rounds at most, "
        f"element {place} ({label(element)}) "
        f"{missed if math.isfinite(gap) else 'was left at no finite place'}; try a smaller "
        "delta, weaker kicks or other tunes"
    )


def differentiable(
    ring: Passage, found: Orbit, begin: Tensor, order: int, dimensions: int = 4
) -> Orbit:
    """A closed orbit that carries derivatives, exact up to an order.

    They come from the condition that it is closed, and not from the search: with the matrices
    held, each round of Newton's method gains one order.
    """
    coordinates = close(ring, found, begin, order, dimensions)
    if coordinates is found.coordinates:
        return found
    return Orbit(coordinates, *ring.matrices(coordinates))


def close(ring: Passage, found: Orbit, begin: Tensor, order: int, dimensions: int) -> Tensor:
    """The coordinates of `differentiable`; those that were found where there are no derivatives.

    Raises:
        InvalidValueError: an order that is no whole number.
    """
    require_whole("order", order)
    if not torch.is_grad_enabled():
        return found.coordinates
    coordinates = found.coordinates
    if dimensions == 4:
        by_delta = begin[..., 5:].expand(*coordinates.shape[:-1], 1)
        coordinates = torch.cat([coordinates[..., :5], by_delta], -1)
    elif not ring.is_active:
        return coordinates
    closing = None
    for _ in range(order):
        ends = ring.values(coordinates)
        gaps = _gaps(coordinates, ends, dimensions)
        if not ends.requires_grad:
            return found.coordinates
        closing = closing or Closing(found.matrices, dimensions)
        coordinates = coordinates + closing.shifts(gaps)
    return coordinates


class Closing:
    """Solves for small shifts d of the orbit: d[n + 1] = M[n] d[n] + gap[n], and d[N] = d[0].

    Of matrices (..., N, 6, 6).
    """

    def __init__(self, matrices: Tensor, dimensions: int) -> None:
        block = matrices[..., :dimensions, :dimensions]
        self._to = pairwise_products(block)
        try:
            self._from = torch.linalg.inv(self._to)
        except RuntimeError as error:  # torch.linalg.LinAlgError
            raise UnstableError(
                "no closed orbit found: a matrix along the line has no inverse, since the orbit "
                "left where its maps have values, or one of them is singular"
            ) from error
        self._turn = torch.eye(dimensions, dtype=block.dtype) - self._to[..., -1, :, :]

    def shifts(self, gaps: Tensor) -> Tensor:
        """(..., N, 6) from gaps (..., N, dimensions)."""
        # every gap carried back to the start, where they add up
        total = (self._from @ gaps.unsqueeze(-1)).cumsum(-3)
        try:
            end = self._to[..., -1, :, :] @ total[..., -1, :, :]
            first = torch.linalg.solve(self._turn, end).unsqueeze(-3)
        except RuntimeError as error:  # torch.linalg.LinAlgError
            raise UnstableError(
                "there is no single closed orbit: a tune is an integer, so that the one-turn "
                "matrix has an eigenvalue of 1"
            ) from error
        later = self._to[..., :-1, :, :] @ (first + total[..., :-1, :, :])
        rows = torch.cat([first, later], -3).squeeze(-1)
        return torch.nn.functional.pad(rows, (0, 6 - rows.shape[-1]))


def _gaps(coordinates: Tensor, ends: Tensor, dimensions: int) -> Tensor:
    """Distance of the end of each element from the entrance of the next."""
    return ends[..., :dimensions] - coordinates[..., :dimensions].roll(-1, -2)


def _shifts(matrices: Tensor, gaps: Tensor) -> Tensor:
    return Closing(matrices, 6).shifts(gaps)


def _require_restoring(matrices: Tensor, dimensions: int) -> None:
    row = torch.eye(6, dtype=matrices.dtype)[5]
    if dimensions == 6 and bool((matrices[:, 5] == row).all()):
        raise InvalidValueError(
            "nothing in the lattice acts on delta, so that any delta has a closed orbit; give it "
            "an RFCavity, or ask for dimensions=4"
        )

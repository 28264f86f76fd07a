"""Moments of slices along a bunch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..beam.beam import Beam, require_beam, require_whole
from ..beam.moments import PLANES
from ..beam.reference import SPEED_OF_LIGHT
from ..core.checks import require_reals
from ..core.checks import require_whole as require_count
from ..core.errors import InvalidValueError, ResolutionWarning, require_known, warn
from ..core.scalars import to_float
from ..core.transforms import numeric
from ..core.unstated import is_stated

Array = NDArray[np.float64]

_KINDS = ("length", "charge")
#: what is left of equal numbers, relative to them
_ROUNDING = 8 * np.finfo(np.float64).eps


@dataclass(frozen=True, eq=False)
class SliceMoments:
    """Moments of S slices of a bunch, from its tail to its head; NaN of slices without particles.

    Arrays of a batch of beams have its dimensions first.

    Attributes:
        edges: between slices [m], (S + 1,).
        particles: live macroparticles in each, (S,).
        fractions: of the live beam in each, by weight, (S,).
        current: in each [A], (S,), with the charge of the particles lost left out; NaN of a beam
            that was given no charge.
        centroid: mean coordinates [m, 1], (S, 6).
        sizes: rms of the coordinates about the mean of the slice [m, 1], (S, 6); the last is the
            spread of momenta, and that of energies is beta^2 times it.
        emittances: rms ones in x and y [m rad], geometric, (S, 2).
    """

    edges: Array
    particles: NDArray[np.int64]
    fractions: Array
    current: Array
    centroid: Array
    sizes: Array
    emittances: Array

    @property
    def centres(self) -> Array:
        """Centres of the slices [m], (S,)."""
        return (self.edges[..., 1:] + self.edges[..., :-1]) / 2


@numeric
def slice_moments(
    beam: Beam, slices: int = 20, *, equal: str = "length", span: Sequence[float] | None = None
) -> SliceMoments:
    """Compute moments of slices along z: current, centroids, sizes, emittances, energy spread.

    Of live particles, by their weights. Numbers without derivatives: which particles are in which
    slice has none.

    Args:
        beam: a bunch, or any other beam; or a batch (..., N, 6).
        slices: their number.
        equal: "length", or "charge" for slices that hold the same, as far as whole particles do.
        span: from where to where along z [m], for slices of equal length; what is outside is left
            out. From the last live particle to the first if None.

    Raises:
        InvalidValueError: a span that is not two ascending numbers, or with equal charges; a part
            of a shared beam; no live particle. UnknownNameError: another word for `equal`.

    Warns:
        ResolutionWarning: slices without particles.

    Example:
        >>> found = pj.diagnostics.slice_moments(bunch, 50)
        >>> found.current.max(), found.emittances[:, 0]
    """
    require_beam(beam)
    require_count("slices", slices, 1)
    require_known("kind of equal slices", equal, _KINDS)
    require_whole(beam, "slice moments")
    if span is not None:
        require_reals("span", span, 2)
        if equal != "length" or not float(span[0]) < float(span[1]):
            raise InvalidValueError(
                f"span must be two ascending positions, of slices of equal length; got {span!r} "
                f"with equal={equal!r}"
            )
    batch, size = beam.coordinates.shape[:-2], len(beam)
    rows = beam.coordinates.detach().cpu().double().reshape(-1, size, 6).numpy()
    alive = beam.alive.cpu().reshape(-1, size).numpy()
    given = beam.weights
    every = np.ones(alive.shape) if given is None else given.detach().cpu().double().numpy()
    weights = every.reshape(-1, size)
    # the beta of the reference: the current is what passes a place in a second
    charge = to_float(beam.charge) if is_stated(beam.charge) else math.nan
    rate = charge / beam.particles * to_float(beam.reference.beta) * SPEED_OF_LIGHT
    found = [
        _moments(*one, int(slices), equal, span, rate)
        for one in zip(rows, alive, weights, strict=True)
    ]
    empty = sum(int((one.fractions == 0).sum()) for one in found)
    if empty:
        warn(
            f"{empty} of {slices * len(found)} slices hold no live particle, and their moments are "
            'NaN; take fewer slices, a shorter `span`, or equal="charge"',
            ResolutionWarning,
        )
    stacked: dict[str, Any] = {
        f.name: np.stack([getattr(one, f.name) for one in found]) for f in fields(SliceMoments)
    }
    return SliceMoments(**{n: a.reshape(*batch, *a.shape[1:]) for n, a in stacked.items()})


def _moments(
    rows: Array,
    alive: NDArray[np.bool_],
    weights: Array,
    slices: int,
    equal: str,
    span: Sequence[float] | None,
    rate: float,
) -> SliceMoments:
    """Moments of the slices of one beam; `rate` is the current [A] of one weight a metre."""
    rows, weights = rows[alive], weights[alive]
    total = weights.sum()
    if not total > 0:
        raise InvalidValueError("no particle of the beam is alive, so that it has no slices")
    z = rows[:, 4]
    if equal == "charge":
        edges, index = _equal_charge(z, weights, slices)
    else:
        low, high = (z.min(), z.max()) if span is None else map(float, span)
        edges = np.linspace(low, high, slices + 1)
        index = np.clip(np.searchsorted(edges, z, side="right") - 1, 0, slices - 1)
        inside = (z >= low) & (z <= high)
        rows, weights, index = rows[inside], weights[inside], index[inside]
    held = np.bincount(index, weights, slices)
    particles = np.bincount(index, minlength=slices)
    share = np.where(held > 0, held, np.nan)

    def mean(values: Array) -> Array:
        """Mean of values (n, ...) in each slice, (S, ...)."""
        flat = values.reshape(len(values), -1)
        sums = [np.bincount(index, weights * column, slices) for column in flat.T]
        return (np.stack(sums, -1) / share[:, None]).reshape(slices, *values.shape[1:])

    centroid = mean(rows)
    about = rows - centroid[index]
    squares = mean(about**2)
    # equal numbers have an rms of zero, whatever rounding leaves of them
    squares = np.where(squares <= (_ROUNDING * centroid) ** 2, 0.0, squares)
    lengths = np.diff(edges)
    with np.errstate(divide="ignore", invalid="ignore"):
        current = np.where(lengths > 0, held * rate / lengths, np.nan if rate else 0.0)
    return SliceMoments(
        edges=edges,
        particles=particles,
        fractions=held / total,
        current=current,
        centroid=centroid,
        sizes=np.sqrt(squares),
        emittances=np.stack([_emittance(about, squares, PLANES[p], index, mean) for p in "xy"], -1),
    )


def _emittance(about: Array, squares: Array, column: int, index: Any, mean: Any) -> Array:
    """rms emittance of a plane, of what of the momentum is not proportional to the position."""
    u, p = about[:, column], about[:, column + 1]
    some = squares[:, column] > 0
    slope = np.where(some, mean(u * p) / np.where(some, squares[:, column], 1.0), 0.0)
    return np.asarray(np.sqrt(squares[:, column] * mean((p - slope[index] * u) ** 2)))


def _equal_charge(z: Array, weights: Array, slices: int) -> tuple[Array, NDArray[np.int64]]:
    """Edges of slices that hold the same, and the slice of each particle."""
    order = np.argsort(z, kind="stable")
    passed = np.cumsum(weights[order])
    middle = (passed - weights[order] / 2) / passed[-1]
    ranks = np.clip((middle * slices).astype(np.int64), 0, slices - 1)
    index = np.empty_like(ranks)
    index[order] = ranks
    last = np.searchsorted(ranks, np.arange(1, slices))  # the first particle of each slice
    before, after = np.clip(last - 1, 0, None), np.clip(last, None, len(z) - 1)
    ordered = z[order]
    between = (ordered[before] + ordered[after]) / 2
    return np.concatenate([ordered[:1], between, ordered[-1:]]), index

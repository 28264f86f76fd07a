"""Tunes of particles by their coordinates turn by turn, and footprints of beams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ..beam.beam import Beam
from ..beam.moments import PLANES
from ..collective.base import CollectiveEffect
from ..core.checks import require_real, require_texts, require_whole, wrong
from ..core.errors import require_known
from ..core.scalars import to_float
from ..core.transforms import numeric
from ..lattice.lattice import Lattice
from .frequencies import find_lines
from .self_consistency import warn_if_not_stationary
from .turn_history import live_coordinates, track_turns

Array = NDArray[np.float64]

#: turns of a footprint at least, as tunes are found of either half
_FEWEST = 32


@dataclass(frozen=True, eq=False, repr=False)
class Footprint:
    """Tunes of particles, and by how much they change.

    NaN of the particles that were lost, and in a plane in which a particle does not move.

    Attributes:
        planes: of which tunes are, P of them.
        tunes: over all turns, in (0, 1), (N, P).
        actions: J of the main line, with x = sqrt(2 beta J) cos(phase) [m rad], (N, P).
        changes: tune of the second half of the turns less that of the first, (N, P).
        beam: after the last turn.
    """

    planes: tuple[str, ...]
    tunes: Array
    actions: Array
    changes: Array
    beam: Beam

    def __repr__(self) -> str:
        found = int(np.isfinite(self.tunes).all(-1).sum())
        where = ", ".join(self.planes)
        return f"Footprint({where}: {found} of {self.tunes[..., 0].size} particles have tunes)"

    @property
    def diffusion(self) -> Array:
        """log10 of the change of the tunes, all planes together, (N,); -inf where there is none.

        Source: J. Laskar, Physica D 67 (1993) 257.
        """
        with np.errstate(divide="ignore"):
            return np.log10(np.sqrt((self.changes**2).sum(-1)))


@numeric
def tunes_by_turns(
    coordinates: ArrayLike | Tensor,
    planes: Sequence[str] = ("x", "y"),
    *,
    twiss: Any = None,
    order: int = 2,
) -> Array:
    """Find the tune of each particle from its coordinates turn by turn.

    The tune is that of the strongest line of u - i p, normalised coordinates of a plane, from which
    the constant is taken off; so it is known on either side of 1/2, and is 1 - Q where motion in
    phase space turns the other way round, as synchrotron motion above transition does. Within
    some bins of 1/T about whole numbers it is not told from the constant.

    Args:
        coordinates: (T, ..., 6), such as `track_turns` reads by `live_coordinates`; NaN for the
            lost. In each plane one place is enough.
        planes: of "x", "y", "z".
        twiss: a `pj.optics.Twiss` with the functions of x and y at the place. By None, and in z, a
            particle's motion is normalised by its own second moments over the turns.
        order: of the window, as for `find_lines`.

    Returns:
        Tunes in (0, 1), (..., P); NaN for particles with a NaN, and for those that do not move.

    Raises:
        InvalidValueError: as for `find_lines`; coordinates of another shape.
        UnknownNameError: no such plane.
    """
    given = _coordinates(coordinates)
    found = [
        find_lines(_normalise(given[..., column : column + 2], plane, twiss), order=order).tunes[0]
        for plane, column in _columns(planes)
    ]
    return np.stack(found, -1)


@numeric
def footprint(
    lattice: Lattice,
    beam: Beam,
    *,
    turns: int = 1024,
    planes: Sequence[str] = ("x", "y"),
    at: str | None = None,
    effects: Sequence[CollectiveEffect] = (),
    twiss: Any = None,
    order: int = 2,
    memory: int = 2**31,
) -> Footprint:
    """Track a beam and find the tunes and actions of its particles, and how the tunes change.

    Takes 48 bytes a particle and turn, less where fewer planes are asked for. With effects of
    intensity the particles of the beam make the field themselves: a matched beam of many, and not a
    grid of amplitudes, whose field would be that of the grid.

    Args:
        lattice, beam, effects, at, memory: as for `track_turns`.
        turns: how many, 32 or more. Tunes of each half are found too.
        planes, twiss, order: as for `tunes_by_turns`.

    Raises:
        InvalidValueError: as for `track_turns`; fewer than 32 turns.

    Warns:
        AccuracyWarning: the beam that makes a field changes its size over the turns, or moves as a
            whole by more than its size.

    Example:
        >>> found = pj.diagnostics.footprint(ring, beam, turns=1024)
        >>> pj.plotting.plot_footprint(ax, found)
    """
    require_whole("turns", turns, _FEWEST)
    chosen = _columns(planes)
    columns = [c for _, column in chosen for c in (column, column + 1)]
    history = track_turns(
        lattice,
        beam,
        {"coordinates": lambda seen: live_coordinates(seen)[..., columns].detach()},
        turns=turns,
        at=at,
        effects=effects,
        memory=memory,
    )
    given, half = history["coordinates"].cpu().numpy(), turns // 2
    warn_if_not_stationary(given, [plane for plane, _ in chosen], effects)
    found = []
    for n, (plane, _) in enumerate(chosen):
        signal = _normalise(given[..., 2 * n : 2 * n + 2], plane, twiss)
        lines = find_lines(signal, order=order)
        first, second = (
            find_lines(part, order=order).tunes[0] for part in (signal[:half], signal[-half:])
        )
        change = (second - first + 0.5) % 1 - 0.5
        found.append((lines.tunes[0], np.abs(lines.amplitudes[0]) ** 2 / 2, change))
    tunes, actions, changes = (np.stack(one, -1) for one in zip(*found, strict=True))
    return Footprint(tuple(plane for plane, _ in chosen), tunes, actions, changes, history.beam)


def _columns(planes: Sequence[str]) -> list[tuple[str, int]]:
    """Planes, and the column of each."""
    names = require_texts("planes", planes, 'a list such as ["x", "y"]')
    if not names:
        raise wrong("planes", planes, 'a list such as ["x", "y"]')
    for name in names:
        require_known("plane", name, PLANES)
    return [(name, PLANES[name]) for name in names]


def _coordinates(coordinates: Any) -> Array:
    given = coordinates.detach().cpu() if isinstance(coordinates, Tensor) else coordinates
    try:
        found = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        found = np.zeros(0)
    if found.ndim < 2 or found.shape[-1] != 6:
        raise wrong("coordinates", coordinates, "an array of numbers (turns, ..., 6)")
    return found


def _normalise(pair: Array, plane: str, twiss: Any) -> NDArray[np.complex128]:
    """u - i p of a pair of coordinates (T, ..., 2), about their means, (T, ...)."""
    u, p = np.moveaxis(np.asarray(pair, np.float64), -1, 0)
    beta: Any
    alpha: Any
    u, p = u - u.mean(0), p - p.mean(0)
    if twiss is None or plane == "z":
        uu, pp, up = (u * u).mean(0), (p * p).mean(0), (u * p).mean(0)
        area = np.sqrt(np.maximum(uu * pp - up * up, 0.0))
        some = area > 0
        safe = np.where(some, area, 1.0)
        beta, alpha = np.where(some, uu / safe, 1.0), np.where(some, -up / safe, 0.0)
    else:
        try:
            beta, alpha = (
                to_float(getattr(twiss, f"{name}_{plane}")) for name in ("beta", "alpha")
            )
        except (AttributeError, TypeError, ValueError):
            raise wrong("twiss", twiss, "a Twiss", "such as pj.optics.twiss(...)") from None
        require_real(f"beta_{plane} of twiss", float(beta), above=0.0)
    root = np.sqrt(beta)
    found: NDArray[np.complex128] = u / root - 1j * (alpha * u + beta * p) / root
    return found

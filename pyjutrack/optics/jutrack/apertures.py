"""Dynamic aperture and frequency maps by JuTrack's tracking."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from ...beam.beam import Beam
from ...beam.reference import Reference
from ...core.checks import require_whole
from ...core.errors import InvalidValueError
from ...core.tensors import tensors_in
from ...diagnostics import tunes_by_turns
from ...engines.julia import Julia, border
from ...lattice.lattice import Lattice
from ...tracking.task import task_of
from ..ring import closed_orbit, twiss

#: of a number of steps that are whole
_ROUNDING = 1e-9
#: from the closed orbit [m, rad], which is found to less
_ON_ORBIT = 1e-10


def dynamic_aperture(
    lattice: Lattice,
    reference: Reference,
    *,
    turns: int = 100,
    largest: float = 0.02,
    step: float = 1e-3,
    angles: int = 19,
    delta: float = 0.0,
) -> NDArray[np.float64]:
    """Dynamic aperture: JuTrack tracks, by this engine, with slip and the mass of the particle.

    JuTrack's own function takes all particles for electrons, and stops a step short.

    Args:
        lattice, reference: a ring and its particle.
        turns: to survive.
        largest, step: of the amplitudes [m].
        angles: rays from x > 0 to x < 0.
        delta: momentum deviation.

    Returns:
        (angles, 2): x and y [m] on each ray of the last amplitude that survives, as all smaller
        ones do; 0 where the first does not. It has no derivatives.

    Raises:
        InvalidValueError: any of these is not so, or derivatives are asked for.
    """
    _require_numbers(
        "dynamic_aperture",
        "it counts amplitudes that survive, which knobs change in steps",
        (lattice, reference, largest, step, delta),
    )
    integers = all(isinstance(n, int) and not isinstance(n, bool) for n in (turns, angles))
    if not (integers and turns >= 1 and angles >= 2 and 0 < step <= largest and delta > -1):
        raise InvalidValueError(
            "take whole turns >= 1, whole angles >= 2, 0 < step <= largest and delta > -1; got "
            f"{turns}, {angles}, {step} m, {largest} m, {delta}"
        )
    count = int(largest / step * (1 + _ROUNDING))
    turned = np.linspace(0, np.pi, angles)
    rays = np.stack([np.cos(turned), np.sin(turned)], axis=-1)
    rows = np.zeros((angles, count, 6))
    rows[..., [0, 2]] = rays[:, None] * (step * np.arange(1, count + 1))[:, None]
    rows[..., 5] = delta
    beam = Beam(reference, torch.from_numpy(rows.reshape(-1, 6)))
    alive = Julia.start().track(task_of(lattice, beam, (), turns)).alive.numpy()
    survived = np.cumprod(alive.reshape(angles, count), axis=1).sum(axis=1)
    return np.asarray(rays * (step * survived)[:, None])


def _require_numbers(name: str, why: str, given: tuple[object, ...]) -> None:
    """Raise InvalidValueError where PyTorch asks for derivatives by any of what was given."""
    if any(map(border.is_asked, tensors_in(given))):
        raise InvalidValueError(
            f"{name} has no derivatives: {why}; take differences of it, or slopes of "
            "resonance_driving_terms, taylor_map or tunes in its place"
        )


class FrequencyMap(NamedTuple):
    """Tunes of particles by their amplitudes.

    NaN of those that were lost, and in a plane in which a particle starts on the closed orbit: what
    moves it there is the other plane, and no tune.

    Attributes:
        amplitudes: x and y [m] at the start, (N, 2).
        tunes: of the first half of the turns, in (0, 1), (N, 2).
        changes: those of the second half less these, (N, 2).
    """

    amplitudes: NDArray[np.float64]
    tunes: NDArray[np.float64]
    changes: NDArray[np.float64]

    @property
    def diffusion(self) -> NDArray[np.float64]:
        """log10 of the change of both tunes together, (N,); -inf where there is none.

        Source: J. Laskar, Physica D 67 (1993) 257.
        """
        with np.errstate(divide="ignore"):
            return np.asarray(np.log10(np.hypot(*self.changes.T)))


def frequency_map(
    lattice: Lattice,
    reference: Reference,
    amplitudes: ArrayLike,
    *,
    turns: int = 512,
    delta: float = 0.0,
) -> FrequencyMap:
    """Frequency map of a ring: JuTrack tracks, and this package finds the frequencies.

    JuTrack's own, `utils/fma.jl`, is left out of its module. Motion is that of `engine="julia"`,
    slip included.

    Args:
        lattice, reference: a ring and its particle.
        amplitudes: x and y where particles start [m], (N, 2), with px = py = z = 0. Without an
            amplitude about the closed orbit in a plane there is no tune, but NaN.
        turns: of both halves together, 64 or more.
        delta: momentum deviation.

    Raises:
        InvalidValueError: any of these is not so, or derivatives are asked for, which it has not.
        UnstableError: there is no periodic optics, or no closed orbit.
    """
    _require_numbers(
        "frequency_map",
        "it finds frequencies of turns that Julia tracked",
        (lattice, reference, amplitudes, delta),
    )
    start = np.asarray(amplitudes, dtype=np.float64)
    require_whole("turns", turns, 64)
    if start.ndim != 2 or start.shape[1] != 2 or not np.isfinite(start).all():
        raise InvalidValueError(f"amplitudes must be rows of x and y [m], got {amplitudes!r}")
    rows = np.zeros((len(start), 6))
    rows[:, [0, 2]], rows[:, 5] = start, delta
    optics = twiss(lattice, reference)
    task = task_of(lattice, Beam(reference, torch.from_numpy(rows)), (), turns)
    found = Julia.start().track_turns(task)
    halves = (found[: turns // 2], found[turns // 2 :])
    first, second = (tunes_by_turns(half, twiss=optics) for half in halves)
    orbit = closed_orbit(lattice, reference, delta=delta)[0]
    away = (np.abs(rows - orbit)[:, :4] > _ON_ORBIT).reshape(-1, 2, 2).any(2)
    survived = np.asarray(np.isfinite(found).all(axis=(0, 2)))[:, None]
    first = np.where(away & survived, first, np.nan)
    return FrequencyMap(start, first, (second - first + 0.5) % 1 - 0.5)

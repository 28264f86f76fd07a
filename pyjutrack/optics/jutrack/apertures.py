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
from ...core.names import label
from ...core.scalars import is_zero, to_float
from ...diagnostics import tunes_by_turns
from ...engines.julia import Julia, border
from ...engines.julia.session import session
from ...lattice.lattice import Lattice
from ...tracking.task import task_of
from ..ring import twiss
from .lattices import to_jutrack

#: gamma from which on particles are as fast as light to 1e-6
_RELATIVISTIC = 1e3


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
    """Dynamic aperture by JuTrack's `dynamic_aperture`, in all threads of Julia.

    Args:
        turns: to survive.
        largest, step: of the amplitudes [m].
        angles: rays from x > 0 to x < 0.
        delta: momentum deviation.

    Returns:
        (angles, 2): x and y [m] on each ray of JuTrack's last stable amplitude, which is one step
        short of where the first particle is lost or the rays end.

    Raises:
        InvalidValueError: settings that are none; cavities, and a particle whose velocity depends
            on its momentum, which JuTrack leaves out.
    """
    integers = all(isinstance(n, int) and not isinstance(n, bool) for n in (turns, angles))
    if not (integers and turns >= 1 and angles >= 2 and 0 < step <= largest and delta > -1):
        raise InvalidValueError(
            "take whole turns >= 1, whole angles >= 2, 0 < step <= largest and delta > -1; got "
            f"{turns}, {angles}, {step} m, {largest} m, {delta}"
        )
    cavity = next((e for e in lattice if not is_zero(e.rf_frequency)), None)
    if cavity is not None and to_float(reference.gamma) < _RELATIVISTIC:
        raise InvalidValueError(
            "JuTrack's dynamic aperture leaves out that another momentum has another velocity, and "
            f"takes all particles for electrons, and {label(cavity)} acts by both; leave cavities "
            "out, or track particles with pj.track"
        )
    energy = border.number(reference.kinetic_energy)
    found = session().call(
        "dynamic_aperture",
        to_jutrack(lattice, reference),
        turns,
        round(largest / step),
        float(step),
        angles,
        energy,
        float(delta),
    )
    return border.array(found)


class FrequencyMap(NamedTuple):
    """Tunes of particles by their amplitudes; NaN of those that were lost.

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
        amplitudes: x and y where particles start [m], (N, 2), with px = py = z = 0. Without any
            amplitude in a plane there is no tune.
        turns: of both halves together, 64 or more.
        delta: momentum deviation.

    Raises:
        InvalidValueError: any of these is not so.
        UnstableError: there is no periodic optics.
    """
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
    change = (second - first + 0.5) % 1 - 0.5
    return FrequencyMap(start, first, change)

"""Collective effects and radiation beside the peers that have them.

Of `particles`, two and twenty times as many: a hundred thousand and a million, unless told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from . import (
    effects_beam_beam,
    effects_ring,
    effects_space_charge,
    effects_together,
    effects_wakes,
)
from .report import Row, Table


@dataclass(frozen=True)
class Sizes:
    """What is measured.

    Attributes:
        bunches: numbers of particles of wakes and of beam-beam.
        space_charge: see `effects_space_charge.Sizes`.
        radiation: numbers of particles in the ring with radiation alone.
        together: particles and turns in the ring with all effects, and particles of which the
            changes by each are compared before.
    """

    bunches: Sequence[int] = (100_000, 1_000_000)
    space_charge: effects_space_charge.Sizes = field(default_factory=effects_space_charge.Sizes)
    radiation: Sequence[int] = (1, 1000, 100_000, 1_000_000)
    together: tuple[int, int, int] = (2000, 20, 100_000)


def run(particles: int, repeats: int, threads: int) -> Table:
    counts = 2 * particles, 20 * particles
    space_charge = effects_space_charge.Sizes(counts)
    radiation = 1, max(1, particles // 50), *counts
    sizes = Sizes(counts, space_charge, radiation, (max(500, particles // 25), 20, counts[0]))
    return table(sizes, max(1, repeats // 5), threads)


def table(sizes: Sizes, repeats: int, threads: int) -> Table:
    """The comparison, with so many rounds of each."""
    parts: list[Callable[[], tuple[list[Row], list[str]]]] = [
        lambda: effects_space_charge.rows(sizes.space_charge, repeats, threads),
        lambda: effects_wakes.rows(sizes.bunches, repeats, threads),
        lambda: effects_beam_beam.rows(sizes.bunches, repeats, threads),
        lambda: effects_ring.radiation(sizes.radiation, repeats, threads),
        lambda: effects_together.rows(*sizes.together, 1, threads),
    ]
    rows: list[Row] = []
    remarks: list[str] = []
    for part in parts:
        found, notes = part()
        rows += found
        remarks += notes
    return Table("Collective effects", "time of the peer / time of pyjutrack", rows, remarks)

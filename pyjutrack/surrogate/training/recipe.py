"""All that determines a training run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ...collective.poisson import Potential
from ...core.checks import require_real, require_whole, wrong
from ...core.errors import InvalidValueError, require_known
from ...core.scalars import is_whole
from ...mesh.grid import Grid
from ..architectures import Architecture, Standardisation, known_architectures
from ..network import Network
from ..surrogate import Surrogate
from . import fields
from .beams import HELD_OUT_SEED, Beams
from .fit import Problem

#: random streams of larger seeds may be those of small ones
_SEEDS = 2**32


@dataclass(frozen=True)
class Recipe:
    """The recipe of a training: network, beams, steps.

    Attributes:
        architecture: the name of one of `known_architectures`.
        channels: after each step down; None takes those of the architecture.
        size: full width and height of the box [m].
        shape: cells in x and y; multiples of 2 to the power of the steps down.
        samples: beams to train on.
        steps: of the optimiser.
        batch: beams a step.
        rate: first learning rate; it falls to zero as a cosine.
        seed: of the beams, the first weights and the order of training.
        sizes, aspect, offset, particles, pipe: what the beams are drawn from; see
            `pyjutrack.surrogate.training.beams.Beams`.
    """

    architecture: str = "linear"
    channels: tuple[int, ...] | None = None
    size: tuple[float, float] = (0.02, 0.02)
    shape: tuple[int, int] = (128, 128)
    samples: int = 2000
    steps: int = 10_000
    batch: int = 16
    rate: float = 1e-2
    seed: int = 1
    sizes: tuple[float, float] = (0.03, 0.3)
    aspect: float = 5.0
    offset: float = 0.3
    particles: tuple[int, int] = (2_000, 100_000)
    pipe: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        require_known("architecture", self.architecture, known_architectures())
        for name in ("channels", "size", "shape", "sizes", "particles", "pipe"):
            value = getattr(self, name)
            pair = isinstance(value, (tuple, list, np.ndarray)) and np.ndim(value) == 1
            if value is not None and not pair:
                raise wrong(name, value, "a tuple of numbers")
            object.__setattr__(self, name, None if value is None else tuple(value))
        if self.channels is None:
            object.__setattr__(self, "channels", self._network.channels)
        assert self.channels is not None
        for name in ("samples", "steps", "batch"):
            require_whole(name, getattr(self, name), 1)
        if not is_whole(self.seed) or not 0 <= self.seed < _SEEDS:
            raise InvalidValueError(f"a seed is a whole number from 0 to {_SEEDS - 1}: {self.seed}")
        require_real("the learning rate", self.rate, above=0)
        grid = self.beams.grid
        if HELD_OUT_SEED in (self.seed, self.watched_seed):
            raise InvalidValueError(
                f"seed {self.seed} would show training the held-out beams; take another"
            )
        self._network.require(self.channels, grid.shape)

    @property
    def _network(self) -> Architecture:
        return known_architectures()[self.architecture]

    @property
    def beams(self) -> Beams:
        """The family from which beams are drawn."""
        drawn = {f.name: getattr(self, f.name) for f in dataclasses.fields(Beams)[1:]}
        return Beams(Grid(self.size, self.shape), **drawn)

    @property
    def watched_seed(self) -> int:
        """Seed of the beams on which the error is watched during training."""
        return self.seed + 1

    def build(self, standard: Standardisation) -> Network:
        """The network before training, with its units of input and output as a `standard`."""
        assert self.channels is not None
        return self._network.build(self.channels, standard, self.seed)

    def pose(
        self, teacher: Potential | None, device: torch.device, drawn: Callable[[], object]
    ) -> Problem[Surrogate]:
        """Pose what `train` is to fit.

        Args:
            teacher: what the network is to be like; None where the recipe has its own.
            device: on which it trains.
            drawn: called at each sample that has been drawn, for progress.
        """
        return fields.pose(self, teacher, device, drawn)

    def record(self) -> dict[str, Any]:
        """Return the recipe as plain data."""
        return dataclasses.asdict(self)

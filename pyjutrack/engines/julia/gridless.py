"""JuTrack's own space charge as a kick: a sine sum over the particles, without a grid."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from ...beam.beam import Beam
from ...collective.base import CollectiveEffect, Place
from ...collective.intensity import require_current
from ...collective.space_charge import check_settings
from ...core.digits import tell_apart
from ...core.errors import InvalidValueError
from ...core.scalars import Number, to_float
from ...maps.state import State


@dataclass(frozen=True)
class JuTrackSpaceCharge(CollectiveEffect):
    """The gridless space charge of JuTrack, for the julia engine alone.

    The walls of its conducting box stand where the particles do: the box begins at the least x and
    the least y of the beam, and is `size` wide; what lies beyond is lost. So a beam in the middle
    of `SpectralPoisson`'s box lies in a corner of this one, and the fields differ by their images.

    Attributes:
        size: width and height of the box [m].
        modes: numbers of sine modes in x and y.
        max_step: longest slice between kicks [m], as for `SpaceCharge`.
        perveance_scale: factor on the perveance; 1 is physical.

    Source: J. Qiang, PRAB 26 (2023) 024601; JuTrack's `compute_delta_pxy!`.
    """

    size: tuple[float, float] = (0.02, 0.02)
    modes: tuple[int, int] = (12, 12)
    max_step: float | Mapping[str, float] = 0.05
    perveance_scale: Number = 1.0

    def __post_init__(self) -> None:
        if len(self.size) != 2 or not all(math.isfinite(s) and s > 0 for s in self.size):
            raise InvalidValueError(f"the box must have positive finite sides, got {self.size} m")
        integers = all(isinstance(m, (int, np.integer)) for m in self.modes)
        if len(self.modes) != 2 or not integers or min(self.modes) < 1:
            raise InvalidValueError(f"modes must be two integers from 1 on, got {self.modes}")
        object.__setattr__(self, "size", tuple(float(s) for s in self.size))
        object.__setattr__(self, "modes", tuple(int(m) for m in self.modes))
        check_settings(self.max_step, to_float(self.perveance_scale))

    def check(self, beam: Beam) -> None:
        """Raise for a beam without a current, or one that is larger than the box."""
        require_current(beam, self)
        for name, side in zip("xy", self.size, strict=True):
            u = beam.coordinate(name).detach()[beam.alive]
            extent = float(u.max() - u.min())
            if extent > side:
                long, box = tell_apart(extent, side, digits=3)
                raise InvalidValueError(
                    f"the beam is {long} m long in {name} and the box {box} m; take a larger box"
                )

    def admit(self, state: State) -> State:
        """Raise: the julia engine alone does this."""
        self._refuse()

    def field(self, beam: Beam, state: State, place: Place, memory: Any) -> Any:
        """Raise: the julia engine alone does this."""
        self._refuse()

    def apply(self, state: State, field: Any, place: Place) -> State:
        """Raise: the julia engine alone does this."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise InvalidValueError(
            'JuTrackSpaceCharge is JuTrack\'s own: track with engine="julia", or take '
            "SpaceCharge, which every engine knows"
        )

"""Corrector dipoles."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ..beam.reference import Reference
from ..core.scalars import Number, is_zero
from ..maps.state import State
from .drift_kick import drift_and_kick
from .glyph import Glyph
from .magnet import Magnet
from .part import Part


@dataclass(frozen=True, repr=False)
class Kicker(Magnet):
    """Corrector dipole, thin unless it has a length.

    Attributes:
        length: [m].
        hkick, vkick: change of px and of py [rad].

    Example:
        >>> pj.Kicker(hkick=1e-4, name="ch1")
    """

    length: Number = 0.0
    hkick: Number = field(default=0.0, kw_only=True)
    vkick: Number = field(default=0.0, kw_only=True)
    knobs: ClassVar[tuple[str, ...]] = ("length", "hkick", "vkick", "knl", "ksl")
    strengths: ClassVar[tuple[str, ...]] = ("hkick", "vkick")
    glyph: ClassVar[Glyph] = Glyph(
        "corrector", "#CC79A7", (((0, 0), (0.5, 0.5), (1, 0)), ((0.5, 0), (0.5, 0.5)))
    )

    @property
    def own_multipoles(self) -> tuple[tuple[Number, ...], tuple[Number, ...]]:
        if is_zero(self.length):
            return (), ()
        return (-self.hkick / self.length,), (self.vkick / self.length,)

    def transport(self, state: State, reference: Reference, part: Part) -> State:
        normal, skew = (-self.hkick,), (self.vkick,)
        return drift_and_kick(self, normal, skew, state, reference, part)

"""Thin bends."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

from .. import maps
from ..beam.reference import Reference
from ..core.scalars import Number, is_zero, vanishes
from ..maps.state import State
from .base import Element
from .glyph import Glyph, box
from .part import Part


@dataclass(frozen=True, repr=False)
class ThinBend(Element):
    """Bend of no length: a kick by multipoles at which the reference orbit turns.

    H = -angle x (1 + delta) + Re sum_n (k_n + i ks_n) (x + i y)^(n+1) / (n+1)!
    + h k_0 x^2 / 2 + h k_1 (2 x^3 - 3 x y^2) / 6, with k_0 = angle + knl[0]: the field is that of
    the reference orbit, and knl what is beside it. It is a MAD multipole of knl[0] = angle, whose
    lrad = angle / h, and an Xsuite multipole of hxl = angle and length = angle / h.
    Source: the paraxial Hamiltonian of a bend, MAD-8 Physical Methods Manual, eq. 5.15.

    Attributes:
        angle: by which the reference orbit turns [rad], positive towards negative x.
        h: curvature of the arc that it stands for [1/m], whose weak focusing it has; none at 0.
        knl, ksl: integrated normal and skew multipoles beside the dipole, MAD's convention
            [rad, 1/m, ...].
    """

    angle: Number = 0.0
    h: Number = field(default=0.0, kw_only=True)
    knl: tuple[Number, ...] = field(default=(), kw_only=True)
    ksl: tuple[Number, ...] = field(default=(), kw_only=True)
    merges: ClassVar[bool] = True
    knobs: ClassVar[tuple[str, ...]] = ("angle", "h", "knl", "ksl")
    series: ClassVar[tuple[str, ...]] = ("knl", "ksl")
    glyph: ClassVar[Glyph] = Glyph("thin bend", "#0072B2", box(-0.6, 0.6))

    @property
    def bend_angle(self) -> Number:
        return self.angle

    @property
    def arc_length(self) -> Number:
        return 0.0 if vanishes(self.h) else self.angle / self.h

    @property
    def curvature(self) -> Number:
        return self.h

    @property
    def normal_dipole(self) -> Number:
        return self._per_length(self.angle + self._normal(0))

    @property
    def normal_gradient(self) -> Number:
        return self._per_length(self._normal(1))

    @property
    def multipoles(self) -> tuple[tuple[Number, ...], tuple[Number, ...]]:
        normal, skew = (tuple(map(self._per_length, s)) for s in (self.knl, self.ksl))
        return (self.normal_dipole, *normal[1:]), skew

    def with_field(self, factor: Number) -> Element:
        knl, ksl = (tuple(k * factor for k in s) for s in (self.knl, self.ksl))
        dipole = (self.angle + self._normal(0)) * factor - self.angle
        return replace(self, knl=(dipole, *knl[1:]), ksl=ksl)

    def transport(self, state: State, reference: Reference, part: Part) -> State:
        angle, dipole = (part.fraction * k for k in (self.angle, self.angle + self._normal(0)))
        state = state.apply(maps.bend_kick, angle, dipole, self.h * dipole)
        normal, skew = (tuple(k * part.fraction for k in s) for s in (self.knl, self.ksl))
        normal = (0.0, *normal[1:])
        if not all(map(is_zero, (*normal, *skew))):
            state = state.apply(maps.multipole_kick, normal, skew)
        gradient = self._normal(1) * part.fraction
        if is_zero(gradient) or is_zero(self.h):
            return state
        return state.apply(maps.curved_quadrupole_kick, self.h * gradient)

    def _normal(self, order: int) -> Number:
        """An entry of knl, 0 beyond its end."""
        return self.knl[order] if order < len(self.knl) else 0.0

    def _per_length(self, strength: Number) -> Number:
        """A strength over the length of the arc; 0 over none."""
        return 0.0 if vanishes(self.arc_length) else strength / self.arc_length

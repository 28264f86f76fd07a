"""Edges of dipoles that stand by themselves."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import ClassVar

from .. import maps
from ..beam.reference import Reference
from ..core.scalars import Number
from ..maps.state import State
from .base import Element
from .glyph import Glyph, box
from .part import Part


@dataclass(frozen=True, repr=False)
class DipoleEdge(Element):
    """Edge of a dipole as a thin lens, beside a body without that edge.

    px grows by h tan(e1) x, and py by -h tan(e1 - psi) y with
    psi = 2 fint hgap h (1 + sin(e1)^2) / cos(e1), at the entrance as at the exit: MAD's DIPEDGE and
    the linear model of Xsuite's DipoleEdge. Source: K. Brown, SLAC-75 (1982).

    Attributes:
        h: field of the dipole over B rho [1/m].
        e1: angle of the face [rad]; positive ones defocus x where h is positive.
        fint: field integral of the fringe. hgap: half gap [m].
    """

    h: Number = 0.0
    e1: Number = 0.0
    fint: Number = field(default=0.0, kw_only=True)
    hgap: Number = field(default=0.0, kw_only=True)
    merges: ClassVar[bool] = True
    knobs: ClassVar[tuple[str, ...]] = ("h", "e1", "fint", "hgap")
    glyph: ClassVar[Glyph] = Glyph("dipole edge", "#7FB5D6", box(-0.45, 0.45))

    @property
    def normal_dipole(self) -> Number:
        return self.h

    @property
    def face_angles(self) -> tuple[Number, Number]:
        return self.e1, 0.0

    @property
    def transmits_all(self) -> bool:
        return not self.is_displaced

    def with_field(self, factor: Number) -> Element:
        return replace(self, h=self.h * factor)

    def transport(self, state: State, reference: Reference, part: Part) -> State:
        # a part of the kick, by the angle of the whole
        field, fint = self.h * part.fraction, self.fint / part.fraction
        return state.apply(maps.edge_linear, self.e1, field, fint, self.hgap)

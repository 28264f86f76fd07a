"""Kicks by a short opposing beam."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ... import maps
from ...beam.reference import Reference
from ...core.checks import require_real, wrong
from ...core.one_by_one import check_each
from ...core.scalars import Number, to_float
from ...core.storage import storable
from ...elements.inverse import Operation
from .opposing import OpposingBeam, check_numbers, strength_of

_NUMBERS, _SIZES = ("charge", "x", "y"), ("sigma_x", "sigma_y")


@storable
@dataclass(frozen=True)
class BeamBeam2D(OpposingBeam):
    """Kicks by an opposing Gaussian bunch that is short, at elements of a name.

    px and py change by minus the derivatives of strength H, H -> -ln r the potential of a Gaussian
    of these moments about the centre, and strength = q Q (1 + beta0 beta) / ((beta0 + beta) 2 pi
    eps0 P0 c): charges of one sign repel. Right at any ratio of the sizes and any distance. The
    bunch is given, and feels nothing (weak-strong); kicks do not depend on the beam's intensity.

    Attributes:
        at: name of the elements, thin or thick, at whose centre it acts.
        charge: of the bunch Q [C], with its sign: -1.6e-9 for 1e10 electrons.
        sigma_x, sigma_y: rms sizes [m].
        x, y: its centre, from the reference orbit [m].
        correlation: of x and y, between -1 and 1.
        beta: its velocity over c.

    Raises:
        InvalidValueError: any of these is not so.

    Example:
        >>> pj.collective.BeamBeam2D("ip1", -1.6e-9, sigma_x=2e-5, sigma_y=1e-5)

    Source: M. Bassetti, G. Erskine, CERN-ISR-TH/80-06 (1980).
    """

    one_by_one: ClassVar[tuple[str, ...]] = (*_NUMBERS, *_SIZES, "correlation", "beta")

    at: str
    charge: Number
    sigma_x: Number
    sigma_y: Number
    x: Number = 0.0
    y: Number = 0.0
    correlation: Number = 0.0
    beta: Number = 1.0

    @check_each
    def __post_init__(self) -> None:
        numbers, sizes = ({n: getattr(self, n) for n in names} for names in (_NUMBERS, _SIZES))
        check_numbers(self.at, numbers, sizes)
        require_real("correlation", self.correlation)
        if not abs(to_float(self.correlation)) < 1:
            raise wrong("correlation", self.correlation, "between -1 and 1, ends not included")
        require_real("beta", self.beta, least=0)
        if not to_float(self.beta) <= 1:
            raise wrong("beta", self.beta, "a velocity over c, from 0 to 1")

    def maps(self, reference: Reference) -> list[Operation]:
        """The kick, for a reference particle."""
        ours, theirs = reference.beta, self.beta
        strength = strength_of(self.charge, reference) * (1 + ours * theirs) / (ours + theirs)
        sx, sy = self.sigma_x, self.sigma_y
        moments = sx * sx, self.correlation * sx * sy, sy * sy
        return [(maps.gaussian_kick, (strength, self.x, self.y, *moments))]

"""Bending magnets: dipoles that carry the reference orbit, with or without gradients."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ..core.errors import InvalidValueError
from ..core.scalars import Number, carries, detached
from .magnets import Magnet


@dataclass(frozen=True, repr=False)
class Bend(Magnet):
    """What sector and rectangular bends share.

    The reference orbit is an arc of curvature h = angle / length; positive angles bend towards
    negative x. The field is k0 = h + dk0, and multipoles stand in the curved frame of the orbit.

    Attributes:
        length: of the arc [m].
        angle: [rad].
        k1, k2: normal gradient and sextupole [1/m^2, 1/m^3].
        dk0: field beyond that of the reference orbit [1/m].
        e1, e2: rotations of the entrance and exit face [rad], as in MAD: positive ones turn the
            face so that the magnet is longer on the inside for sector bends; they count from the
            sector's faces (SBend) or from those of a straight magnet (RBend).
        fint, fintx: field integrals of the entrance and exit fringe; hgap: half gap [m].
        model: "exact", "paraxial", or "linear", the exact solution of the paraxial Hamiltonian. The
            linear part of "exact" and "linear" is exact, whatever the steps, but for a skew
            gradient in ksl, which is kicked; "paraxial" kicks by all gradients and the curvature.
        edges: "exact" rotates into the face and adds the hard-edge fringe, "linear" is a thin
            lens, "none" leaves them out; "auto" takes "exact" where the model is that, else
            "linear".
        order, steps: of the integrator; used where there is more than the dipole (or, in the
            model "linear", more than dipole and gradient).
    """

    length: Number
    angle: Number = 0.0
    k1: Number = field(default=0.0, kw_only=True)
    k2: Number = field(default=0.0, kw_only=True)
    dk0: Number = field(default=0.0, kw_only=True)
    e1: Number = field(default=0.0, kw_only=True)
    e2: Number = field(default=0.0, kw_only=True)
    fint: Number = field(default=0.0, kw_only=True)
    fintx: Number = field(default=0.0, kw_only=True)
    hgap: Number = field(default=0.0, kw_only=True)
    edges: str = field(default="auto", kw_only=True)
    abstract: ClassVar[bool] = True
    fewest: ClassVar[int] = 4
    knobs: ClassVar[tuple[str, ...]] = (
        *("length", "angle", "k1", "k2", "dk0", "e1", "e2", "fint", "fintx", "hgap"),
        *("knl", "ksl"),
    )
    choices: ClassVar[dict[str, tuple[str, ...]]] = {
        "model": ("exact", "paraxial", "linear"),
        "edges": ("auto", "exact", "linear", "none"),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if detached(self.length) == 0 and carries(self.angle):
            raise InvalidValueError(
                f"{self._label()} has no length, and so no slope by its angle; give it one, or "
                "vary the dipole of a thin Multipole(knl=(angle,))"
            )
        if detached(self.length) == 0 and detached(self.angle) != 0:
            raise InvalidValueError(
                f"{self._label()} bends by {detached(self.angle):g} rad over no length; give it a "
                "length, or kick with a thin Multipole(knl=(angle,))"
            )


@dataclass(frozen=True, repr=False)
class SBend(Bend):
    """Sector bend: without e1 and e2 the faces are square to the reference orbit."""

    abstract: ClassVar[bool] = False


@dataclass(frozen=True, repr=False)
class RBend(Bend):
    """Rectangular bend: without e1 and e2 the faces are parallel to each other.

    The length is that of the arc (MAD's RBEND counts the chord unless RBARC is off). The body is
    that of a sector bend between faces turned by half the angle.
    """

    abstract: ClassVar[bool] = False


def faces(bend: Bend) -> tuple[Number, Number]:
    """Angles of the entrance and exit face against the square to the orbit [rad]."""
    half = bend.angle / 2 if isinstance(bend, RBend) else 0.0
    return bend.e1 + half, bend.e2 + half

"""Straight magnets: quadrupoles, higher multipoles, correctors, solenoids."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from ..core.errors import InvalidValueError
from ..core.scalars import Number, is_real, is_whole
from .base import Element

#: orders of the symplectic integrators
ORDERS = (2, 4, 6)


@dataclass(frozen=True, repr=False, kw_only=True)
class Magnet(Element):
    """A magnet whose field is a series of multipoles, and how it is integrated.

    Between the kicks of what the model cannot solve in one piece, particles move freely: in the
    model "exact" by the square-root Hamiltonian, in "paraxial" by its expansion, in "linear" by
    the exact solution of the expansion with the gradient in it. A slice with nothing to kick is
    one map.

    Attributes:
        knl, ksl: integrated normal and skew multipoles beside the magnet's own, as errors or
            correctors: (k0 L, k1 L, ...), MAD's convention [rad, 1/m, ...].
        model: "exact", "paraxial" or, where the kind has one, "linear".
        order: of the symplectic integrator, 2, 4 or 6.
        steps: of the integrator, per slice. None takes `fewest`, and more where kicks make a
            gradient: so many that they meet it to some 1e-8 of itself, and with it the tunes to
            1e-6 in rings of natural chromaticities up to 100.
    """

    knl: tuple[Number, ...] = ()
    ksl: tuple[Number, ...] = ()
    model: str = "exact"
    order: int = 4
    steps: int | None = None
    abstract: ClassVar[bool] = True
    fewest: ClassVar[int] = 1
    series: ClassVar[tuple[str, ...]] = ("knl", "ksl")
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"model": ("exact", "paraxial")}

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.steps is not None and not (is_whole(self.steps) and self.steps >= 1):
            raise InvalidValueError(
                f"{self._label()}: steps must be a positive integer or None, got {self.steps!r}"
            )
        if not is_real(self.order) or self.order not in ORDERS:
            raise InvalidValueError(
                f"{self._label()}: order of the integrator must be 2, 4 or 6, got {self.order!r}"
            )


@dataclass(frozen=True, repr=False)
class Quadrupole(Magnet):
    """Quadrupole with hard edges and no fringe.

    Attributes:
        length: [m].
        k1: normalised gradient (1/B rho) dB_y/dx [1/m^2]; positive focuses x, whatever the charge.
        k1s: skew gradient [1/m^2].
        model: "linear" is the exact solution of the paraxial Hamiltonian, chromatic in delta, with
            the skew gradient and those of knl and ksl in it; "exact" and "paraxial" are
            integrated.
    """

    length: Number
    k1: Number = 0.0
    k1s: Number = field(default=0.0, kw_only=True)
    model: str = field(default="linear", kw_only=True)
    abstract: ClassVar[bool] = False
    fewest: ClassVar[int] = 4
    knobs: ClassVar[tuple[str, ...]] = ("length", "k1", "k1s", "knl", "ksl")
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"model": ("linear", "exact", "paraxial")}


@dataclass(frozen=True, repr=False)
class Sextupole(Magnet):
    """Sextupole with hard edges and no fringe.

    Attributes:
        length: [m].
        k2, k2s: normal and skew strength (1/B rho) d^2B_y/dx^2 [1/m^3].
    """

    length: Number
    k2: Number = 0.0
    k2s: Number = field(default=0.0, kw_only=True)
    abstract: ClassVar[bool] = False
    knobs: ClassVar[tuple[str, ...]] = ("length", "k2", "k2s", "knl", "ksl")


@dataclass(frozen=True, repr=False)
class Octupole(Magnet):
    """Octupole with hard edges and no fringe.

    Attributes:
        length: [m].
        k3, k3s: normal and skew strength (1/B rho) d^3B_y/dx^3 [1/m^4].
    """

    length: Number
    k3: Number = 0.0
    k3s: Number = field(default=0.0, kw_only=True)
    abstract: ClassVar[bool] = False
    knobs: ClassVar[tuple[str, ...]] = ("length", "k3", "k3s", "knl", "ksl")


@dataclass(frozen=True, repr=False)
class Multipole(Magnet):
    """Multipole of any order, thin unless it has a length.

    Attributes:
        length: over which the strengths are spread [m].
        knl: normal integrated strengths (k0 L, k1 L, ...), MAD's convention [rad, 1/m, ...]. The
            dipole kicks the beam and does not bend the reference orbit.
        ksl: skew integrated strengths.
    """

    knl: tuple[Number, ...] = ()
    ksl: tuple[Number, ...] = ()
    abstract: ClassVar[bool] = False
    knobs: ClassVar[tuple[str, ...]] = ("length", "knl", "ksl")


@dataclass(frozen=True, repr=False)
class Kicker(Magnet):
    """Corrector dipole, thin unless it has a length.

    Attributes:
        length: [m].
        hkick, vkick: change of px and of py [rad].
    """

    length: Number = 0.0
    hkick: Number = field(default=0.0, kw_only=True)
    vkick: Number = field(default=0.0, kw_only=True)
    abstract: ClassVar[bool] = False
    knobs: ClassVar[tuple[str, ...]] = ("length", "hkick", "vkick", "knl", "ksl")


@dataclass(frozen=True, repr=False)
class Solenoid(Element):
    """Solenoid with hard edges: the exact map, its fringes included.

    Attributes:
        length: [m].
        ks: normalised field B_s / (B rho) [1/m].
    """

    length: Number
    ks: Number = 0.0
    abstract: ClassVar[bool] = False
    knobs: ClassVar[tuple[str, ...]] = ("length", "ks")

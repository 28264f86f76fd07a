"""The base of magnets: multipoles beside their own, a model, an integrator."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ..core.errors import InvalidValueError
from ..core.scalars import Number, is_real, is_whole, is_zero
from .base import Element

Series = tuple[Number, ...]

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
    merges: ClassVar[bool] = True
    abstract: ClassVar[bool] = True
    fewest: ClassVar[int] = 1
    series: ClassVar[tuple[str, ...]] = ("knl", "ksl")
    #: parameters beside these that its field is proportional to
    strengths: ClassVar[tuple[str, ...]] = ()
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

    @property
    def own_multipoles(self) -> tuple[Series, Series]:
        """Those beside knl and ksl, per length; see `multipoles`."""
        return (self.normal_dipole, self.normal_gradient), ()

    @property
    def multipoles(self) -> tuple[Series, Series]:
        normal, skew = self.own_multipoles
        if is_zero(self.length):
            return normal, skew
        knl, ksl = (tuple(_per(k, self.length) for k in s) for s in (self.knl, self.ksl))
        return add_series(normal, knl), add_series(skew, ksl)

    def with_field(self, factor: Number) -> Element:
        changed: dict[str, Any] = {name: getattr(self, name) * factor for name in self.strengths}
        for name in ("knl", "ksl"):
            changed[name] = tuple(k * factor for k in getattr(self, name))
        return replace(self, **changed)


def add_series(a: Series, b: Series) -> Series:
    """The sum of two series, the shorter one continued by zeros."""
    if len(a) < len(b):
        a, b = b, a
    return (*(p + q for p, q in zip(a, b, strict=False)), *a[len(b) :])


def _per(strength: Number, length: Number) -> Number:
    """A strength per length; a zero stays a plain zero."""
    return strength if is_zero(strength) else strength / length

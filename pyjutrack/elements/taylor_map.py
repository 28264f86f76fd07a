"""Elements given by the Taylor series of their map."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from .. import maps
from ..beam.reference import Reference
from ..core.checks import require_setting
from ..core.errors import InvalidValueError
from ..core.scalars import Number, carries, to_float
from ..core.symplectic import FORM
from ..maps.state import State
from ..maps.taylor import PAIRS
from .base import Element
from .glyph import Glyph, box
from .part import WHOLE, Part

IDENTITY = tuple(float(i == j) for i in range(6) for j in range(6))
_SHAPES: dict[str, tuple[tuple[int, ...], ...]] = {
    "kick": ((6,),),
    "matrix": ((36,), (6, 6)),
    "second": ((0,), (216,), (6, 6, 6)),
}
#: beyond this condition number the matrix has no inverse to rounding
_SINGULAR = 1e9
#: relative difference up to which two momenta are one
_SAME_MOMENTUM = 1e-9
#: by which the matrices of files, with some nine digits, may miss to be symplectic
_SYMPLECTIC = 1e-7


@dataclass(frozen=True, repr=False)
class TaylorMap(Element):
    """A map by its Taylor series to second order, about the reference particle.

    u_i becomes kick_i + sum_j R_ij u_j + sum_jk T_ijk u_j u_k, all of it: a length adds to s alone.
    The matrix need not be symplectic, see `is_symplectic`; a series to second order is so to that
    order only. It cannot be cut: effects along its length act before and after it.

    Attributes:
        matrix: R, (6, 6), or its 36 entries row by row: R_ij is `matrix[6 (i - 1) + j - 1]`, the
            address of a knob as of "m.matrix[5]"; the identity by default.
        kick: (6,).
        second: T, (6, 6, 6), or its 216 entries: T_ijk is `second[36 (i - 1) + 6 (j - 1) + k - 1]`;
            none by default.
        length: along s [m].
        variables: u. "z delta" is (x, px, y, py, z, delta) as elsewhere in this package, and of
            Bmad's Taylor maps; "t pt" ends in t = -c (time after the reference) [m] and
            pt = (E - E0) / (p0 c), of MAD-X's MATRIX and Xsuite's FirstOrderTaylorMap;
            "zeta pzeta" in beta0 t and pt / beta0, of Xsuite's SecondOrderTaylorMap. Particles
            are converted exactly, before the series and after it.
        made_at: the momentum p0c of the reference [eV] for which the map stands for elements that
            it replaced, as of `Lattice.merged`, and that alone: another one, derivatives by it, and
            effects along the length are refused. None, of what is a map by itself.

    Raises:
        InvalidValueError: a series of another number of entries, or of another shape; `made_at` is
            no momentum; in tracking, what `made_at` does not allow.

    Example:
        >>> doubled = np.diag([2, 0.5, 1, 1, 1, 1])
        >>> TaylorMap(doubled, name="telescope")
    """

    matrix: tuple[Number, ...] = IDENTITY
    kick: tuple[Number, ...] = field(default=(0.0,) * 6, kw_only=True)
    second: tuple[Number, ...] = field(default=(), kw_only=True)
    variables: str = field(default="z delta", kw_only=True)
    made_at: float | None = field(default=None, kw_only=True)
    merges: ClassVar[bool] = True
    knobs: ClassVar[tuple[str, ...]] = ("length", "kick", "matrix", "second")
    series: ClassVar[tuple[str, ...]] = ("kick", "matrix", "second")
    fixed_series: ClassVar[tuple[str, ...]] = series
    choices: ClassVar[dict[str, tuple[str, ...]]] = {"variables": ("z delta", "t pt", "zeta pzeta")}
    glyph: ClassVar[Glyph] = Glyph("map", "#7f7f7f", box(-0.3, 0.3))

    def __post_init__(self) -> None:
        for name, shapes in _SHAPES.items():
            given = getattr(self, name)
            sizes = dict.fromkeys(map(math.prod, shapes))
            if isinstance(given, tuple) and len(given) in sizes:
                continue  # entries in their order, each a number or settings of it
            values = tuple(_flatten(given))
            if len(values) not in sizes:
                raise InvalidValueError(
                    f"{self._label()}: {name} must have {' or '.join(map(str, sizes))} entries, "
                    f"got {len(values)}"
                )
            if _shape(given) not in shapes:
                raise InvalidValueError(
                    f"{self._label()}: {name} must have the shape {' or '.join(map(str, shapes))}, "
                    f"got {_shape(given)}; give its entries in their order"
                )
            object.__setattr__(self, name, values)
        super().__post_init__()
        if self.made_at is not None:
            require_setting(f"{self._label()}: made_at", self.made_at, above=0)

    @property
    def is_symplectic(self) -> bool:
        if self.second:
            return False
        r = self._numbers_of_matrix()
        return bool(np.abs(r.T @ FORM @ r - FORM).max() < _SYMPLECTIC)

    def without_rf(self) -> Element:
        """The map without what depends on the time, and without what changes the energy."""
        still: dict[str, Any] = {"kick": (*self.kick[:5], 0.0)}
        still["matrix"] = tuple(
            IDENTITY[6 * i + j] if i == 5 or (j == 4) else self.matrix[6 * i + j]
            for i, j in itertools.product(range(6), repeat=2)
        )
        if self.second:
            still["second"] = tuple(
                0.0 if i == 5 or 4 in (j, k) else self.second[36 * i + 6 * j + k]
                for i, j, k in itertools.product(range(6), repeat=3)
            )
        return replace(self, **still)

    def transport(self, state: State, reference: Reference, part: Part) -> State:
        self.require_place(reference, part)
        if not part.start < 0.5 <= part.stop:
            return state
        rows = tuple(self.matrix[6 * i : 6 * i + 6] for i in range(6))
        series: tuple[Any, ...] = self.kick, rows
        linear = not self.second and self._is_invertible
        if not linear:
            series = *series, self._pairs
        if self.variables == "z delta":
            return state.apply(maps.linear_map if linear else maps.quadratic_map, *series)
        scale = 1.0 if self.variables == "t pt" else reference.beta
        time = maps.linear_map_in_time if linear else maps.quadratic_map_in_time
        return state.apply(time, *series, 1 / reference.beta_gamma, scale)

    def require_place(self, reference: Reference, part: Part) -> None:
        """Raise InvalidValueError where the map does not stand for the elements it replaced.

        That is for another reference than it was made at, and for a part of it, not the whole.
        """
        if self.made_at is None:
            return
        what = f"{self._label()} stands for elements merged at p0c = {self.made_at:.9g} eV"
        if part != WHOLE:
            raise InvalidValueError(
                f"{what}, and an effect would act within it; merge with those that you track with: "
                "lattice.merged(reference, effects=effects)"
            )
        p0c = reference.p0c
        if carries(p0c):
            raise InvalidValueError(
                f"{what}, and derivatives by the momentum of the reference are asked for; merge "
                "with this reference: lattice.merged(beam.reference)"
            )
        if not math.isclose(to_float(p0c), self.made_at, rel_tol=_SAME_MOMENTUM):
            raise InvalidValueError(
                f"{what}, and the reference has {to_float(p0c):.9g} eV here; merge with the "
                "reference of the beam: lattice.merged(beam.reference)"
            )

    @property
    def _pairs(self) -> tuple[tuple[Number, ...], ...]:
        """T by `PAIRS`, (6, 21): both orders of two different coordinates together."""
        t = self.second or (0.0,) * 216
        return tuple(
            tuple(
                t[36 * i + 7 * j] if j == k else t[36 * i + 6 * j + k] + t[36 * i + 6 * k + j]
                for j, k in PAIRS
            )
            for i in range(6)
        )

    @property
    def _is_invertible(self) -> bool:
        """True if the matrix has an inverse to rounding; False where a transform hides it."""
        if any(isinstance(entry, Tensor) and entry.dim() for entry in self.matrix):
            return True  # columns of them, which nothing inverts
        try:
            condition = np.linalg.cond(self._numbers_of_matrix())
        except InvalidValueError:
            return False
        return bool(condition < _SINGULAR)

    def _numbers_of_matrix(self) -> np.ndarray:
        return np.array([to_float(entry) for entry in self.matrix]).reshape(6, 6)


def _shape(values: Any) -> tuple[int, ...]:
    """The shape of nested sequences, arrays and tensors, to where their rows differ."""
    if isinstance(values, (Tensor, np.ndarray)):
        return tuple(values.shape)
    if not isinstance(values, (list, tuple)):
        return ()
    rows = {_shape(row) for row in values}
    return (len(values), *(rows.pop() if len(rows) == 1 else ()))


def _flatten(values: Any) -> Iterator[Any]:
    """Entries of nested sequences, arrays and tensors."""
    if isinstance(values, Tensor) and values.dim():
        yield from values.reshape(-1).unbind(0)
    elif isinstance(values, np.ndarray):
        yield from values.reshape(-1).tolist()
    elif isinstance(values, (list, tuple)):
        for value in values:
            yield from _flatten(value)
    else:
        yield values

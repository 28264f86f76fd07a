"""Optics as data: at one place, and along a lattice."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from torch import Tensor

from ..core import display
from ..core.checks import require_kind, require_real, wrong
from ..core.errors import InvalidValueError, ManySettingsError, MissingPackageError, unknown
from ..core.scalars import Number, carries, is_whole
from ..core.settings import show


@dataclass(frozen=True)
class Twiss:
    """Courant-Snyder functions and dispersion at one place: floats, or 0-d tensors.

    Arrays of many settings of a lattice.

    Attributes:
        beta_x, beta_y: [m]. alpha_x, alpha_y: dimensionless. tune_x, tune_y: fractions in (0, 1).
        dispersion_x, dispersion_y: d/d(delta) of the orbit [m].
        dispersion_px, dispersion_py: of its momenta.
    """

    beta_x: Number
    alpha_x: Number
    beta_y: Number
    alpha_y: Number
    tune_x: Number = float("nan")
    tune_y: Number = float("nan")
    dispersion_x: Number = 0.0
    dispersion_px: Number = 0.0
    dispersion_y: Number = 0.0
    dispersion_py: Number = 0.0

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            unknown_tune = isinstance(value, float) and math.isnan(value)
            if isinstance(value, np.ndarray):
                good = value.dtype.kind == "f" and bool(np.isfinite(value).all())
                if not good:
                    raise wrong(f"{field.name} of a Twiss", value, "finite numbers")
            elif not (field.name.startswith("tune") and unknown_tune):
                require_real(f"{field.name} of a Twiss", value)


def require_twiss(argument: str, value: Any, remedy: str) -> None:
    """Twiss functions of one setting.

    Raises:
        InvalidValueError: no Twiss. ManySettingsError: of many settings.
    """
    require_kind(argument, value, Twiss, "a Twiss", remedy)
    shapes = (np.shape(value.beta_x), np.shape(value.beta_y))
    if shape := max(shapes, key=len):
        raise ManySettingsError(
            f"{argument} holds functions of {shape} settings, and one is needed; take one after "
            "another, each from the lattice of one setting"
        )


#: columns of a table that are numbers, and so of its files
COLUMNS = (
    *("s", "beta_x", "alpha_x", "beta_y", "alpha_y", "phase_x", "phase_y", "beta_x2", "beta_y1"),
    *("dispersion_x", "dispersion_px", "dispersion_y", "dispersion_py"),
)
_ORBIT = ("x", "px", "y", "py", "z", "delta")


@dataclass(frozen=True, eq=False, repr=False)
class TwissTable:
    """Optics along a lattice: row i at the entrance of element i of N, the last row at the end.

    Made with a `max_step`, it has more rows within elements, of their names: N counts these too.
    Columns are NumPy arrays from `twiss_table`, tensors that carry derivatives from
    `linear_optics`.

    Attributes:
        names, kinds: of the elements; "end" and "" in the last row. (N + 1,)
        s: [m].
        beta_x, beta_y: of the mode next to x in x, and of the other in y [m]; without coupling the
            Courant-Snyder functions. alpha_x, alpha_y: -(slope of them) / 2, likewise.
        beta_x2, beta_y1: of the other mode in x and of the first in y [m]; zero without coupling.
        phase_x, phase_y: of both modes from the start [2 pi].
        dispersion_x, dispersion_px, dispersion_y, dispersion_py: d/d(delta) of the closed orbit, by
            the delta at the place, where a line accelerates.
        orbit: the closed orbit, (N + 1, 6).
        tune_x, tune_y: integer part included.
        matrix: of one turn about the orbit, (6, 6), where cavities count as drifts; or of the line,
            where those that focus or accelerate act at z = 0.
        momentum_compaction: relative change of the orbit's length by delta.
        slip_factor: momentum_compaction - 1 / gamma^2, from -dz/d(delta) over the length. Both are
            NaN of a line that accelerates.
        chromaticity_x, chromaticity_y: d(tune)/d(delta); None unless asked for by
            `chromatic=True`. `pj.optics.chromaticities` gives them alone.

    Source: F. Willeke, G. Ripken, Methods of beam optics, DESY 88-114, for the coupled functions.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    s: Any
    beta_x: Any
    alpha_x: Any
    beta_y: Any
    alpha_y: Any
    phase_x: Any
    phase_y: Any
    beta_x2: Any
    beta_y1: Any
    dispersion_x: Any
    dispersion_px: Any
    dispersion_y: Any
    dispersion_py: Any
    orbit: Any
    tune_x: Any
    tune_y: Any
    matrix: Any
    momentum_compaction: Any
    slip_factor: Any
    chromaticity_x: Any = None
    chromaticity_y: Any = None

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return (
            f"TwissTable({len(self)} places, {show(self.s[..., -1])} m; "
            f"tunes {show(self.tune_x)}, {show(self.tune_y)})"
        )

    @overload
    def __getitem__(self, place: int) -> Twiss: ...
    @overload
    def __getitem__(self, place: str) -> Any: ...
    def __getitem__(self, place: int | str) -> Any:
        """The functions at the entrance of an element, a Twiss; or a column, such as "beta_x".

        Args:
            place: number of the row, or the first of a name; or an attribute of the table.

        Floats, or tensors where those of the table carry derivatives.

        Raises:
            UnknownNameError, InvalidValueError: there is no such place.
            InvalidValueError: an element has the name of a column; `index` finds its number.
        """
        if isinstance(place, str) and place in _NAMES:
            if place in self.names:
                raise InvalidValueError(
                    f"{place!r} is a column, and an element is named so too; take "
                    f"table.{place}, or table[table.index({place!r})]"
                )
            return getattr(self, place)
        i = self.index(place)
        fields = [f.name for f in dataclasses.fields(Twiss)]
        tunes = {n: _number(getattr(self, n)) % 1 for n in ("tune_x", "tune_y")}
        rest = {n: _number(getattr(self, n)[..., i]) for n in fields if n not in tunes}
        return Twiss(**tunes, **rest)

    def index(self, place: int | str) -> int:
        """The row of a place; see `[]`."""
        if isinstance(place, str):
            if place not in self.names:
                places = dict.fromkeys(filter(None, self.names))
                raise unknown("place or column", place, [*places, *_NAMES])
            return self.names.index(place)
        if not is_whole(place):
            raise wrong("place", place, "a number or a name")
        if not -len(self) <= place < len(self):
            raise InvalidValueError(f"there are places 0 to {len(self) - 1}, got {place}")
        return place % len(self)

    def numpy(self) -> TwissTable:
        """The same with NumPy arrays and floats."""

        def plain(value: Any) -> Any:
            if not isinstance(value, Tensor):
                return value
            array = value.detach().numpy()
            return array if array.ndim else float(array)

        return TwissTable(*(plain(getattr(self, f.name)) for f in dataclasses.fields(self)))

    def pandas(self) -> Any:
        """A pandas frame of the columns and the orbit, a row for each place.

        Raises:
            MissingPackageError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise MissingPackageError(
                'a frame needs pandas: in a clone of pyjutrack, pip install ".[pandas]"'
            ) from error
        return pandas.DataFrame(self._columns())

    def csv(self) -> str:
        """Comma-separated values with a line of names, all digits kept."""
        columns = self._columns()
        rows = zip(*columns.values(), strict=True)
        lines = [",".join(columns), *(",".join(map(_cell, row)) for row in rows)]
        return "\n".join(lines) + "\n"

    def _columns(self) -> dict[str, Any]:
        table = self.numpy()
        if batch := np.shape(table.s)[:-1] or np.shape(table.beta_x)[:-1]:
            raise ManySettingsError(
                f"a frame or a file is of one setting, and there are {batch}; take one after "
                "another, each from the lattice of one setting"
            )
        found: dict[str, Any] = {"name": table.names, "kind": table.kinds}
        found |= {name: getattr(table, name) for name in COLUMNS}
        return found | dict(zip(_ORBIT, np.asarray(table.orbit).T, strict=True))

    def _repr_html_(self) -> str:
        return display.html(self)


def _number(value: Any) -> Any:
    """A float, an array of many settings, or the tensor itself where it carries derivatives."""
    if carries(value):
        return value
    return np.asarray(value) if np.ndim(value) else float(value)


def _cell(value: Any) -> str:
    if isinstance(value, str):
        quoted = value.replace('"', '""')
        return f'"{quoted}"' if any(c in value for c in ',"\n') else value
    return repr(float(value))


#: what `table["..."]` knows beside the names of elements
_NAMES = tuple(f.name for f in dataclasses.fields(TwissTable))

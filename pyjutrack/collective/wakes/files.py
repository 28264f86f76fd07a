"""Files of wakes: columns of times and components, as HEADTAIL and its successors have them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.checks import require_path, require_reals, require_texts
from ...core.errors import InvalidValueError, MeasurementError, require_known
from .components import COMPONENTS
from .table import WakeTable

#: bytes of a file
_BYTES = 256 * 2**20
_TIME, _SKIP, _NANO = "time", "-", 1e-9
#: names of the components in files, and those of PyHEADTAIL and xwakes
_NAMES = {name: name for name in COMPONENTS}
for _name in [name for name in COMPONENTS if " " in name]:
    _kind, _planes = _name.split()
    for _theirs in (_kind, _kind.replace("pole", "polar")):
        _NAMES[f"{_theirs}_{_planes}"] = _name
#: of one potential, so that of its two columns in files one is to be read
_SKEW = "quadrupole xy"
_NAMES |= {f"{kind}_yx": _SKEW for kind in ("quadrupole", "quadrupolar")}


def read_wakes(
    path: str | Path, columns: Sequence[str], *, start: Sequence[float] | None = None
) -> dict[str, WakeTable]:
    """Read the wakes of a file of columns of numbers, with "#" or "%" before remarks.

    Args:
        path: of the file. Times are in ns, longitudinal and constant wakes in V/pC, all others in
            V/(pC mm), positive where `Wake` has them positive.
        columns: what each column holds: "time", a component as of `Wake`, or as xwakes and
            PyHEADTAIL have them ("dipole_x", "dipolar_x"); "-" for one that is not wanted.
        start: W at t = 0 of each component, in the order of the columns [file's units], needed of a
            table that starts later.

    Returns:
        A `WakeTable` in SI units for each component, by its name in `Wake`.

    Raises:
        MeasurementError: the file cannot be read, or holds other columns; it names the line.
        InvalidValueError: columns without "time", or without a component.
        UnknownNameError: a component that is not known.

    Example:
        >>> tables = pj.collective.read_wakes("wake.dat", ["time", "longitudinal", "dipole x"])
        >>> effects = [pj.collective.Wake(t, "rf", component=c) for c, t in tables.items()]
    """
    path = require_path("path", path)
    expected = 'a list of columns, such as ["time", "longitudinal"]'
    names = [_component(c) for c in require_texts("columns", columns, expected)]
    wanted = [n for n in names if n not in (_SKIP, _TIME)]
    if start is not None:
        require_reals("start", start, len(wanted))
    if names.count(_TIME) != 1 or not wanted or len(set(wanted)) < len(wanted):
        raise InvalidValueError(
            f'columns must name "time" once, and components, each once; got {list(columns)}'
            + (f' (kicks by "{_SKEW}" are those of both xy and yx)' if _SKEW in wanted else "")
        )
    table = _numbers(path, len(names))
    time = table[:, names.index(_TIME)] * _NANO
    if (np.diff(time) <= 0).any() or time[0] < 0:
        raise MeasurementError(f"{path}: times must ascend, from 0 or later")
    if time[0] > 0 and start is None:
        raise MeasurementError(
            f"{path}: the first time is {time[0]:.3g} s, and nothing says what the wake is before: "
            f"give start=, the {len(wanted)} values at t = 0"
        )
    found = {}
    for number, name in enumerate(wanted):
        values, times = table[:, names.index(name)], time
        if time[0] > 0 and start is not None:
            values, times = np.append(start[number], values), np.append(0.0, time)
        component = COMPONENTS[name]
        values = values * (1e15 if component.per_offset else 1e12)
        found[name] = WakeTable(times, values, component.transverse)  # type: ignore[arg-type]
    return found


def _component(column: str) -> str:
    require_known("column of a wake", column, [_TIME, _SKIP, *_NAMES])
    return _NAMES.get(column, column)


def _numbers(path: Path, columns: int) -> NDArray[np.float64]:
    try:
        if path.stat().st_size > _BYTES or not path.is_file():
            raise MeasurementError(f"{path}: no regular file of less than {_BYTES:,} bytes")
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise MeasurementError(f"{path}: cannot be read: {error}") from error
    rows = []
    for line, text in enumerate(lines, 1):
        cells = text.split("#")[0].split("%")[0].replace(",", " ").split()
        if not cells:
            continue
        if len(cells) != columns:
            raise MeasurementError(
                f"{path}:{line}: {len(cells)} columns, where {columns} are named"
            )
        try:
            row = [float(cell) for cell in cells]
        except ValueError:
            raise MeasurementError(f"{path}:{line}: no numbers: {text[:80]!r}") from None
        if not np.isfinite(row).all():
            raise MeasurementError(f"{path}:{line}: numbers must be finite: {text[:80]!r}")
        rows.append(row)
    if len(rows) < 2:
        raise MeasurementError(f"{path}: two or more rows of numbers are needed")
    return np.array(rows)

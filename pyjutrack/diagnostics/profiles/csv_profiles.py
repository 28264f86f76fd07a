"""Profiles in one dimension as comma-separated values: a column for each shot or setting."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np

from ...beam import initial_moments
from ...core.errors import MeasurementError
from ...elements import kinds
from ...lattice.knobs import CHARGE, CURRENT
from .file_errors import metres, quote, wrong
from .profiles import Profiles

_HEADER = re.compile(r"(?P<label>[^\[\]]*+)(\[(?P<unit>[^\]]*)\])?")
_ADDRESS = r"[^\s=,]+\.(?P<knob>[^\W\d]\w*)(\[\d+\])?"
#: an address, and a sign or a number after it; blanks are matched once, however many
_SETTING = re.compile(
    rf"(?P<address>{_ADDRESS})(?!\w)\s*+(?P<rest>[:=;(\[].*|,?+\s*+[-+.]?\d.*)", re.DOTALL
)
#: what should be after it: perhaps a unit, which no index is, a colon, and values
_VALUES = re.compile(r"(\[(?!\d+\])[^\]]*\])?\s*:(?P<values>.*)", re.DOTALL)


def read_csv(path: Path) -> Profiles:
    """Read a file; see docs/diagnostics.md for the layout.

    Raises:
        MeasurementError: it cannot be read; the message names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise wrong(path, f"no text in UTF-8: {error}") from error
    remarks = [(n, t[1:]) for n, t in enumerate(lines, 1) if t.startswith("#")]
    table = [(n, t) for n, t in enumerate(lines, 1) if t.strip() and not t.startswith("#")]
    if len(table) < 3:
        raise wrong(path, "a header and two or more rows are needed, one row for each pixel")
    (at, header), *body = table
    columns = _cells(path, at, header)
    label, scale = _axis(path, at, columns)
    rows = [_row(path, line, text, columns) for line, text in body]
    numbers = np.array(rows)
    name, settings = _remarks(path, remarks, len(columns) - 1)
    return Profiles(
        numbers[:, 1:].T, (scale * numbers[:, 0],), (label,), settings=settings, name=name
    )


def csv_text(profiles: Profiles) -> str:
    """The file of some profiles.

    Raises:
        MeasurementError: a setting that is no address, and could not be read again.
    """
    lines = [f"# name: {profiles.name}"] if profiles.name else []
    for address in profiles.settings[0]:
        if re.fullmatch(_ADDRESS, address) is None:
            raise MeasurementError(
                f"the setting {address!r} is no address such as q1.k1, which a CSV file needs; "
                'rename it, or write with format="hdf5"'
            )
        values = ", ".join(repr(float(v)) for v in profiles.knob(address))
        lines.append(f"# {address}: {values}")
    lines.append(", ".join([f"{profiles.labels[0]} [m]", *map(str, range(len(profiles)))]))
    table = np.column_stack([profiles.axis, profiles.values.T])
    lines += [", ".join(repr(float(v)) for v in row) for row in table]
    return "\n".join(lines) + "\n"


def _cells(path: Path, line: int, text: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([text], skipinitialspace=True))]
    except csv.Error as error:  # a cell of more than 131072 characters
        raise wrong(path, f"no comma-separated values ({error}): is this a table?", line) from error


def _axis(path: Path, line: int, columns: list[str]) -> tuple[str, float]:
    """Label and unit of the axis, from the header."""
    if len(columns) < 2:
        raise wrong(
            path, "one column; an axis and a column for each profile are needed, by commas", line
        )
    if _is_number(columns[0]):
        raise wrong(path, 'the header is missing; begin with a line such as "x [m], shot 1"', line)
    match = _HEADER.fullmatch(columns[0])
    label = "" if match is None else match["label"].strip()
    if match is None or not label:
        raise wrong(
            path, f'the first column must be named as "x [m]", got {quote(columns[0])}', line
        )
    try:
        return label, metres((match["unit"] or "").strip())
    except MeasurementError as error:
        raise wrong(path, str(error), line) from error


def _row(path: Path, line: int, text: str, columns: list[str]) -> list[float]:
    cells = _cells(path, line, text)
    if len(cells) != len(columns):
        raise wrong(path, f"{len(cells)} columns where the header has {len(columns)}", line)
    for name, cell in zip(columns, cells, strict=True):
        if not _is_number(cell):
            raise wrong(
                path,
                f"column {quote(name)} is {quote(cell)}, no number; leave the profile out",
                line,
            )
    return [float(cell) for cell in cells]


def _remarks(
    path: Path, remarks: list[tuple[int, str]], profiles: int
) -> tuple[str, tuple[dict[str, float], ...]]:
    """The name, and the settings of each profile; other remarks are for people."""
    name, settings = "", tuple[dict[str, float], ...]({} for _ in range(profiles))
    for line, text in remarks:
        key, _, rest = (part.strip() for part in text.partition(":"))
        if key == "name":
            name = rest
            continue
        found = _setting(path, line, text.strip(), profiles)
        if found is None:
            continue
        address, values = found
        if address in settings[0]:
            raise wrong(
                path, f"the setting of {quote(address)} is given twice; keep one of them", line
            )
        for row, value in zip(settings, values, strict=True):
            row[address] = value
    return name, settings


def _setting(path: Path, line: int, text: str, profiles: int) -> tuple[str, list[float]] | None:
    """Address and values of a remark; None if it is for people.

    A remark that begins with an address is a setting if its values are numbers. If they are not, it
    is a bad one where the address is that of a knob, by its end, or any of the values is a number;
    otherwise something else has a dot in it, such as the name of a file.
    """
    match = _SETTING.fullmatch(text)
    if match is None:
        return None
    found = _VALUES.fullmatch(match["rest"])
    values = found["values"] if found else match["rest"].lstrip(":=;, ")
    cells = _cells(path, line, values.strip())
    good = [_is_number(cell) for cell in cells]
    if found and len(cells) == profiles and all(good):
        return match["address"], [float(cell) for cell in cells]
    if not any(good) and not _is_knob(match["address"], match["knob"]):
        return None
    raise wrong(
        path,
        f"the setting of {quote(match['address'])} needs a number for each of {profiles} profiles, "
        f'written as "# q1.k1: 3.9, 4.0"; got {quote(match["rest"].lstrip(" :"))}',
        line,
    )


def _is_knob(address: str, name: str) -> bool:
    """Return whether a name may be a knob: of an element, of the beam, or of a kick."""
    if address.startswith("effects[") or address in (CURRENT, CHARGE, *initial_moments.KNOBS):
        return True
    return any(name in (*k.knobs, *k.placement, *k.vectors) for k in kinds().values())


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

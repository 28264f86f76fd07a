"""Tables of ratios, on the screen and as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from .clock import Samples


@dataclass(frozen=True)
class Row:
    """One contender.

    Attributes:
        seconds: samples, or None where the row is only a ratio.
        measured: the ratio that the table's `ratio` explains.
        asked: what was asked of the ratio, such as "<= 5"; empty where nothing was.
        note: anything else, such as how well a peer's result agrees.
    """

    name: str
    seconds: Samples | None = None
    measured: float | None = None
    asked: str = ""
    note: str = ""


@dataclass(frozen=True)
class Table:
    """The result of a case.

    Attributes:
        ratio: what the column of ratios divides by what.
        remarks: lines under the table.
    """

    name: str
    ratio: str
    rows: Sequence[Row]
    remarks: Sequence[str] = ()


def print_header(about: dict[str, str]) -> None:
    for name, value in about.items():
        print(f"{name:20} {value}")


def print_table(table: Table) -> None:
    width = max((len(row.name) for row in table.rows), default=0)
    print(f"\n{table.name}\nratio: {table.ratio}")
    print(f"{'':{width}} {'median ms':>10} {'min ms':>10} {'measured':>9} {'asked':>6}")
    for row in table.rows:
        times = (row.seconds.median, row.seconds.min) if row.seconds else (None, None)
        cells = [f"{'' if t is None else f'{t * 1e3:.3f}':>10}" for t in times]
        ratio = "" if row.measured is None else f"{row.measured:.3g}"
        line = f"{row.name:{width}} {' '.join(cells)} {ratio:>9} {row.asked:>6}  {row.note}"
        print(line.rstrip())
    for remark in table.remarks:
        print(f"  {remark}")


def write_json(
    path: Path, about: dict[str, str], settings: dict[str, object], tables: Sequence[Table]
) -> None:
    """Write everything, samples included; readers see the file whole or not at all."""
    content = {"machine": about, "settings": settings, "cases": [asdict(t) for t in tables]}
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(json.dumps(content, indent=1) + "\n")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)

"""Passages of a bunch, on lines that follow it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ...mesh.line import Line


class Passage(NamedTuple):
    """Charges, or their moments, at the nodes of a line (..., nodes) [C]."""

    line: Line
    charges: Tensor


def on_cells(line: Line, spacing: float) -> Line:
    """The least line that holds another, with ends at multiples of a spacing [m]."""
    first, last = math.floor(line.start / spacing), math.ceil(line.stop / spacing)
    return line._replace(start=first * spacing, stop=last * spacing, cells=last - first)


def hull(lines: Sequence[Line]) -> Line:
    """The line that holds lines of the same cells; see `on_cells`."""
    start, stop = min(line.start for line in lines), max(line.stop for line in lines)
    cells = round((stop - start) / lines[0].spacing)
    return lines[0]._replace(start=start, stop=stop, cells=cells)


def on_one_line(passages: Sequence[Passage]) -> tuple[Line, Tensor]:
    """The line that holds the lines of all passages, and their charges on it, (..., P, nodes).

    Args:
        passages: on lines of the same cells; see `on_cells`.
    """
    whole = hull([line for line, _ in passages])
    rows = []
    for line, charges in passages:
        before = round((line.start - whole.start) / whole.spacing)
        after = whole.nodes - line.nodes - before
        rows.append(torch.nn.functional.pad(charges, (before, after)))
    return whole, torch.stack(rows, -2)

"""`case_learning` through a hundred cells, and through ten thousand kicks."""

from __future__ import annotations

from .case_learning import table
from .report import Table

#: turns of the paper's cell, 24 kicks each
LONG = (100, 417)


def run(particles: int, repeats: int, threads: int) -> Table:
    return table(particles, repeats, threads, LONG)

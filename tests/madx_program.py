"""MAD-X as an oracle: started, given a text, and ended, in one place."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


@contextmanager
def madx(text: str = "", folder: Path | None = None) -> Iterator[Any]:
    """MAD-X after a text, in silence, where it is installed; else the test is skipped.

    Args:
        folder: in which it reads and writes.
    """
    program = pytest.importorskip("cpymad.madx").Madx(
        stdout=False, cwd=None if folder is None else str(folder)
    )
    try:
        program.option(warn=False, info=False)
        program.input(text)
        yield program
    finally:
        program.quit()

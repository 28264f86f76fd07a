"""The memory in which an HDF5 file is made is let go of, whatever happens to its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pyjutrack.core import atomic


def test_a_write_that_fails_keeps_no_view(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Newer Pythons warn of a buffer that is gone before its views."""
    h5py = pytest.importorskip("h5py")
    given: list[Any] = []

    def fail(path: Path, content: memoryview) -> None:
        given.append(content)
        raise OSError("full")

    monkeypatch.setattr(atomic, "write_bytes", fail)
    with pytest.raises(OSError, match="full"):
        atomic.write_hdf5(tmp_path / "a.h5", h5py, lambda file: file.create_group("a"))
    with pytest.raises(ValueError, match="released"):
        given[0].tobytes()

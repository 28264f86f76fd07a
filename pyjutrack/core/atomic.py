"""Writing files whole or not at all, and what JSON cannot hold."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import InvalidValueError, WriteError
from .hdf5_check import seal


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say of what cannot be written within, a full disk say, that `path` cannot.

    Raises:
        WriteError: what was written within met an OSError.
    """
    try:
        yield
    except OSError as error:
        raise WriteError(
            f"{path} cannot be written ({error.strerror or error}); what was there before is kept; "
            "make room on the disk, or give another path"
        ) from error


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file beside `path`, then rename it to `path`.

    Folders are made where there are none. A former file stays until the new one is whole and on
    the disk.

    Raises:
        InvalidValueError: `path` is a folder, or lies in one that cannot be made or written to.
        WriteError: the disk is full, or another OSError of `write`.
    """
    if path.is_dir():
        raise InvalidValueError(f"{path} is a folder; give the name of a file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix
        )
    except OSError as error:
        raise InvalidValueError(
            f"{path} cannot be written ({error.strerror}: {error.filename}); give a path in a "
            "folder that can be written to"
        ) from error
    os.close(handle)
    temporary = Path(name)
    try:
        with writing(path):
            write(temporary)
            temporary.chmod(0o644)
            _flush(temporary)
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Wait until a file is on the disk: some file systems fail only then, for want of room."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write bytes, whole or not at all."""

    def fill(temporary: Path) -> None:
        temporary.write_bytes(content)

    write_whole(path, fill)


def write_hdf5(path: Path, h5py: Any, fill: Callable[[Any], None]) -> None:
    """Let `fill` fill an open HDF5 file, and write it, whole or not at all.

    The file is made in memory: on a full disk HDF5 itself leaves an open file, and the
    process crashes at its end.

    Args:
        path: of the file.
        h5py: that package.
        fill: what writes into an open, empty file.
    """
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        fill(file)
    buffer.seek(0, io.SEEK_END)
    buffer.write(seal(buffer.getvalue()))
    with buffer.getbuffer() as content:  # let go of, too, where writing raises
        write_bytes(path, content)


def write_json(path: Path, data: Any) -> None:
    """Write data as JSON, whole or not at all."""
    write_text(path, json.dumps(data, indent=1, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write text, whole or not at all."""
    write_bytes(path, text.encode())


def digest(*parts: bytes) -> str:
    """SHA-256 of some bytes and of how they are divided."""
    total = hashlib.sha256()
    for part in parts:
        total.update(len(part).to_bytes(8, "little"))
        total.update(part)
    return total.hexdigest()


def as_tuples(value: Any) -> Any:
    """Frozen data hold tuples; JSON has lists for them."""
    return tuple(map(as_tuples, value)) if isinstance(value, (list, tuple)) else value

"""Writing files whole or not at all, and what JSON does not tell."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .errors import InvalidValueError


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file beside `path`, then rename it to `path`.

    Folders are made where there are none.

    Raises:
        InvalidValueError: `path` is a folder, or lies in one that cannot be made or written to.
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
        write(temporary)
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, data: Any) -> None:
    """Write data as JSON, whole or not at all."""
    write_text(path, json.dumps(data, indent=1, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write text, whole or not at all."""

    def fill(temporary: Path) -> None:
        temporary.write_text(text, encoding="utf-8")

    write_whole(path, fill)


def tupled(value: Any) -> Any:
    """Frozen data hold tuples; JSON has lists for them."""
    return tuple(map(tupled, value)) if isinstance(value, (list, tuple)) else value

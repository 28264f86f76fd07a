"""Sources that were written here, in the folder of the user's cache."""

from __future__ import annotations

import os
from pathlib import Path

from ..core.atomic import write_text
from ..core.errors import WriteError


def source_file(name: str, text: str) -> str:
    """Keep a source that was written here in the cache, and tell where; "<name>" where it cannot.

    It is there whole or not at all, whoever else writes it at the same time.
    """
    for root in (os.environ.get("NUMBA_CACHE_DIR"), _user_folder()):
        if not root:
            continue
        path = Path(root) / "pyjutrack" / name
        try:
            if not path.is_file() or path.read_text(encoding="utf-8") != text:
                path.parent.mkdir(parents=True, exist_ok=True)
                write_text(path, text)
            return str(path)
        except (OSError, UnicodeDecodeError, WriteError):
            continue
    return f"<{name}>"


def _user_folder() -> str:
    """The folder where the system keeps what programs can make again."""
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        if os.environ.get(variable):
            return os.environ[variable]
    return str(Path.home() / ".cache")

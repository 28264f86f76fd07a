"""Compiled kernels on disk, so that the next process need not compile them.

Numba's own cache fails where its folder cannot be written to, and gives its data files numbers: two
processes that compile at once may take the same one for different code, and a kill between the
index and the data leaves an index to old code. Here data files are named after what they hold, come
before the index, and whatever cannot be read or written costs a compilation.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from numba.core import caching

from ..core.errors import CacheWarning, warn


def keep(compiled: Any, stamp: tuple[Any, ...]) -> Callable[..., Any]:
    """Let a function of Numba be kept on disk.

    Args:
        compiled: a dispatcher.
        stamp: what has been kept under another one is void.
    """
    try:
        compiled._cache = _Cache(compiled.py_func, stamp)
    except RuntimeError:  # no folder that could be written to
        compiled._cache = _NoCache()
    function: Callable[..., Any] = compiled
    return function


class _Files(caching.IndexDataCacheFile):
    """The files of one function: an index, and one for each signature."""

    def save(self, key: Any, data: Any) -> None:
        base = self._index_name.removesuffix(".nbi")
        mark = hashlib.sha256(repr((self._source_stamp, key)).encode()).hexdigest()[:16]
        name = f"{base}.{mark}.nbc"
        self._save_data(name, data)
        overloads = {**self._load_index(), key: name}
        self._save_index(overloads)
        kept = set(overloads.values())
        for path in Path(self._cache_path).glob(f"{base}.*.nbc"):
            if path.name not in kept:
                path.unlink(missing_ok=True)


class _Cache(caching.FunctionCache):
    """The cache of one function."""

    def __init__(self, function: Callable[..., Any], stamp: tuple[Any, ...]) -> None:
        super().__init__(function)
        self._cache_file = _Files(self._cache_path, self._impl.filename_base, stamp)

    def load_overload(self, signature: Any, target: Any) -> Any:
        try:
            found = super().load_overload(signature, target)
        except Exception:  # damaged, or another user's: compile, and write it anew
            with suppress(OSError):
                os.unlink(self._cache_file._index_path)
            found = None
        if found is None:
            _say_once()
        return found

    def save_overload(self, signature: Any, result: Any) -> None:
        try:
            super().save_overload(signature, result)
        except OSError as error:
            _warn(f"in {self._cache_path}: {error.strerror or error}")


class _NoCache(caching.NullCache):
    """A cache that keeps nothing."""

    def save_overload(self, signature: Any, result: Any) -> None:
        _warn("anywhere: neither the package's folder nor the user's cache can be written to")


@cache
def _say_once() -> None:
    """Tell why the first call takes long; nothing where all kernels are found."""
    logging.getLogger("pyjutrack").warning(
        "pyjutrack: compiling kernels for what is tracked here, which takes some seconds; "
        "they are kept for the next time"
    )


@cache
def _warn(where: str) -> None:
    """Warn once in a process of each place, and not of each kernel."""
    warn(
        f"compiled kernels cannot be kept {where}; every process compiles them again, which takes "
        "half a minute. Make room, or set NUMBA_CACHE_DIR to a folder that can be written to",
        CacheWarning,
    )

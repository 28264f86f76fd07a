"""Packages that only files need: imported when a function needs them, not before."""

from __future__ import annotations

import contextlib
import importlib
import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..core.errors import MissingPackageError, PyJuTrackError
from .errors import clip, wrong
from .record import Notes


def optional(module: str, package: str, extra: str) -> Any:
    """A module of an optional package.

    Raises:
        MissingPackageError: it is not installed; the message gives the command.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingPackageError(
            f"this file needs the package {package}: in a clone of pyjutrack, "
            f'pip install ".[{extra}]"'
        ) from error


@contextlib.contextmanager
def guard(path: Path, reader: str, notes: Notes) -> Iterator[None]:
    """Run another package's reader: exceptions become ours, warnings notes, prints nothing.

    Raises:
        LatticeFileError: whatever the reader raised.
    """
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("always")
        try:
            yield
        except PyJuTrackError:
            raise
        except Exception as error:
            said = "; ".join(clip(str(a).strip()) for a in error.args) or "no more is known"
            raise wrong(path, f"{reader} cannot read it: {type(error).__name__}: {said}") from error
    for warning in caught:
        if not issubclass(warning.category, (DeprecationWarning, PendingDeprecationWarning)):
            notes.add(clip(" ".join(str(warning.message).split()), 400), kind=reader)

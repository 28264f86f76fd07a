"""Engines by name."""

from __future__ import annotations

from ..core.errors import InvalidValueError, require_known
from .protocol import Engine

ENGINES = ("native", "julia")


def engine_of(engine: str | Engine) -> Engine:
    """An engine by name; an engine as it is.

    Raises:
        UnknownNameError: there is none of that name.
        MissingPackageError: what it needs is not installed; the message says how to get it.
    """
    if not isinstance(engine, str):
        if isinstance(engine, Engine):
            return engine
        raise InvalidValueError(f"an engine is a name, or does what `Engine` says; got {engine!r}")
    require_known("engine", engine, ENGINES)
    if engine == "native":
        from .native import Native

        return Native()
    from .julia import Julia

    return Julia.start()

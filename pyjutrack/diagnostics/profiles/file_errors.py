"""Errors in files of profiles, and the units of their axes."""

from __future__ import annotations

from pathlib import Path

from ...core.errors import MeasurementError

#: characters of a file that a message shows
_SHOWN = 200
_METRES = {"m": 1.0, "cm": 1e-2, "mm": 1e-3, "um": 1e-6, "µm": 1e-6, "μm": 1e-6}


def wrong(path: Path, message: str, line: int | None = None) -> MeasurementError:
    """An error at a line of a file."""
    return MeasurementError(f"{path}{'' if line is None else f':{line}'}: {message}")


def quote(text: str) -> str:
    """Quote text of a file in a message: cut where it is long."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def metres(unit: str) -> float:
    """A unit of length in metres; none is metres.

    Raises:
        MeasurementError: a unit that is not known.
    """
    if unit and unit not in _METRES:
        known = ", ".join(list(_METRES)[:4])
        raise MeasurementError(f"unit {quote(unit)} of the axis is no length; known: {known}")
    return _METRES.get(unit, 1.0)

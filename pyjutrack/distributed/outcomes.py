"""What a scan has found, point by point, and as a table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from ..core.errors import InvalidValueError, MissingPackageError


@dataclass(frozen=True)
class Outcome:
    """The result of a function at one point.

    Attributes:
        point: as it was given to `scan`.
        value: what the function returned, as JSON has it: numbers, strings, lists, dictionaries.
        error: kind and message of what the function raised; None if it returned.
    """

    point: Any
    value: Any = None
    error: str | None = None


class Outcomes(list[Outcome]):
    """Outcomes in the order of the points."""

    def to_pandas(self) -> Any:
        """A pandas frame with a row for each point.

        Points and values that are dictionaries have a column for each of their keys, others one
        named point, or value; the last is error. What a point or a value lacks is missing there.

        Raises:
            MissingPackageError: pandas is not installed.
            InvalidValueError: points and values have a key in common.
        """
        try:
            import pandas
        except ImportError as error:
            raise MissingPackageError(
                'a frame needs pandas: in a clone of pyjutrack, pip install ".[pandas]"'
            ) from error
        names = _columns("point", [o.point for o in self])
        names += _columns("value", [o.value for o in self])
        twice = [name for name, count in Counter([*names, "error"]).items() if count > 1]
        if twice:
            raise InvalidValueError(
                f"a frame needs columns of different names, and points, values and errors share "
                f"{twice[0]!r}; rename it in what the function returns"
            )
        rows = [
            _cells("point", o.point) | _cells("value", o.value) | {"error": o.error} for o in self
        ]
        return pandas.DataFrame(rows, columns=[*names, "error"])


def _columns(name: str, things: list[Any]) -> list[str]:
    """Names of columns in the order in which they are first met."""
    found: dict[str, None] = {}
    for thing in things:
        found |= dict.fromkeys(_cells(name, thing))
    return [*found]


def _cells(name: str, thing: Any) -> dict[str, Any]:
    if isinstance(thing, dict):
        return thing
    return {} if thing is None else {name: thing}

"""A number that was never given, as told from a zero that was."""

from __future__ import annotations


class Unstated(float):
    """Zero, as what was not given counts where a number is needed."""


#: the default of a current, a charge, a frequency
UNSTATED = Unstated(0.0)


def is_stated(value: object) -> bool:
    """Return whether a number was given, if only as 0."""
    return not isinstance(value, Unstated)

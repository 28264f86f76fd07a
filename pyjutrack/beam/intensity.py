"""An intensity that was never given, as told from a zero that was."""

from __future__ import annotations

from torch import Tensor

Number = float | Tensor


class Unstated(float):
    """Zero, as the current and the charge of a beam are where none was given."""


#: the default of both
UNSTATED = Unstated(0.0)


def is_stated(amount: Number) -> bool:
    """Return whether a current or a charge was given, if only as 0."""
    return not isinstance(amount, Unstated)

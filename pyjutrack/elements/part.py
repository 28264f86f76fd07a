"""Parts of elements, and how many slices of equal length an element is cut into."""

from __future__ import annotations

import math
from typing import NamedTuple

#: by how much of it a slice may be longer than its step
_TOLERANCE = 1e-3


class Part(NamedTuple):
    """A part of an element, from `start` to `stop` in units of its length.

    Faces belong to the parts that begin at 0 or end at 1.
    """

    start: float = 0.0
    stop: float = 1.0

    @property
    def fraction(self) -> float:
        """Its share of the length."""
        return self.stop - self.start


WHOLE = Part()


def count_slices(length: float, max_step: float) -> int:
    """Number of equal slices no longer than a step, by a thousandth; a length of zero has none.

    A step back is cut as one forward.

    The thousandth keeps nominal lengths, whole multiples of the step, off the edge between two
    numbers: a small change of such a length, as for a difference, does not change the number.
    """
    if length == 0:
        return 0
    return max(1, math.ceil(abs(length) / max_step * (1 - _TOLERANCE)))

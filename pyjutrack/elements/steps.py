"""Numbers of integration steps."""

from __future__ import annotations

import math
from collections.abc import Iterable

from torch import Tensor

from ..core.errors import InvalidValueError
from ..core.names import label
from ..core.scalars import Number, refuse_batched
from .magnet import Magnet
from .part import WHOLE, Part

#: how well kicks meet a gradient, in units of itself
GRADIENT = 1e-8
#: what steps of phase p make of a gradient: 1 + c p^order, by the trace of one step's matrix
_ERRORS = {2: 1 / 12, 4: 0.1324, 6: 0.00754}
#: beyond which it is no magnet
MOST = 100_000


def count_steps(
    element: Magnet, gradients: Iterable[Number], length: Number, part: Part = WHOLE
) -> int:
    """Steps that the magnet states, or as many as its kicks need to meet their gradients.

    Args:
        gradients: integrated over the element [1/m]; their sizes add up. length: [m].

    Raises:
        InvalidValueError: a gradient that wants more than 100 000 steps.
    """
    if element.steps is not None:
        return element.steps
    phase = math.sqrt(sum(map(largest, gradients)) * largest(length)) * part.fraction
    if not math.isfinite(phase):
        return element.fewest
    longest = (GRADIENT / _ERRORS[element.order]) ** (1 / element.order)
    if phase > MOST * longest:
        raise InvalidValueError(
            f"{_describe_phase(element, phase)}, "
            f"for which its integrator needs more than {MOST} steps; state its steps"
        )
    return max(element.fewest, math.ceil(phase / longest))


def count_pieces(element: Magnet, gradients: Iterable[Number], length: Number) -> int:
    """Pieces of a phase of at most 1 in which a quadrupole is solved by series.

    Args:
        gradients: [1/m^2]; their sizes add up. length: of the whole [m].

    Raises:
        InvalidValueError: gradients that want more than 100 000 pieces.
    """
    phase = math.sqrt(sum(map(largest, gradients))) * largest(length)
    if not math.isfinite(phase):
        return 1
    if phase > MOST:
        raise InvalidValueError(
            f"{_describe_phase(element, phase)}, for which its series need more than {MOST} "
            "pieces; give it a gradient that a magnet can have"
        )
    return max(1, math.ceil(phase))


def _describe_phase(element: Magnet, phase: float) -> str:
    return f"{label(element)} turns particles by a phase of {phase:.3g}"


def largest(number: Number) -> float:
    """The size of a parameter as a float; of a column of them, the largest."""
    if not isinstance(number, Tensor):
        return abs(number)
    refuse_batched(number)
    return float(number.detach().abs().max())

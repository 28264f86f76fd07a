"""Slopes by finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..core.errors import AccuracyWarning, warn
from ..lattice.knobs import lower_bound

#: share by which a difference may change where its steps, longer than the value, are halved
_TRUSTED = 0.01


def central_slopes(
    function: Callable[[Tensor], Tensor], vector: Tensor, step: float, names: Sequence[str]
) -> Tensor:
    """Slopes by differences that stay above the lowest values that the entries can have.

    Near them the step is relative to the distance, and at them the difference is one-sided, of
    second order like the central one.

    Args:
        names: of the knobs that the entries of the vector are of.

    Warns:
        AccuracyWarning: a difference with steps longer than the value that is no slope.
    """
    slopes = []
    with torch.no_grad():
        for i, (value, name) in enumerate(zip(vector.tolist(), names, strict=True)):
            low = lower_bound(name)
            size = step * max(abs(value), 1.0)
            if value > low:
                size = min(size, step * (value - low)) if value - size <= low else size
            slopes.append(_slope(function, vector, i, size, value > low))
            if 0 < abs(value) < size:
                finer = _slope(function, vector, i, size / 2, value > low)
                _warn_if_coarse(name, value, size, slopes[-1], finer)
    return torch.stack(slopes)


def _slope(
    function: Callable[[Tensor], Tensor], vector: Tensor, i: int, size: float, central: bool
) -> Tensor:
    shift = torch.zeros_like(vector)
    shift[i] = size
    if central:
        difference = function(vector + shift) - function(vector - shift)
    else:
        once, twice = function(vector + shift), function(vector + 2 * shift)
        difference = 4 * once - twice - 3 * function(vector)
    return difference / (2 * size)


def _warn_if_coarse(name: str, value: float, size: float, found: Tensor, finer: Tensor) -> None:
    change = (found - finer).abs().max()
    if bool(change > _TRUSTED * finer.abs().max()):
        warn(
            f"the difference by {name} = {value:.6g} takes steps of {size:.3g}, longer than the "
            f"value, and is {found:.6g}, with half of them {finer:.6g}: it is no slope; give a "
            f'smaller step, such as step={1e-3 * abs(value):.1g}, or take mode="reverse"',
            AccuracyWarning,
        )

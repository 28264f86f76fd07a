"""Slopes by finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def central_slopes(
    function: Callable[[Tensor], Tensor], vector: Tensor, step: float, lows: Sequence[float]
) -> Tensor:
    """Slopes by differences that stay above the lowest values that the entries can have.

    Near them the step is relative to the distance, and at them the difference is one-sided, of
    second order like the central one.
    """
    slopes = []
    with torch.no_grad():
        for i, (value, low) in enumerate(zip(vector.tolist(), lows, strict=True)):
            size = step * max(abs(value), 1.0)
            if value > low:
                size = min(size, step * (value - low)) if value - size <= low else size
            shift = torch.zeros_like(vector)
            shift[i] = size
            if value > low:
                difference = function(vector + shift) - function(vector - shift)
            else:
                once, twice = function(vector + shift), function(vector + 2 * shift)
                difference = 4 * once - twice - 3 * function(vector)
            slopes.append(difference / (2 * size))
    return torch.stack(slopes)

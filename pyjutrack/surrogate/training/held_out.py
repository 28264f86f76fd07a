"""Errors on beams that training never sees."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...collective.field import field_error, own_field
from ...collective.poisson import Potential
from .beams import HELD_OUT_SEED, Beams

Array = NDArray[np.float64]


def held_out_errors(
    potential: Potential,
    solver: Potential,
    beams: Beams,
    count: int = 200,
    progress: Callable[[], object] = lambda: None,
) -> tuple[Array, list[str]]:
    """Field errors on beams of the seed that training refuses, and the kinds of these beams."""
    errors, kinds = [], []
    for index in range(count):
        beam = beams.draw(HELD_OUT_SEED, index)
        x, y = torch.from_numpy(beam.x), torch.from_numpy(beam.y)
        errors.append(field_error(own_field(potential, x, y), own_field(solver, x, y)))
        kinds.append(beam.kind)
        progress()
    return np.array(errors), kinds


def state_errors(errors: Array, kinds: Sequence[str], known: Iterable[str]) -> dict[str, Any]:
    """State errors on the beams of the held-out seed as cards do: of all, the worst, by kind.

    Args:
        errors, kinds: of each beam. known: all kinds, in the order of the card.
    """
    worst = int(errors.argmax())
    return {
        "seed": HELD_OUT_SEED,
        "mean": float(errors.mean()),
        "worst": float(errors[worst]),
        "worst_kind": kinds[worst],
        "by_kind": {
            kind: float(errors[[k == kind for k in kinds]].mean())
            for kind in known
            if kind in kinds
        },
    }

"""Checks of what a tracking gave, the same for every engine."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..beam.beam import Beam
from ..beam.communicator import Communicator
from ..beam.moments import survivors
from ..core.digits import tell_apart
from ..core.errors import InvalidValueError, ParticleLostError
from .protocol import Objective

#: relative difference of one objective on processors that are not of one make
_ROUNDING = 1e-9
_STAY = "keep to operations of torch and to pyjutrack.moments, without .item(), float() or .numpy()"


def evaluate(objective: Objective, final: Beam, initial: Beam) -> Tensor:
    """Evaluate the objective of a tracked beam.

    Raises:
        ParticleLostError: no particle is left.
        InvalidValueError: the objective is no 0-d tensor, or differs between ranks.
    """
    if not bool(survivors(final).any()):
        raise ParticleLostError("every particle was lost; the objective of no beam is undefined")
    try:
        value: Any = objective(final, initial)
    except RuntimeError as error:
        if "numpy()" not in str(error):
            raise
        raise InvalidValueError(f"the objective leaves PyTorch, for NumPy; {_STAY}") from error
    if not isinstance(value, Tensor) or value.dim() != 0:
        remedy = f"; {_STAY}" if isinstance(value, (float, int, np.ndarray, np.generic)) else ""
        raise InvalidValueError(
            "an objective must return a 0-d tensor, a function of the final beam's coordinates; "
            f"got {value!r}{remedy}"
        )
    if not final.world.is_serial:
        _same(value, final.world)
    return value


def _same(value: Tensor, world: Communicator) -> None:
    """Raise InvalidValueError for an objective of the particles of each rank alone."""
    most = world.largest(torch.stack([value.detach(), -value.detach()]))
    highest, lowest = float(most[0]), -float(most[1])
    if highest - lowest > _ROUNDING * max(abs(highest), abs(lowest)):
        least, greatest = tell_apart(lowest, highest)
        raise InvalidValueError(
            f"the objective differs between ranks, from {least} to {greatest}: it must be "
            "of the whole beam; make it of pyjutrack.moments (`mean` averages anything), or sum "
            "with final.world.sum"
        )


def require_alive(alive: Tensor) -> None:
    """Raise ParticleLostError unless all test particles are alive."""
    if not bool(alive.all()):
        first = tuple((~alive).nonzero()[0, :-1].tolist())
        where = f"setting {first} of {tuple(alive.shape[:-1])}: " if first else ""
        raise ParticleLostError(
            f"{where}the test particle was lost on the way: it left the box of a kick, or no "
            "element could move it; start it nearer to the axis with at="
        )

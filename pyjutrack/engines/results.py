"""Checks of what a tracking gave, the same for every engine."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ..beam import Beam
from ..errors import InvalidValueError, ParticleLostError
from .protocol import Figure


def checked(figure: Figure, final: Beam) -> Tensor:
    """The figure of a beam, if there is one.

    Raises:
        ParticleLostError: no particle is left.
        InvalidValueError: the figure is no 0-d tensor.
    """
    if not bool(final.alive.any()):
        raise ParticleLostError("every particle was lost; the observable of no beam is undefined")
    value: Any = figure(final)
    if not isinstance(value, Tensor) or value.dim() != 0:
        raise InvalidValueError(
            "an observable must return a 0-d tensor, a function of the final beam's coordinates; "
            f"got {value!r}"
        )
    return value


def all_alive(alive: Tensor) -> None:
    """Raise ParticleLostError unless all test particles are alive."""
    if not bool(alive.all()):
        raise ParticleLostError(
            "the test particle was lost on the way: it left the box of a kick, or no element could "
            "move it; start it nearer to the axis with at="
        )

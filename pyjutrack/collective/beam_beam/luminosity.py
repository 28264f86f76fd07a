"""The luminosity of a beam of particles with a Gaussian bunch that it meets."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from ... import maps
from ...beam.beam import Beam
from ...beam.reference import ELEMENTARY_CHARGE
from ...core.errors import InvalidValueError
from ...core.scalars import Number, to_float
from ...core.unstated import is_stated
from ...elements.inverse import Operation
from ...maps.state import State


def luminosity_of(
    beam: Beam, charge: Number, operations: Iterable[Operation], shares: Iterable[float]
) -> Tensor:
    """The luminosity of one encounter [1/m^2].

    In a slice of N particles of the normal density g across, a particle meets N g per area, where
    they meet, and where the slices met before have kicked it to. Events are as many in all frames.

    Args:
        beam: a bunch as it comes to the place.
        charge: of the opposing bunch [C], of elementary charges.
        operations: what is done to a particle, in order.
        shares: of the opposing bunch in those that are slices of it.

    Raises:
        InvalidValueError: a beam that coasts, or was given no charge.
    """
    if to_float(beam.current):
        raise InvalidValueError(
            "the luminosity is that of a bunch with a charge [C], and this beam is coasting, with "
            f"a current of {to_float(beam.current):g} A: give the charge that meets the opposing "
            "bunch, Beam(..., charge=), in its place"
        )
    if not is_stated(beam.charge):
        raise InvalidValueError(
            "the luminosity is that of a bunch with a charge [C], and this beam was given none: "
            "Beam(..., charge=); give charge=0.0 where zero is meant"
        )
    # of the lost none: the backward pass would multiply its zero by their NaN
    columns = torch.where(beam.alive.unsqueeze(-1), beam.coordinates, 0.0).unbind(-1)
    state, left = State(columns, beam.alive), iter(shares)
    met: Any = torch.zeros_like(state.coordinates[0])
    for map, parameters in operations:
        if map in _MEETINGS:
            across = _MEETINGS[map](*state.coordinates, *parameters)
            met = met + next(left) * _density(*across)
        state = state.apply(map, *parameters)
    live = torch.where(state.alive, beam.shares * met, 0.0).sum(-1)
    theirs: Any = abs(to_float(charge)) if not isinstance(charge, Tensor) else charge.abs()
    ours = beam.charge / abs(beam.reference.species.charge)
    return ours * theirs / ELEMENTARY_CHARGE**2 * beam.world.sum(live)


def _density(x: Tensor, y: Tensor, xx: Any, xy: Any, yy: Any) -> Any:
    """A normal density of second moments, about its centre [1/m^2]."""
    area = xx * yy - xy * xy
    square = (yy * x * x - 2 * xy * x * y + xx * y * y) / area
    return (-square / 2).exp() / (2 * math.pi * area**0.5)


def _meet_short(
    x: Tensor, px: Tensor, y: Tensor, py: Tensor, z: Tensor, delta: Tensor,
    strength: Any, x0: Any, y0: Any, *moments: Any,
) -> tuple[Any, ...]:  # fmt: skip
    """Places beside the centre of a `gaussian_kick`, and its moments."""
    return x - x0, y - y0, *moments


def _meet_slice(
    x: Tensor, px: Tensor, y: Tensor, py: Tensor, z: Tensor, delta: Tensor,
    strength: Any, z0: Any, x0: Any, x1: Any, y0: Any, y1: Any, *moments: Any,
) -> tuple[Any, ...]:  # fmt: skip
    """The same of a `synchro_beam`, where the particle meets it."""
    s = (z - z0) / 2
    xx, xy, yy = (a + s * (b + s * c) for a, b, c in zip(*[iter(moments)] * 3, strict=True))
    return x + px * s - x0 - x1 * s, y + py * s - y0 - y1 * s, xx, xy, yy


_MEETINGS: dict[Any, Callable[..., tuple[Any, ...]]] = {
    maps.gaussian_kick: _meet_short,
    maps.synchro_beam: _meet_slice,
}

"""Shapes of bunches in z and delta, and how they match an RF bucket."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..core.checks import require_kind
from ..core.errors import InvalidValueError, require_known
from ..core.scalars import Number, is_zero, to_float
from .synchrotron import SynchrotronOptics

Array = NDArray[np.float64]


def draw_bunch(
    shape: str, u: Array, sigmas: Sequence[Number], bucket: SynchrotronOptics | None
) -> list[Tensor]:
    """z [m] and delta of a bunch, each (N,).

    Args:
        shape: "gaussian", "waterbag" or "parabolic".
        u: uniform numbers (N, 2) strictly between 0 and 1.
        sigmas: rms of z [m] and delta.
        bucket: to match, in the place of the second.

    Raises:
        UnknownNameError: there is no such shape.
        InvalidValueError: a bucket with a spread of delta, or without a length.
    """
    require_known("longitudinal shape", shape, _SHAPES)
    a, b = (torch.from_numpy(column) for column in _SHAPES[shape](u))
    length, spread = sigmas
    if bucket is None:
        return [_scale(length, a), _scale(spread, b)]
    expected = "a SynchrotronOptics", "such as pj.optics.synchrotron_optics(ring, reference)"
    require_kind("bucket", bucket, SynchrotronOptics, *expected)
    if not is_zero(spread) or not to_float(length) > 0:
        raise InvalidValueError("a bucket gives the sigma_delta of a sigma_z: give that alone")
    ratio, tilt = match_bucket(bucket)
    across = (1 - tilt * tilt).clamp(min=0).sqrt()
    return [length * a, length * ratio * (tilt * a + across * b)]


def match_bucket(bucket: SynchrotronOptics) -> tuple[Tensor, Tensor]:
    """sigma_delta / sigma_z [1/m] and the correlation of z and delta of a matched bunch.

    The moments of the synchrotron mode are those of its eigenvector, which the other modes are
    projected out of by a polynomial of the one-turn matrix M. Differentiable as the optics are.
    Source: A. Wolski, PRST-AB 9 (2006) 024001; the projector is elementary.
    """
    matrix = bucket.matrix
    cosines, sine = torch.cos(2 * math.pi * bucket.tunes), torch.sin(2 * math.pi * bucket.tunes[2])
    both = matrix + torch.linalg.inv(matrix)
    unit = torch.eye(6, dtype=matrix.dtype)
    own = unit[:, 4]
    for other in (0, 1):
        own = (both - 2 * cosines[other] * unit) @ own
    real, imaginary = matrix @ own - cosines[2] * own, sine * own
    squares = real * real + imaginary * imaginary
    mixed = real[4] * real[5] + imaginary[4] * imaginary[5]
    return (squares[5] / squares[4]).sqrt(), mixed / (squares[4] * squares[5]).sqrt()


def normal(u: Array) -> Array:
    """Normal numbers, from uniform ones between 0 and 1."""
    from scipy.special import ndtri  # late: it takes a moment to load

    return np.asarray(ndtri(u))


def to_circle(radius: Array, turn: Array) -> tuple[Array, Array]:
    """Points at some radius and part of a turn."""
    return radius * np.cos(2 * np.pi * turn), radius * np.sin(2 * np.pi * turn)


def _gaussian(u: Array) -> tuple[Array, Array]:
    return normal(u[:, 0]), normal(u[:, 1])


def _waterbag(u: Array) -> tuple[Array, Array]:
    return to_circle(2 * np.sqrt(u[:, 0]), u[:, 1])


def _parabolic(u: Array) -> tuple[Array, Array]:
    # a density of sqrt(1 - r^2) in the unit circle has 1 - (1 - r^2)^(3/2) within r, <x^2> of 1/5
    return to_circle(np.sqrt(5 * (1 - (1 - u[:, 0]) ** (2 / 3))), u[:, 1])


#: pairs of unit rms, (N,) each
_SHAPES: dict[str, Callable[[Array], tuple[Array, Array]]] = {
    "gaussian": _gaussian,
    "waterbag": _waterbag,
    "parabolic": _parabolic,
}


def _scale(sigma: Number, drawn: Tensor) -> Tensor:
    return torch.zeros_like(drawn) if is_zero(sigma) else sigma * drawn

"""Normal modes of a 4 x 4 one-turn matrix by algebra alone, so that derivatives exist."""

from __future__ import annotations

import torch
from torch import Tensor

from ..core.digits import tell_apart
from ..core.errors import UnstableError

#: below this square of their splitting, modes that nothing couples count as equal
_EQUAL = 1e-24


def normal_modes_4d(matrix: Tensor) -> Tensor:
    """The mode that lives mostly in x, and the other: (..., 4, 4), M modes = modes rotation.

    Raises:
        UnstableError: a mode is not bounded.

    Source: D. Sagan, D. Rubin, Phys. Rev. ST Accel. Beams 2 (1999) 074001.
    """
    a, b = matrix[..., :2, :2], matrix[..., :2, 2:]
    c, d = matrix[..., 2:, :2], matrix[..., 2:, 2:]
    coupling = b.detach().abs().amax((-2, -1)) + c.detach().abs().amax((-2, -1))
    mixed = b + _conjugate(c)
    split = _trace(a) - _trace(d)
    square = split * split + 4 * _determinant(mixed)
    equal = square.detach() <= _EQUAL
    if bool((equal & (coupling**2 > _EQUAL)).any()):
        raise UnstableError(
            "the motion is unstable or on the edge of it: the one-turn matrix is on a sum or "
            "difference resonance of its coupled modes"
        )
    one = torch.eye(2, dtype=matrix.dtype)
    # where the modes are equal, neither turns, and no slope goes through the root
    root = torch.where(equal, 1.0, square).sqrt()
    sign = torch.where(split.detach() >= 0, 1.0, -1.0).to(matrix.dtype)
    gamma = torch.where(equal, 1.0, ((1 + sign * split / root) / 2).sqrt())[..., None, None]
    turn = -(sign / root)[..., None, None] * mixed / gamma
    turn = torch.where(equal[..., None, None], 0.0, turn)
    to = _blocks(gamma * one, turn, -_conjugate(turn), gamma * one)
    back = _blocks(gamma * one, -turn, _conjugate(turn), gamma * one)
    normal = back @ matrix @ to
    single = bool((coupling == 0).all())
    first = _courant_snyder(normal[..., :2, :2], "x" if single else "the mode next to x")
    second = _courant_snyder(normal[..., 2:, 2:], "y" if single else "the mode next to y")
    zero = torch.zeros_like(first)
    return to @ _blocks(first, zero, zero, second)


def _blocks(upper: Tensor, right: Tensor, left: Tensor, lower: Tensor) -> Tensor:
    """A 4 x 4 matrix of its blocks."""
    return torch.cat([torch.cat([upper, right], -1), torch.cat([left, lower], -1)], -2)


def _courant_snyder(matrix: Tensor, label: str) -> Tensor:
    """[[sqrt(beta), 0], [-alpha / sqrt(beta), 1 / sqrt(beta)]]."""
    m11, m12, m21, m22 = matrix.flatten(-2).unbind(-1)
    # keeps its digits near the edge of stability
    square = -m12 * m21 - ((m11 - m22) / 2) ** 2
    unstable = ~(square.detach() > 0)
    if bool(unstable.any()):
        traces = (m11 + m22).detach()[unstable]
        half, *_ = tell_apart(float(traces[0]) / 2, 1.0, -1.0)
        raise UnstableError(
            f"motion in {label} is unstable: half the trace of the one-turn matrix is "
            f"{half}, which must lie between -1 and 1"
        )
    sine = torch.where(m12.detach() > 0, square.sqrt(), -square.sqrt())
    root = (m12 / sine).sqrt()
    alpha = (m11 - m22) / (2 * sine)
    zero = torch.zeros_like(root)
    return torch.stack([root, zero, -alpha / root, 1 / root], -1).unflatten(-1, (2, 2))


def _conjugate(m: Tensor) -> Tensor:
    """The symplectic conjugate of a 2 x 2 matrix: determinant times inverse."""
    a, b, c, d = m.flatten(-2).unbind(-1)
    return torch.stack([d, -b, -c, a], -1).unflatten(-1, (2, 2))


def _determinant(m: Tensor) -> Tensor:
    return m[..., 0, 0] * m[..., 1, 1] - m[..., 0, 1] * m[..., 1, 0]


def _trace(m: Tensor) -> Tensor:
    return m[..., 0, 0] + m[..., 1, 1]

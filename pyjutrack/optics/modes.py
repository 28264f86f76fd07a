"""Normal modes of a 4 x 4 one-turn matrix by algebra alone, so that derivatives exist."""

from __future__ import annotations

import torch
from torch import Tensor

from ..core.digits import tell_apart
from ..core.errors import UnstableError

#: below this square of their splitting, modes that nothing couples count as equal
_EQUAL = 1e-24


def normal_modes_4d(matrix: Tensor) -> Tensor:
    """The mode that lives mostly in x, and the other: (4, 4), M modes = modes rotation.

    Raises:
        UnstableError: a mode is not bounded.

    Source: D. Sagan, D. Rubin, Phys. Rev. ST Accel. Beams 2 (1999) 074001.
    """
    a, b, c, d = matrix[:2, :2], matrix[:2, 2:], matrix[2:, :2], matrix[2:, 2:]
    coupling = c.detach().abs().max() + b.detach().abs().max()
    mixed = b + _conjugate(c)
    split = a.diagonal().sum() - d.diagonal().sum()
    square = split * split + 4 * _determinant(mixed)
    one = torch.eye(2, dtype=matrix.dtype)
    if float(square.detach()) <= _EQUAL:
        if float(coupling) ** 2 > _EQUAL:
            raise UnstableError(
                "the motion is unstable or on the edge of it: the one-turn matrix is on a sum or "
                "difference resonance of its coupled modes"
            )
        gamma, turn = one.new_ones(()), torch.zeros_like(mixed)
    else:
        root = square.sqrt()
        sign = 1.0 if float(split.detach()) >= 0 else -1.0
        gamma = ((1 + sign * split / root) / 2).sqrt()
        turn = -sign * mixed / (gamma * root)
    upper = torch.cat([gamma * one, turn], 1)
    lower = torch.cat([-_conjugate(turn), gamma * one], 1)
    to = torch.cat([upper, lower])
    back = torch.cat(
        [torch.cat([gamma * one, -turn], 1), torch.cat([_conjugate(turn), gamma * one], 1)]
    )
    normal = back @ matrix @ to
    blocks = (
        _courant_snyder(normal[:2, :2], "x" if float(coupling) == 0 else "the mode next to x"),
        _courant_snyder(normal[2:, 2:], "y" if float(coupling) == 0 else "the mode next to y"),
    )
    return to @ torch.block_diag(*blocks)


def _courant_snyder(matrix: Tensor, label: str) -> Tensor:
    """[[sqrt(beta), 0], [-alpha / sqrt(beta), 1 / sqrt(beta)]]."""
    (m11, m12), (m21, m22) = matrix.unbind(0)[0].unbind(0), matrix.unbind(0)[1].unbind(0)
    # keeps its digits near the edge of stability
    square = -m12 * m21 - ((m11 - m22) / 2) ** 2
    if not float(square.detach()) > 0:
        half, *_ = tell_apart(float((m11 + m22).detach()) / 2, 1.0, -1.0)
        raise UnstableError(
            f"motion in {label} is unstable: half the trace of the one-turn matrix is "
            f"{half}, which must lie between -1 and 1"
        )
    sine = square.sqrt() if float(m12.detach()) > 0 else -square.sqrt()
    root = (m12 / sine).sqrt()
    alpha = (m11 - m22) / (2 * sine)
    zero = torch.zeros_like(root)
    return torch.stack([root, zero, -alpha / root, 1 / root]).reshape(2, 2)


def _conjugate(m: Tensor) -> Tensor:
    """The symplectic conjugate of a 2 x 2 matrix: determinant times inverse."""
    return torch.stack([m[1, 1], -m[0, 1], -m[1, 0], m[0, 0]]).reshape(2, 2)


def _determinant(m: Tensor) -> Tensor:
    return m[0, 0] * m[1, 1] - m[0, 1] * m[1, 0]

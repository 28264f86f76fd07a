"""Space charge without a grid: sine sums over the macroparticles themselves.

The reference for the particle-mesh solver: same box (centred on the axis, H = 0 on its walls),
same density (the weights sum to the share that is alive), same sign, -laplacian(H) = 2 pi rho. Its
cost is particles times modes. Every function is plain PyTorch, differentiable to any order.

Source: J. Qiang, Symplectic multiparticle tracking model for self-consistent space-charge
simulation, PRAB 20 (2017) 014203, eqs. 19-27.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from ..core.checks import require_reals, require_vectors, wrong
from ..core.errors import InvalidValueError
from ..core.scalars import is_whole

#: particles whose sines are held at once: 16 MB a direction for 64 modes in float64
_CHUNK = 32_768


def mode_amplitudes(
    x: Tensor,
    y: Tensor,
    weights: Tensor,
    size: tuple[float, float],
    modes: tuple[int, int],
) -> Tensor:
    """Sums of w_p sin(k_m (x_p + a/2)) sin(k_n (y_p + b/2)) over the particles, (mx, my).

    Args:
        x, y: positions (N,) [m], finite and inside the box.
        weights: (N,), each particle's share of the beam; zero takes one out.
        size: full width a and height b of the conducting rectangle [m].
        modes: highest mode numbers (mx, my); k_m = m pi / a.

    Raises:
        InvalidValueError: a side or a mode number is not positive.
    """
    kx, ky = wavenumbers(size, modes, x)
    total = x.new_zeros(modes)
    for part in _chunks(x.shape[-1]):
        sine_x = torch.sin(torch.outer(kx, x[part] + size[0] / 2))
        sine_y = torch.sin(torch.outer(ky, y[part] + size[1] / 2))
        total = total + (sine_x * weights[part]) @ sine_y.mT
    return total


def solve_modes(amplitudes: Tensor, size: tuple[float, float]) -> Tensor:
    """Sine coefficients of H, (mx, my), from those of `mode_amplitudes`.

    The density is 4/(a b) times the amplitudes, and each mode of it is divided by k_m^2 + k_n^2.
    """
    kx, ky = wavenumbers(size, (amplitudes.shape[-2], amplitudes.shape[-1]), amplitudes)
    return 8 * math.pi / (size[0] * size[1]) * amplitudes / (kx.unsqueeze(-1) ** 2 + ky**2)


def evaluate_modes(
    coefficients: Tensor, x: Tensor, y: Tensor, size: tuple[float, float]
) -> tuple[Tensor, Tensor, Tensor]:
    """H, dH/dx and dH/dy [1, 1/m, 1/m] at positions (M,) [m] from sine coefficients of H."""
    kx, ky = wavenumbers(size, (coefficients.shape[-2], coefficients.shape[-1]), x)
    found = []
    for part in _chunks(x.shape[-1]):
        phase_x = torch.outer(x[part] + size[0] / 2, kx)
        phase_y = torch.outer(y[part] + size[1] / 2, ky)
        sine_x, sine_y = torch.sin(phase_x), torch.sin(phase_y)
        along = sine_x @ coefficients
        value = (along * sine_y).sum(-1)
        slope_x = ((torch.cos(phase_x) * kx) @ coefficients * sine_y).sum(-1)
        slope_y = (along * torch.cos(phase_y) * ky).sum(-1)
        found.append((value, slope_x, slope_y))
    value, slope_x, slope_y = (torch.cat(column) for column in zip(*found, strict=True))
    return value, slope_x, slope_y


def gridless_potential(
    x: Tensor,
    y: Tensor,
    weights: Tensor,
    at: tuple[Tensor, Tensor],
    size: tuple[float, float],
    modes: tuple[int, int],
) -> tuple[Tensor, Tensor, Tensor]:
    """H, dH/dx and dH/dy at positions `at`, made by particles at x, y.

    Args:
        x, y, weights, size, modes: as for `mode_amplitudes`.
        at: positions (M,) and (M,) [m].

    Returns:
        Three tensors (M,) [1, 1/m, 1/m]; the kick over ds is -K ds times the last two.
    """
    require_vectors(x=x, y=y, weights=weights)
    if not isinstance(at, (tuple, list)) or len(at) != 2:
        raise wrong("at", at, "two tensors of positions, (M,) and (M,)")
    require_vectors(x=at[0], y=at[1])
    coefficients = solve_modes(mode_amplitudes(x, y, weights, size, modes), size)
    return evaluate_modes(coefficients, *at, size)


def wavenumbers(
    size: tuple[float, float], modes: tuple[int, int], like: Tensor
) -> tuple[Tensor, Tensor]:
    """k_m = m pi / a and k_n = n pi / b [1/m], from 1 on, in the precision of `like`."""
    require_reals("size", size, 2)
    if not isinstance(modes, (tuple, list)) or len(modes) != 2 or not all(map(is_whole, modes)):
        raise wrong("modes", modes, "two whole numbers, in x and in y")
    if not all(s > 0 for s in size):
        raise InvalidValueError(f"the box must have positive finite sides, got {size} m")
    if not all(m >= 1 for m in modes):
        raise InvalidValueError(f"mode numbers must be at least 1, got {modes}")
    kx, ky = (
        torch.arange(1, m + 1, dtype=like.dtype, device=like.device) * (math.pi / side)
        for m, side in zip(modes, size, strict=True)
    )
    return kx, ky


def _chunks(count: int) -> Iterator[slice]:
    for start in range(0, max(count, 1), _CHUNK):
        yield slice(start, start + _CHUNK)

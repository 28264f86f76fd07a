"""A potential on a mesh keeps its promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..collective.poisson import Potential, require_potential, solve_by
from ..core.errors import InvalidValueError
from .comparison import CheckFailedError, differences, require_close, require_true


def check_potential(potential: Potential, *, linear: bool = True) -> None:
    """Put a potential, a solver or a network, through what those of this package go through.

    Shapes; nothing from nothing, if it is linear; its own transpose, if it says that it is
    `symmetric`; batches, single precision; derivatives, reverse and forward, against differences.

    Args:
        potential: what turns a density on a mesh into the potential; see `Potential`.
        linear: whether twice the density has twice the potential.

    Raises:
        CheckFailedError: what does not hold.
    """
    require_potential(potential, "potential")
    shape = potential.mesh.grid.padded_shape
    one, two = (_density(shape, seed) for seed in (1, 2))
    with torch.no_grad():  # a module's own weights may ask for gradients
        _check_values(potential, one, two, linear)
    _check_derivatives(potential, one, two)


def _check_values(potential: Potential, one: Tensor, two: Tensor, linear: bool) -> None:
    shape = potential.mesh.grid.padded_shape
    h = _solve(potential, one)
    require_true(f"solve gives shape {tuple(h.shape)}, not {shape}", tuple(h.shape) == shape)
    bad = ~torch.isfinite(h)
    require_true(
        f"solve must give finite numbers: of {h.numel()} cells {int(bad.sum())} are NaN or "
        f"infinite, first at {tuple(bad.nonzero()[:1].flatten().tolist())}, by {potential!r}",
        not bad.any(),
    )
    size = float(h.abs().max())
    if linear:
        both = potential.solve(one + 2 * two)
        apart = h + 2 * potential.solve(two)
        remedy = "of a network that is not linear, say linear=False"
        require_close("linearity", both.numpy(), apart.numpy(), 1e-10 * size, remedy)
    if getattr(potential, "symmetric", False):
        there, back = (h * two).sum(), (potential.solve(two) * one).sum()
        require_close("symmetry", there.numpy(), back.numpy(), 1e-10 * abs(float(there)))
    batch = potential.solve(torch.stack([two, one]))[1]
    require_close("a batch", batch.numpy(), h.numpy(), 1e-10 * size)
    single = _solve(potential, one.float())
    require_close("single precision", single.double().numpy(), h.numpy(), 1e-3 * size)


def _solve(potential: Potential, fractions: Tensor) -> Tensor:
    try:
        return solve_by(potential, fractions)
    except InvalidValueError as error:
        raise CheckFailedError(str(error)) from error


def _density(shape: tuple[int, int], seed: int) -> Tensor:
    """Shares in the cells of a bell with noise, away from the walls."""
    x, y = (torch.linspace(-1, 1, n, dtype=torch.float64) for n in shape)
    bell = torch.exp(-8 * (x.unsqueeze(1) ** 2 + y**2))
    noise = torch.as_tensor(np.random.default_rng(seed).uniform(0.5, 1.5, shape))
    made = bell * noise
    return made / made.sum()


def _check_derivatives(potential: Potential, at: Tensor, along: Tensor) -> None:
    weights = torch.as_tensor(np.random.default_rng(3).normal(size=tuple(at.shape)))
    leaf = at.clone().requires_grad_()
    (slopes,) = torch.autograd.grad((_solve(potential, leaf) * weights).sum(), leaf)
    found: Any = torch.func.jvp(lambda d: (potential.solve(d) * weights).sum(), (at,), (along,))

    @torch.no_grad()
    def value(shift: float) -> float:
        return float((potential.solve(at + shift * along) * weights).sum())

    slope, bound = differences(value, 0.0, 1e-3)
    tolerance = 2 * bound + 1e-8 * abs(float(slope))
    require_close("derivative, reverse", float((slopes * along).sum()), slope, tolerance)
    require_close("derivative, forward", float(found[1].detach()), slope, tolerance)

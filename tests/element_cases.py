"""The cases of the element battery: every kind and model, at regular and at singular parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

import pyjutrack as pj
from pyjutrack.transport import WHOLE, Part, State, advance

PROTON = pj.Reference.from_kinetic("proton", 1e9)
SYMPLECTIC = torch.block_diag(*3 * [torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)])


def exact_drift(c: Tensor, length: Any) -> Tensor:
    _, px, _, py, _, delta = c
    return -((1 + delta) ** 2 - px**2 - py**2).sqrt() + energy(delta)


def paraxial_drift(c: Tensor, length: Any) -> Tensor:
    _, px, _, py, _, delta = c
    return (px**2 + py**2) / (2 * (1 + delta)) - (1 + delta) + energy(delta)


def energy(delta: Tensor) -> Tensor:
    """E / (P0 c beta0): conjugate to z = -beta c (t - t0) through the time of the reference."""
    return ((1 + delta) ** 2 + 1 / PROTON.beta_gamma**2).sqrt() / PROTON.beta


def focusing(drift: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda c, length, k1: drift(c, length) + k1 * (c[0] ** 2 - c[2] ** 2) / 2


class Case(NamedTuple):
    """An element as a function of its parameters, and the Hamiltonian per metre it should solve."""

    label: str
    kind: type[pj.Element]
    make: Callable[..., pj.Element]
    parameters: tuple[float, ...]
    hamiltonian: Callable[..., Tensor] | None = None
    solved_to: float = 3e-12  # the method's own error, where it is not exact

    def element(self, *parameters: float | Tensor) -> pj.Element:
        return self.make(*(parameters or self.parameters))

    def push(self, c: Tensor, *parameters: float | Tensor) -> Tensor:
        """Coordinates (..., 6) to coordinates (..., 6)."""
        return move(self.element(*parameters), c)


def move(element: pj.Element, c: Tensor, part: Part = WHOLE, alive: Any = None) -> Tensor:
    single = c.dim() == 1
    c = c.unsqueeze(0) if single else c
    alive = torch.ones(c.shape[:-1], dtype=torch.bool) if alive is None else torch.as_tensor(alive)
    state = advance(element, State(tuple(c.unbind(-1)), alive), PROTON, part)
    out = torch.stack(state.coordinates, dim=-1)
    return out.squeeze(0) if single else out


def paraxial(length: Any) -> pj.Element:
    return pj.Drift(length, model="paraxial")


def integrator(steps: int) -> Callable[..., pj.Element]:
    return lambda length, k1: pj.Quadrupole(length, k1, model="exact", steps=steps)


def multipole(*strengths: Any) -> pj.Element:
    half = len(strengths) // 2
    return pj.Multipole(knl=strengths[:half], ksl=strengths[half:])


LINEAR = focusing(paraxial_drift)
EXACT = focusing(exact_drift)
STRENGTHS = (2e-3, 0.6, -20.0, 900.0, -1e-3, 0.4, 15.0, -700.0)

CASES = [
    Case("drift", pj.Drift, pj.Drift, (0.7,), exact_drift),
    Case("drift-long", pj.Drift, pj.Drift, (30.0,), exact_drift),
    Case("drift-zero", pj.Drift, pj.Drift, (0.0,), exact_drift),
    Case("paraxial", pj.Drift, paraxial, (0.7,), paraxial_drift),
    Case("paraxial-zero", pj.Drift, paraxial, (0.0,), paraxial_drift),
    Case("quad", pj.Quadrupole, pj.Quadrupole, (0.1, 29.6), LINEAR),
    Case("quad-negative", pj.Quadrupole, pj.Quadrupole, (0.1, -29.6), LINEAR),
    Case("quad-strong", pj.Quadrupole, pj.Quadrupole, (1.1, 5.0), LINEAR),
    Case("quad-off", pj.Quadrupole, pj.Quadrupole, (0.3, 0.0), LINEAR),
    Case("quad-faint", pj.Quadrupole, pj.Quadrupole, (0.3, 1e-10), LINEAR),
    Case("quad-zero", pj.Quadrupole, pj.Quadrupole, (0.0, 29.6), LINEAR),
    Case("integrator", pj.Quadrupole, integrator(2), (0.1, 3.0), EXACT, 1e-5),
    Case("integrator-negative", pj.Quadrupole, integrator(2), (0.1, -3.0), EXACT, 1e-5),
    Case("integrator-off", pj.Quadrupole, integrator(1), (0.3, 0.0), EXACT),
    Case("integrator-zero", pj.Quadrupole, integrator(1), (0.0, 3.0), EXACT),
    Case("multipole", pj.Multipole, multipole, STRENGTHS),
    Case("multipole-off", pj.Multipole, multipole, (0.0,) * 6),
    Case("multipole-none", pj.Multipole, lambda: pj.Multipole(), ()),
    Case("marker", pj.Marker, lambda: pj.Marker(), ()),
]


def points(count: int = 5, seed: int = 0) -> Tensor:
    """Off-axis, off-momentum particles (count, 6), the last one on the axis."""
    size = torch.tensor([8e-3, 1e-2, 8e-3, 1e-2, 0.1, 0.05], dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    c = (2 * torch.rand(count, 6, generator=generator, dtype=torch.float64) - 1) * size
    c[-1] = 0.0
    return c


def by_equations_of_motion(
    hamiltonian: Callable[..., Tensor], start: Tensor, length: float, *parameters: float
) -> np.ndarray:
    """Hamilton's equations, with the gradient of H by autograd, by an 8th-order integrator."""

    def rates(_: float, c: np.ndarray) -> np.ndarray:
        leaf = torch.tensor(c, requires_grad=True)
        (slope,) = torch.autograd.grad(hamiltonian(leaf, length, *parameters), leaf)
        return (SYMPLECTIC @ slope).numpy()

    found = solve_ivp(rates, (0, length), start.numpy(), method="DOP853", rtol=1e-12, atol=1e-15)
    return found.y[:, -1]

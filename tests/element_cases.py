"""Elements as functions of their parameters, what is known of their maps, and particles."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

import pyjutrack as pj
from pyjutrack.elements import Magnet
from pyjutrack.elements.part import WHOLE, Part
from pyjutrack.elements.placement import advance
from pyjutrack.maps.state import State

PROTON = pj.Reference.from_kinetic("proton", 1e9)
Along = Callable[[Tensor], Tensor]
Hamiltonian = Callable[..., Tensor]
SYMPLECTIC = torch.block_diag(*3 * [torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)])


def square_root(c: Tensor) -> Tensor:
    """-(momentum along s), exactly."""
    _, px, _, py, _, delta = c
    return -((1 + delta) ** 2 - px**2 - py**2).sqrt()


def expanded(c: Tensor) -> Tensor:
    """-(momentum along s), to second order."""
    _, px, _, py, _, delta = c
    return (px**2 + py**2) / (2 * (1 + delta)) - (1 + delta)


def energy(delta: Tensor) -> Tensor:
    """E / (P0 c beta0): conjugate to z = -beta c (t - t0) through the time of the reference."""
    return ((1 + delta) ** 2 + 1 / PROTON.beta_gamma**2).sqrt() / PROTON.beta


def drifting(along: Along) -> Hamiltonian:
    return lambda c, length: along(c) + energy(c[5])


def multipoles(along: Along) -> Hamiltonian:
    """Strengths k0, k1, ... and skew ones, per metre, as far as there are."""

    def h(c: Tensor, length: Any, **k: Any) -> Tensor:
        w = torch.complex(c[0], c[2])
        total = along(c) + energy(c[5])
        for name, strength in k.items():
            order = int(name[1]) + 1
            skew = 1j if name.endswith("s") else 1.0
            total = total + (skew * strength * w**order / math.factorial(order)).real
        return total

    return h


def in_solenoid(c: Tensor, length: Any, ks: Any) -> Tensor:
    x, px, y, py, _, delta = c
    kinetic = (px + ks * y / 2) ** 2 + (py - ks * x / 2) ** 2
    return -((1 + delta) ** 2 - kinetic).sqrt() + energy(delta)


def in_wave(c: Tensor, length: Any, voltage: Any, frequency: Any, phase: Any) -> Tensor:
    """A wave that runs with the reference, without ends."""
    x, _, y, _, z, delta = c
    p0c = float(PROTON.p0c)
    wavenumber = frequency * 2 * math.pi / 299_792_458
    late = -z * energy(delta) * PROTON.beta / (1 + delta)
    u = (wavenumber / PROTON.beta_gamma) ** 2 / 4 * (x * x + y * y)
    off_axis = sum(u**n / math.factorial(n) ** 2 for n in range(6))  # I_0, smooth at r = 0
    gradient = voltage / (length * p0c)
    wave = -(gradient / wavenumber) * (phase + wavenumber * late).cos() * off_axis
    return expanded(c) + energy(delta) + wave


def in_standing_wave(c: Tensor, length: Any, voltage: Any, **wave: Any) -> Tensor:
    """With the mean force of another one that runs against it."""
    x, _, y, _, _, delta = c
    slow = 1 / PROTON.gamma**2
    pull = voltage / (length * PROTON.p0c * PROTON.beta)
    force = pull * pull / 8 * (1 - slow + 0.75 * slow * slow)
    squares = force * (x * x + y * y) / (2 * (1 + delta))
    return in_wave(c, length, voltage, **wave) + squares


class Case(NamedTuple):
    """An element as a function of its parameters, and what is known of its map."""

    label: str
    kind: type[pj.Element]
    parameters: dict[str, float] = {}  # noqa: RUF012
    options: dict[str, Any] = {}  # noqa: RUF012
    #: per metre, which the map should solve
    hamiltonian: Hamiltonian | None = None
    #: the method's own error, where it is not exact
    solved_to: float = 3e-12
    #: parameters of the element that leads back when motion is mirrored in time
    mirrored: Callable[..., dict[str, Any]] | None = None
    reversed_to: float = 4e-15
    #: slices make up the whole
    divisible: bool = True

    @property
    def values(self) -> tuple[float, ...]:
        return tuple(self.parameters.values())

    def element(self, *values: float | Tensor) -> pj.Element:
        named: dict[str, Any] = dict(zip(self.parameters, values or self.values, strict=True))
        return build(self.kind, named, self.options)

    def mirror(self) -> pj.Element:
        named = self.parameters | (self.mirrored(**self.parameters) if self.mirrored else {})
        for name in ("dz", "x_rot", "y_rot"):
            if name in named:
                named[name] = -named[name]
        return build(self.kind, named, self.options)

    def push(self, c: Tensor, *values: float | Tensor) -> Tensor:
        """Coordinates (..., 6) to coordinates (..., 6)."""
        return move(self.element(*values), c)


def build(kind: type[pj.Element], named: dict[str, Any], options: dict[str, Any]) -> pj.Element:
    """Entries such as "knl1" make up a series, over that of the options; steps are few."""
    plain: dict[str, Any] = {"steps": kind.fewest} if issubclass(kind, Magnet) else {}
    plain |= options
    for name, value in named.items():
        series, place = name.rstrip("0123456789"), name.lstrip("abcdefghijklmnopqrstuvwxyz_")
        if series not in kind.series:
            plain[name] = value
            continue
        before = plain.get(series, getattr(kind, series, ()))
        missing = (0.0,) * (int(place) + 1 - len(before))
        entries = [*before, *missing]
        entries[int(place)] = value
        plain[series] = tuple(entries)
    return kind(**plain)


def move(element: pj.Element, c: Tensor, part: Part = WHOLE, alive: Any = None) -> Tensor:
    single = c.dim() == 1
    c = c.unsqueeze(0) if single else c
    alive = torch.ones(c.shape[:-1], dtype=torch.bool) if alive is None else torch.as_tensor(alive)
    state = advance(element, State(tuple(c.unbind(-1)), alive), PROTON, part)
    out = torch.stack(state.coordinates, dim=-1)
    return out.squeeze(0) if single else out


def learned(form: Any) -> dict[str, Any]:
    """A form with some weights."""
    draw = torch.Generator().manual_seed(3)
    weights = form.start() + torch.randn(form.count, generator=draw, dtype=torch.float64)
    return {"potential": form, "weights": weights}


SPLINE = learned(pj.elements.potentials.Spline((0.04, 0.03), (10, 12), unit=1e-5))
PERCEPTRON = learned(pj.elements.potentials.Perceptron((5, 4), (0.01, 0.02), unit=1e-5))
IN_TIME = learned(pj.elements.potentials.Perceptron((4,), (0.01, 0.02, 0.05), unit=1e-5))
EXACT, PARAXIAL = {"model": "exact"}, {"model": "paraxial"}
PLACED = {"dx": 1e-3, "dy": -2e-3, "dz": 3e-3, "x_rot": 4e-3, "y_rot": -6e-3, "z_rot": 0.02}
STRENGTHS = {f"knl{n}": k for n, k in enumerate((2e-3, 0.6, -20.0, 900.0))}
STRENGTHS |= {f"ksl{n}": k for n, k in enumerate((-1e-3, 0.4, 15.0, -700.0))}


def quadrupole(label: str, length: float, k1: float) -> Case:
    parameters = {"length": length, "k1": k1}
    return Case(label, pj.Quadrupole, parameters, {}, multipoles(expanded))


def matrix_of(seed: int, size: float) -> dict[str, Any]:
    """A symplectic matrix, the exponential of S A with A symmetric, and a kick."""
    draw = np.random.default_rng(seed)
    a = size * draw.normal(size=(6, 6))
    r = scipy.linalg.expm(SYMPLECTIC.numpy() @ (a + a.T))
    return {"matrix": tuple(r.ravel().tolist()), "kick": tuple(draw.normal(0, 1e-4, 6).tolist())}


MATRIX = matrix_of(5, 0.1)
SECOND = {"second": tuple(np.random.default_rng(6).normal(0, 0.1, 216).tolist())}


def mapped(label: str, parameters: dict[str, float], options: dict[str, Any]) -> Case:
    return Case(label, pj.TaylorMap, {"length": 0.2, **parameters}, {**MATRIX, **options})


def kicked(label: str, options: dict[str, Any], placed: Any = None) -> Case:
    parameters = {"strength": 1.3, **(placed or {})}
    return Case(label, pj.HamiltonianKick, parameters, options, divisible=False)


def points(count: int = 5, seed: int = 0) -> Tensor:
    """Off-axis, off-momentum particles (count, 6), the last one on the axis."""
    size = torch.tensor([8e-3, 1e-2, 8e-3, 1e-2, 0.1, 0.05], dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    c = (2 * torch.rand(count, 6, generator=generator, dtype=torch.float64) - 1) * size
    c[-1] = 0.0
    return c


def beam_of(*rows: list[float], reference: pj.Reference = PROTON) -> pj.Beam:
    return pj.Beam(reference, torch.tensor(rows, dtype=torch.float64))


def by_equations_of_motion(
    hamiltonian: Hamiltonian, start: Tensor, length: float, **parameters: float
) -> np.ndarray:
    """Hamilton's equations, with the gradient of H by autograd, by an 8th-order integrator."""

    def rates(_: float, c: np.ndarray) -> np.ndarray:
        leaf = torch.tensor(c, requires_grad=True)
        (slope,) = torch.autograd.grad(hamiltonian(leaf, length, **parameters), leaf)
        return (SYMPLECTIC @ slope).numpy()

    found = solve_ivp(rates, (0, length), start.numpy(), method="DOP853", rtol=1e-12, atol=1e-15)
    return found.y[:, -1]

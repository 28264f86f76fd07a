"""The battery's table of effects: solvers, networks, learned terms, and an effect of a user."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple

import torch
from battery_cases import Part, part
from battery_setup import Array, Setup, drawn

import pyjutrack as pj
from pyjutrack.collective import Mesh, Place, Potential
from pyjutrack.maps.state import State
from pyjutrack.surrogate.architectures import Standardisation, energy_gradient, unet

Knobs = Mapping[str, Any]

SIZE, CELLS, MAX_STEP = (0.02, 0.02), (48, 48), 0.09
STANDARD = Standardisation(1e-3, 2e-3, 0.3, 0.4)
SCALE, WEIGHTS, INNER = "perveance_scale", "potential.weights", "potential.solver.weights"


def solver(**options: Any) -> pj.SpectralPoisson:
    return pj.SpectralPoisson(SIZE, CELLS, **options)


def network(kind: str) -> pj.surrogate.Network:
    """Two steps down and up, with random weights."""
    if kind == "energy":
        return energy_gradient((1, 1), STANDARD, 3).to(torch.float64)
    return unet((1, 1), STANDARD, 3, activated=kind == "activated").to(torch.float64)


@dataclass(frozen=True)
class Breathing(pj.CollectiveEffect):
    """A user's effect: the beam focuses itself about its middle. It says of itself nothing."""

    gain: float | torch.Tensor = 0.0
    max_step: float = MAX_STEP

    def field(self, beam: pj.Beam, state: State, place: Place, memory: Any) -> Any:
        live = state.alive.to(state.coordinates[0].dtype)
        count = live.sum(-1, keepdim=True)
        middle = (state.coordinates[0] * live).sum(-1, keepdim=True) / count
        return middle, 3e-5 * beam.current * self.gain * count

    def apply(self, state: State, field: Any, place: Place) -> State:
        x, px, *others = state.coordinates
        middle, strength = field
        return State((x, px - strength * place.ds * (x - middle), *others), state.alive)


@dataclass(frozen=True)
class Recorded:
    """A solver that takes the densities of another beam, one after another, and not this one's."""

    inner: Potential
    densities: tuple[torch.Tensor, ...]
    seen: list[torch.Tensor]

    @property
    def mesh(self) -> Mesh:
        return self.inner.mesh

    def solve(self, fractions: torch.Tensor) -> torch.Tensor:
        self.seen.append(fractions)
        known = self.densities[len(self.seen) - 1] if self.densities else fractions
        return self.inner.solve(known)


class Effect(NamedTuple):
    """How an effect is made of its knobs, and usual values of them.

    Attributes:
        starts: values of the weights at which the effect is one without them.
        reversible: what the package can undo.
    """

    make: Callable[[Knobs], Any]
    usual: dict[str, Any]
    starts: dict[str, torch.Tensor] = {}  # noqa: RUF012
    reversible: bool = True

    def at(self, level: str) -> dict[str, Any]:
        """Knobs at zero, at a small or a usual value."""
        factor = {"zero": 0.0, "small": 1e-3, "usual": 1.0}[level]
        found = {}
        for name, value in self.usual.items():
            start = self.starts.get(name, 0.0)
            # weights at zero tell where the rest is not zero
            whole = name == SCALE and level == "zero" and bool(self.starts)
            found[name] = value if whole else start + factor * (value - start)
        return found


def of(potential: Callable[[Knobs], Potential], **options: Any) -> Callable[[Knobs], Any]:
    return lambda knobs: pj.SpaceCharge(
        potential(knobs), MAX_STEP, perveance_scale=knobs[SCALE], **options
    )


def surrogate(kind: str) -> Effect:
    learned = pj.Surrogate(network(kind), solver().mesh)
    return Effect(of(lambda _: learned), {SCALE: 1.2})


def images(inner: Potential, weights: Any) -> pj.collective.ImageCharges:
    return pj.collective.ImageCharges(inner, order=2, weights=torch.as_tensor(weights))


def residual(kind: str, inner: Potential, weights: Any) -> pj.surrogate.ResidualNetwork:
    return pj.surrogate.ResidualNetwork(inner, network(kind), torch.as_tensor(weights))


@cache
def effects() -> dict[str, Effect]:
    """Every effect of the package, each potential of it and each choice of these once."""
    walls = torch.linspace(-0.4, 0.5, 14, dtype=torch.float64)
    none = torch.zeros_like(walls)
    found = {
        "spectral": Effect(of(lambda _: solver()), {SCALE: 1.1}),
        "modes": Effect(of(lambda _: solver(modes=(30, 20), damping=1.0)), {SCALE: 0.9}),
        "quadratic": Effect(of(lambda _: solver(assignment="quadratic")), {SCALE: 1.1}),
        "catmull-rom": Effect(of(lambda _: solver(assignment="catmull-rom")), {SCALE: 1.1}),
        "stiff": Effect(of(lambda _: solver(), response=False), {SCALE: 1.1}),
        "images": Effect(
            of(lambda k: images(solver(), k[WEIGHTS])),
            {SCALE: 0.9, WEIGHTS: walls},
            {WEIGHTS: none},
        ),
        "guest": Effect(lambda k: Breathing(k["gain"]), {"gain": 1.0}, reversible=False),
    }
    for kind in ("linear", "activated", "energy"):
        found[f"surrogate-{kind}"] = surrogate(kind)
        own = torch.cat([w.reshape(-1) for w in network(kind).weights.values()])
        start = torch.where(torch.arange(len(own)) < len(own) // 2, own, 0.0)
        found[f"residual-{kind}"] = Effect(
            of(lambda k, kind=kind: residual(kind, solver(), k[WEIGHTS])),
            {SCALE: 1.0, WEIGHTS: own},
            {WEIGHTS: start},
        )
    own = found["residual-linear"]
    found["nested"] = Effect(
        of(lambda k: images(residual("linear", solver(), k[INNER]), k[WEIGHTS])),
        {SCALE: 0.9, WEIGHTS: walls, INNER: own.usual[WEIGHTS]},
        {WEIGHTS: none, INNER: own.starts[WEIGHTS]},
    )
    return found


def departing(coordinates: Array) -> Array:
    """Particles of which one is shot through the wall of the box."""
    coordinates = coordinates.copy()
    coordinates[7, :2] = (9.6e-3, 0.02)
    return coordinates


def setup_of(name: str, level: str = "usual") -> Setup:
    """A short line with an effect, whose knobs and whose beam's are at a level."""
    effect = effects()[name]
    line = (
        Part("Drift", "in", {"length": 0.08}, {}),
        part("Quadrupole", "q", level, {}),
        Part("Drift", "out", {"length": 0.15}, {}),
    )
    current = 0.15 if level == "small" else 150.0
    setup = Setup(line, drawn(level), current, lambda knobs: [effect.make(knobs)], effect.at(level))
    return replace(setup, coordinates=departing(setup.coordinates)) if level == "usual" else setup

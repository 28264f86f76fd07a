"""Models with weights in them, for measurements of their gradients."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

import pyjutrack as pj
from pyjutrack.elements.potentials import Form, Perceptron, Spline

from .setup import Setup


class Learned(NamedTuple):
    """A model with weights.

    Attributes:
        weights: (P,) where it is measured.
        model: lattice and kicks with other weights.
    """

    weights: Tensor
    model: Callable[[Tensor], tuple[pj.Lattice, list[pj.CollectiveEffect]]]

    def track(self, setup: Setup, weights: Tensor, turns: int, adjoint: str = "auto") -> pj.Beam:
        lattice, effects = self.model(weights)
        return pj.track(lattice, setup.beam, effects=effects, turns=turns, adjoint=adjoint)

    def gradient(self, setup: Setup, turns: int, adjoint: str) -> Tensor:
        """Gradient of the final emittance in x by all weights, (P,)."""
        leaf = self.weights.clone().requires_grad_()
        end = self.track(setup, leaf, turns, adjoint)
        (slopes,) = torch.autograd.grad(pj.moments.emittance(end, "x"), leaf)
        return slopes


def _residual_network(setup: Setup) -> Learned:
    start = pj.surrogate.ResidualNetwork.small(setup.kick.potential, seed=1)
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(len(start.weights), generator=generator, dtype=torch.float64)

    def model(weights: Tensor) -> tuple[pj.Lattice, list[pj.CollectiveEffect]]:
        used = dataclasses.replace(start, weights=weights)
        return setup.lattice, [dataclasses.replace(setup.kick, potential=used)]

    # away from the start, where many slopes are zero
    return Learned(start.weights + 1e-3 * noise, model)


def _kick_by(form: Form, setup: Setup) -> Learned:
    """A kick by a learned potential at the end of every cell."""
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(form.count, generator=generator, dtype=torch.float64)

    def model(weights: Tensor) -> tuple[pj.Lattice, list[pj.CollectiveEffect]]:
        field = pj.HamiltonianKick(form, weights, name="field")
        return pj.Lattice([setup.lattice, field]), [setup.kick]

    return Learned(form.start() + 1e-2 * noise, model)


LEARNED: dict[str, Callable[[Setup], Learned]] = {
    "residual network": _residual_network,
    "perceptron": partial(_kick_by, Perceptron((98, 98), (5e-3, 5e-3), unit=1e-8)),
    "spline": partial(_kick_by, Spline((0.02, 0.02), (104, 104), unit=1e-10)),
}

"""Training on densities of beams and the potentials that a solver gives for them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...collective.base import CollectiveEffect
from ...collective.poisson import Potential, SpectralPoisson
from ...core.errors import InvalidValueError
from ..architectures import Standardisation
from ..layer_base import Weights
from ..network import Network, evaluate
from ..surrogate import Surrogate
from .field_error import relative_error
from .fit import Problem
from .samples import CELLS, Samples, draw, pad

if TYPE_CHECKING:
    from .recipe import Recipe

#: beams on which the error is watched during training
_WATCHED = 64
#: field errors below this are rounding: samples are kept in single precision
_SAME = 1e-3


def pose(
    recipe: Recipe,
    teacher: Potential | None,
    device: torch.device,
    drawn: Callable[[], object],
) -> Problem[Surrogate]:
    """Draw the samples of a recipe, and pose what is to be fitted to them.

    The loss is the relative error of the field (an H1 norm), once weighted by the density and once
    over the whole box.

    Raises:
        InvalidValueError: the teacher's grid is another than the recipe's.
    """
    teacher = default_teacher(recipe) if teacher is None else teacher
    grid = teacher.mesh.grid
    if (grid.size, grid.shape) != (recipe.size, recipe.shape):
        raise InvalidValueError(
            f"the teacher solves on {grid.shape} cells of a {grid.size} m box, the recipe asks for "
            f"{recipe.shape} cells of {recipe.size} m"
        )
    samples, domain = draw(teacher, recipe.beams, recipe.seed, recipe.samples, drawn)
    watched, _ = draw(teacher, recipe.beams, recipe.watched_seed, _WATCHED)
    network = recipe.build(_standardisation(samples)).to(torch.float32, device)
    ways, mesh = symmetries(teacher, samples), teacher.mesh
    samples, watched = samples.to(device), watched.to(device)

    def loss(weights: Weights, step: int) -> Tensor:
        return _loss(network, weights, _batch(recipe, ways, samples, step))

    def watch(weights: Weights) -> float:
        return _watch(network, weights, watched)

    def finish(trained: Network) -> Surrogate:
        return Surrogate(trained, mesh, domain, about={"teacher": learned})

    learned = describe_teacher(teacher)
    identity = {**recipe.record(), "teacher": learned}
    return Problem(network, recipe.steps, recipe.rate, identity, loss, watch, finish)


def default_teacher(recipe: Recipe) -> Potential:
    """The spectral solver of the recipe's box, with its defaults: all modes, short waves damped.

    The shipped networks learned from the series cut off at half of the modes, as their cards say.
    """
    return SpectralPoisson(recipe.size, recipe.shape)


def describe_teacher(teacher: Potential | CollectiveEffect) -> str:
    """Describe a teacher in words that are the same in every run."""
    return repr(teacher) if dataclasses.is_dataclass(teacher) else type(teacher).__name__


def symmetries(teacher: Potential, samples: Samples) -> tuple[int, ...]:
    """Find the symmetries of `Samples` that the teacher's potentials have, on a few samples."""
    few = samples.pick(torch.arange(min(4, len(samples.density)))).double()
    nx, ny = few.density.shape[-2:]
    found = []
    for way in range(8 if nx == ny else 4):
        density, potential = few.apply_symmetry(way)
        solved = torch.stack([teacher.solve(pad(rho))[CELLS] for rho in density])
        everywhere = torch.ones_like(solved)
        if float(relative_error(solved.double(), potential, everywhere).max()) < _SAME:
            found.append(way)
    return tuple(found)


def _batch(recipe: Recipe, ways: tuple[int, ...], samples: Samples, step: int) -> Samples:
    """The samples of a step, turned at random; a function of the recipe and the step alone."""
    # hashes of integers are the same in every process, unlike those of strings
    generator = torch.Generator().manual_seed(hash((recipe.seed, step)) & 0x7FFF_FFFF)
    index = torch.randint(recipe.samples, (recipe.batch,), generator=generator)
    way = int(torch.randint(len(ways), (1,), generator=generator))
    picked = samples.pick(index.to(samples.density.device)).apply_symmetry(ways[way])
    return Samples(*(a.contiguous() for a in picked))


def _loss(network: Network, weights: Weights, batch: Samples) -> Tensor:
    h = evaluate(network.layers, weights, batch.density)
    at_beam = relative_error(h, batch.potential, batch.density.clamp(min=0))
    everywhere = relative_error(h, batch.potential, torch.ones_like(h))
    return (at_beam + everywhere).mean()


@torch.no_grad()
def _watch(network: Network, weights: Weights, watched: Samples) -> float:
    """Mean error of the field at beams that are not trained on."""
    h = evaluate(network.layers, weights, watched.density)
    return float(relative_error(h, watched.potential, watched.density.clamp(min=0)).mean())


def _standardisation(samples: Samples) -> Standardisation:
    rho, h = samples
    return Standardisation(float(rho.mean()), float(rho.std()), float(h.mean()), float(h.std()))

"""Training a network to give the potential that a solver gives."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from ...collective.poisson import Potential, SpectralPoisson
from ...core.devices import usable
from ...core.errors import InvalidValueError, TrainingError
from ..architectures import Standardisation
from ..network import Network, evaluate
from ..surrogate import Surrogate
from . import checkpoint
from .field_error import relative_error
from .recipe import Recipe
from .samples import CELLS, Samples, draw, pad

#: beams on which the error is watched during training
_WATCHED = 64
#: steps between checkpoints, and looks at the watched beams
SAVE_EVERY = 250
#: time after which a checkpoint is written all the same [s]
SAVE_SECONDS = 60.0
#: field errors below this are rounding: samples are kept in single precision
_SAME = 1e-3
#: steps over which the learning rate rises
_RISE = 100

#: step, loss, and the error on the watched beams at the last checkpoint
Report = Callable[[int, float, float], object]


def train(
    recipe: Recipe,
    *,
    teacher: Potential | None = None,
    checkpoint: Path | None = None,
    device: str | torch.device = "cpu",
    report: Report = lambda step, loss, error: None,
    drawn: Callable[[], object] = lambda: None,
) -> Surrogate:
    """Train a network; the same recipe gives the same network.

    The loss is the relative error of the field (an H1 norm), once weighted by the density and once
    over the whole box. Kernels are trained by Muon, offsets by Adam.

    Args:
        recipe: what to train, on what, how long.
        teacher: what gives the potentials to learn; the spectral solver of the recipe's box if
            None.
        checkpoint: file in which to keep the state, every 250 steps and at least every minute; a
            run that finds one there goes on from it. None keeps none.
        device: where the network is trained; samples are made on the CPU.
        report: called after each step with its number, the loss, and the mean field error of
            beams that are not trained on.
        drawn: called after each sample is made.

    Raises:
        InvalidValueError: the device cannot be used, the teacher's grid is another than the
            recipe's, or the checkpoint is of another recipe.
        TrainingError: the loss is no number any more.

    Source of Muon: K. Jordan et al., Muon: an optimizer for hidden layers in neural networks
    (2024).
    """
    teacher = default_teacher(recipe) if teacher is None else teacher
    grid = teacher.mesh.grid
    if (grid.size, grid.shape) != (recipe.size, recipe.shape):
        raise InvalidValueError(
            f"the teacher solves on {grid.shape} cells of a {grid.size} m box, the recipe asks for "
            f"{recipe.shape} cells of {recipe.size} m"
        )
    device = usable(device)
    samples, domain = draw(teacher, recipe.beams, recipe.seed, recipe.samples, drawn)
    watched, _ = draw(teacher, recipe.beams, recipe.watched_seed, _WATCHED)
    network = recipe.build(_standardisation(samples)).to(torch.float32, device)
    run = _Run(recipe, describe_teacher(teacher), symmetries(teacher, samples), checkpoint, report)
    weights = _fit(run, network, samples.to(device), watched.to(device))
    return Surrogate(network.replace(weights).to(torch.float32, "cpu"), teacher.mesh, domain)


def default_teacher(recipe: Recipe) -> Potential:
    """The spectral solver of the recipe's box, with its defaults: all modes, short waves damped.

    The shipped networks learned from the series cut off at half of the modes, as their cards say.
    """
    return SpectralPoisson(recipe.size, recipe.shape)


def describe_teacher(teacher: Potential) -> str:
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


class _Run(NamedTuple):
    recipe: Recipe
    teacher: str
    ways: tuple[int, ...]
    checkpoint: Path | None
    report: Report


def _fit(run: _Run, network: Network, samples: Samples, watched: Samples) -> dict[str, Tensor]:
    """The trained weights."""
    recipe, path = run.recipe, run.checkpoint
    identity = {**recipe.record(), "teacher": run.teacher}
    weights = {k: w.detach().clone().requires_grad_() for k, w in network.weights.items()}
    # Muon takes matrices: a kernel is one row for each channel of its first axis
    flat = {k: w.detach().reshape(w.shape[0], -1).squeeze(1) for k, w in weights.items()}
    optimizers = _optimizers(flat, recipe.rate)
    start, error, saved = 0, math.nan, time.monotonic()
    if path is not None and path.exists():
        start, error = checkpoint.restore(path, identity, flat, optimizers)
    for step in range(start, recipe.steps):
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * _schedule(step, recipe.steps)
        loss = _loss(network, weights, _batch(run, samples, step))
        if not math.isfinite(loss.item()):
            raise TrainingError(
                f"the loss is {loss.item()} at step {step}; train with a smaller rate than "
                f"{recipe.rate:g}" + (f"; the last good state is in {path}" if path else "")
            )
        gradients = torch.autograd.grad(loss, list(weights.values()))
        for parameter, gradient in zip(flat.values(), gradients, strict=True):
            parameter.grad = gradient.reshape(parameter.shape)
        for optimizer in optimizers:
            optimizer.step()
        done = step + 1
        late = time.monotonic() - saved >= SAVE_SECONDS
        if late or done % SAVE_EVERY == 0 or done == recipe.steps:
            error, saved = _watch(network, weights, watched), time.monotonic()
            if path is not None:
                checkpoint.save(path, identity, done, error, flat, optimizers)
        run.report(done, loss.item(), error)
    return {k: w.detach() for k, w in weights.items()}


def _optimizers(flat: dict[str, Tensor], rate: float) -> list[torch.optim.Optimizer]:
    kernels = [w for w in flat.values() if w.dim() == 2]
    offsets = [w for w in flat.values() if w.dim() == 1]
    made: list[torch.optim.Optimizer] = [torch.optim.Muon(kernels, lr=rate, weight_decay=0.0)]
    if offsets:
        made.append(torch.optim.Adam(offsets, lr=rate / 5, betas=(0.9, 0.99)))
    for optimizer in made:
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"]
    return made


def _schedule(step: int, steps: int) -> float:
    """A short rise, then half a cosine down to zero."""
    return min(1.0, (step + 1) / _RISE) * 0.5 * (1 + math.cos(math.pi * step / steps))


def _batch(run: _Run, samples: Samples, step: int) -> Samples:
    """The samples of a step, turned at random; a function of the run and the step alone."""
    recipe = run.recipe
    # hashes of integers are the same in every process, unlike those of strings
    generator = torch.Generator().manual_seed(hash((recipe.seed, step)) & 0x7FFF_FFFF)
    index = torch.randint(recipe.samples, (recipe.batch,), generator=generator)
    way = int(torch.randint(len(run.ways), (1,), generator=generator))
    picked = samples.pick(index.to(samples.density.device)).apply_symmetry(run.ways[way])
    return Samples(*(a.contiguous() for a in picked))


def _loss(network: Network, weights: dict[str, Tensor], batch: Samples) -> Tensor:
    h = evaluate(network.layers, weights, batch.density)
    at_beam = relative_error(h, batch.potential, batch.density.clamp(min=0))
    everywhere = relative_error(h, batch.potential, torch.ones_like(h))
    return (at_beam + everywhere).mean()


@torch.no_grad()
def _watch(network: Network, weights: dict[str, Tensor], watched: Samples) -> float:
    """Mean error of the field at beams that are not trained on."""
    h = evaluate(network.layers, weights, watched.density)
    return float(relative_error(h, watched.potential, watched.density.clamp(min=0)).mean())


def _standardisation(samples: Samples) -> Standardisation:
    rho, h = samples
    return Standardisation(float(rho.mean()), float(rho.std()), float(h.mean()), float(h.std()))

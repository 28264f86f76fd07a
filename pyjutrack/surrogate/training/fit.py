"""Training a network: steps of the optimisers, checkpoints, and what is watched meanwhile."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from ...core.devices import usable
from ...core.errors import TrainingError
from ..layer_base import Weights
from ..network import Network
from . import checkpoint as checkpoints

#: steps between checkpoints, and looks at the watched beams
SAVE_EVERY = 250
#: time after which a checkpoint is written all the same [s]
SAVE_SECONDS = 60.0
#: steps over which the learning rate rises
_RISE = 100

#: step, loss, and the error on the watched beams at the last checkpoint
Report = Callable[[int, float, float], object]

Made = TypeVar("Made", covariant=True)


class Problem(NamedTuple, Generic[Made]):  # type: ignore[misc]
    """What training fits.

    Attributes:
        network: with the first weights, where it is trained.
        steps, rate: of the optimisers; the rate falls to zero as a cosine.
        identity: what the run is, as plain data, by which a checkpoint is known.
        loss: of weights, at a step; a function of both alone.
        watch: the error of weights on beams that are not trained on.
        finish: makes what is asked for of the trained network.
    """

    network: Network
    steps: int
    rate: float
    identity: Mapping[str, Any]
    loss: Callable[[Weights, int], Tensor]
    watch: Callable[[Weights], float]
    finish: Callable[[Network], Made]


class Trainable(Protocol[Made]):
    """All that determines a run: a `Recipe`, or a `WakeRecipe`."""

    def pose(
        self, teacher: Any, device: torch.device, drawn: Callable[[], object]
    ) -> Problem[Made]: ...


def train(
    recipe: Trainable[Made],
    *,
    teacher: Any = None,
    checkpoint: Path | None = None,
    device: str | torch.device = "cpu",
    report: Report = lambda step, loss, error: None,
    drawn: Callable[[], object] = lambda: None,
) -> Made:
    """Train a network; the same recipe gives the same network.

    Kernels are trained by Muon, offsets by Adam.

    Args:
        recipe: what to train, on what, how long: a `Recipe` makes a `Surrogate`, a `WakeRecipe` a
            `WakeSurrogate`.
        teacher: what is learned: for fields a potential, the spectral solver of the recipe's box if
            None; for wakes an effect.
        checkpoint: file in which to keep the state, every 250 steps and at least every minute; a
            run that finds one there goes on from it. None keeps none.
        device: where the network is trained; samples are made on the CPU.
        report: called after each step with its number, the loss, and the mean error on beams that
            are not trained on, as last measured: every 250 steps, each minute and at the end; NaN
            before the first time.
        drawn: called after each sample is made.

    Raises:
        InvalidValueError: the device cannot be used, the teacher is not one of such a recipe, or
            the checkpoint is of another recipe.
        TrainingError: the loss is no number any more.

    Source of Muon: K. Jordan et al., Muon: an optimizer for hidden layers in neural networks
    (2024).
    """
    problem = recipe.pose(teacher, usable(device), drawn)
    weights = _fit(problem, checkpoint, report)
    return problem.finish(problem.network.replace(weights).to(torch.float32, "cpu"))


def _fit(problem: Problem[Any], path: Path | None, report: Report) -> dict[str, Tensor]:
    """The trained weights."""
    network, steps, rate, identity, evaluate, watch, _ = problem
    weights = {k: w.detach().clone().requires_grad_() for k, w in network.weights.items()}
    # Muon takes matrices: a kernel is one row for each channel of its first axis
    flat = {k: w.detach().reshape(w.shape[0], -1).squeeze(1) for k, w in weights.items()}
    optimizers = _optimizers(flat, rate)
    start, error, saved = 0, math.nan, time.monotonic()
    if path is not None and path.exists():
        start, error = checkpoints.restore(path, identity, flat, optimizers)
    for step in range(start, steps):
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * _schedule(step, steps)
        loss = evaluate(weights, step)
        if not math.isfinite(loss.item()):
            raise TrainingError(
                f"the loss is {loss.item()} at step {step}; train with a smaller rate than "
                f"{rate:g}" + (f"; the last good state is in {path}" if path else "")
            )
        gradients = torch.autograd.grad(loss, list(weights.values()))
        for parameter, gradient in zip(flat.values(), gradients, strict=True):
            parameter.grad = gradient.reshape(parameter.shape)
        for optimizer in optimizers:
            optimizer.step()
        done = step + 1
        late = time.monotonic() - saved >= SAVE_SECONDS
        if late or done % SAVE_EVERY == 0 or done == steps:
            error, saved = watch(weights), time.monotonic()
            if path is not None:
                checkpoints.save(path, identity, done, error, flat, optimizers)
        report(done, loss.item(), error)
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

"""All that determines the training of a network for a wake."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ...beam.reference import Reference
from ...collective.base import CollectiveEffect
from ...core.checks import require_real, require_whole
from ...core.errors import InvalidValueError, require_known
from ...core.scalars import is_whole, to_float
from ...elements import Element
from ...mesh.grid import GHOSTS
from ..architectures import Standardisation
from ..layer_base import Weights
from ..network import Network, evaluate
from ..training.beams import HELD_OUT_SEED
from ..training.card import state_training
from ..training.fields import describe_teacher
from ..training.fit import Problem
from ..training.held_out import state_errors
from .architectures import LINE_ARCHITECTURES
from .bunches import SHAPES, Bunches
from .domain import BunchFigures, WakeDomain
from .samples import (
    WakeSamples,
    least_squares,
    line_error,
    settle_reference,
    wake_error,
    wake_samples,
)
from .surrogate import WakeSurrogate

#: bunches on which the error is watched during training, and measured after it
_WATCHED = 64
#: of the optimiser, where there are some
_STEPS = 3000


@dataclass(frozen=True)
class WakeRecipe:
    """The recipe of a training of a network for a wake: network, line, bunches, steps.

    `pyjutrack.surrogate.train(recipe, teacher=effect)` makes a `WakeSurrogate` of it. The loss is
    the rms error of the kick over the rms kick, once over the particles and once over the line.

    Attributes:
        architecture: "convolution", a function of the distance as wakes are, or "perceptron".
        hidden: widths between the first and the last layer; None takes those of the architecture.
            A convolution without any, and a perceptron with one, are linear in the density.
        cells: of the line.
        window: length of the line about the reference [m]; None for one that follows the bunch.
        power: of the length, by which the wake of one shape goes on a line that follows the bunch.
            See `WakeSurrogate`.
        lengths: least and largest rms length of the bunches [m]; log-uniform.
        offset: largest distance of their centres from the reference, in rms lengths.
        particles: fewest and most macroparticles; log-uniform.
        component: of the effect: "longitudinal", "constant x", ...
        reference: of the bunches; None is an electron of 1 GeV.
        element: in which the effect acts; see `wake_samples`.
        samples: bunches to train on.
        steps: of the optimiser; None is none for a convolution without hidden widths, whose weights
            least squares find, and else 3000.
        batch: bunches a step.
        rate: first learning rate; it falls to zero as a cosine.
        seed: of the bunches, the first weights and the order of training.
    """

    architecture: str = "convolution"
    hidden: tuple[int, ...] | None = None
    cells: int = 128
    window: float | None = None
    power: float = 0.0
    lengths: tuple[float, float] = (1e-3, 1e-2)
    offset: float = 0.5
    particles: tuple[int, int] = (5_000, 100_000)
    component: str = "longitudinal"
    reference: Reference | None = None
    element: Element | None = None
    samples: int = 1000
    steps: int | None = None
    batch: int = 64
    rate: float = 1e-2
    seed: int = 1

    def __post_init__(self) -> None:
        require_known("architecture", self.architecture, LINE_ARCHITECTURES)
        built = LINE_ARCHITECTURES[self.architecture]
        hidden: Any = built.hidden if self.hidden is None else self.hidden
        if not isinstance(hidden, (tuple, list)) or not all(is_whole(n) and n > 0 for n in hidden):
            raise InvalidValueError(f"hidden are positive whole widths, got {hidden!r}")
        if len(hidden) < built.least:
            raise InvalidValueError(f"a {built.name} needs a hidden width, such as (64,)")
        object.__setattr__(self, "hidden", tuple(hidden))
        settle_reference(self.reference, self.component, self.element)  # raises for other kinds
        bunches = self.bunches  # and for what cannot be drawn
        object.__setattr__(self, "lengths", bunches.lengths)
        object.__setattr__(self, "particles", bunches.particles)
        if self.steps is None:
            object.__setattr__(self, "steps", 0 if self._by_least_squares else _STEPS)
        least_steps = int(not self._by_least_squares)
        for name, least in (
            ("cells", 8), ("samples", 1), ("steps", least_steps), ("batch", 1), ("seed", 0)
        ):  # fmt: skip
            require_whole(name, getattr(self, name), least)
        require_real("the learning rate", self.rate, above=0)
        require_real("power", self.power)
        if self.window is not None and self.power:
            raise InvalidValueError(
                "a window has a length of its own; power is for lines that follow the bunch"
            )
        if HELD_OUT_SEED in (self.seed, self.seed + 1):
            raise InvalidValueError(
                f"seed {self.seed} would show training the held-out bunches; take another"
            )

    @property
    def _by_least_squares(self) -> bool:
        return LINE_ARCHITECTURES[self.architecture].linear_in_weights and not self.hidden

    @property
    def bunches(self) -> Bunches:
        """The family from which bunches are drawn."""
        return Bunches(self.lengths, self.offset, self.particles, self.window)

    def record(self) -> dict[str, Any]:
        """Return the recipe as plain data."""
        plain = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {**plain, "element": repr(self.element), "reference": repr(self.reference)}

    def draw(
        self,
        effect: CollectiveEffect,
        seed: int,
        count: int,
        progress: Callable[[], object] = lambda: None,
    ) -> WakeSamples:
        """Draw samples as the recipe states them; see `wake_samples`.

        Args:
            effect: whose wake is learned.
            seed, count: of the samples.
            progress: called at each of them.
        """
        return wake_samples(
            effect, self.bunches, count, cells=self.cells, seed=seed, reference=self.reference,
            component=self.component, element=self.element, progress=progress,
        )  # fmt: skip

    def pose(
        self, teacher: Any, device: torch.device, drawn: Callable[[], object]
    ) -> Problem[WakeSurrogate]:
        """Pose what `train` is to fit.

        Args:
            teacher: what the network is to be like; None where the recipe has its own.
            device: on which it trains.
            drawn: called at each sample that has been drawn, for progress.
        """
        if teacher is None:
            raise InvalidValueError(
                "give the effect that is to be learned: train(..., teacher=wake)"
            )
        plain = self.draw(teacher, self.seed, self.samples, drawn)
        stretched, watched = (
            _stretched(s, self.power) for s in (plain, self.draw(teacher, self.seed + 1, _WATCHED))
        )
        network = self._build(stretched).to(torch.float32, device)
        samples, watched = (s.to(torch.float32).to(device) for s in (stretched, watched))

        def predict(weights: Weights, some: WakeSamples) -> Tensor:
            return evaluate(network.layers, weights, some.shares.unsqueeze(-1)).squeeze(-1)

        def loss(weights: Weights, step: int) -> Tensor:
            some = _batch(self, samples, step)
            wake = predict(weights, some)
            return (wake_error(wake, some) + line_error(wake, some)).mean()

        @torch.no_grad()
        def watch(weights: Weights) -> float:
            return float(wake_error(predict(weights, watched), watched).mean())

        identity = {**self.record(), "teacher": describe_teacher(teacher)}
        finish = partial(self._finish, teacher, plain)
        assert self.steps is not None
        return Problem(network, self.steps, self.rate, identity, loss, watch, finish)

    def _build(self, samples: WakeSamples) -> Network:
        """The network before its steps: of random weights, or of those of least squares."""
        known = samples.wake[samples.known]
        standard = Standardisation(
            input_std=float(samples.shares.std()), output_std=float(known.std())
        )
        assert self.hidden is not None
        build = LINE_ARCHITECTURES[self.architecture].build
        made = build(self.cells + 2 * GHOSTS, self.hidden, standard, self.seed)
        if not self._by_least_squares:
            return made
        made = made.to(torch.float64)

        def predict(vector: Tensor, shares: Tensor) -> Tensor:
            weights = made.unflatten(vector)
            return evaluate(made.layers, weights, shares.unsqueeze(-1)).squeeze(-1)

        return made.replace(made.unflatten(least_squares(predict, made.count, samples)))

    def _finish(
        self, teacher: CollectiveEffect, samples: WakeSamples, network: Network
    ) -> WakeSurrogate:
        """The surrogate, with its domain and its card."""
        figures = [BunchFigures.of_shares(row) for row in samples.shares]
        reference = settle_reference(self.reference, self.component, self.element)
        domain = WakeDomain.from_figures(
            [f for f in figures if f is not None], self.particles[0], to_float(reference.beta)
        )
        made = WakeSurrogate(
            network.to(torch.float64), self.cells, self.window, self.power, domain=domain
        )
        about = {
            **state_training(self, network, teacher),
            "held_out": held_out_errors(made, teacher, self),
        }
        return made.replace(about=about)


def held_out_errors(
    surrogate: WakeSurrogate, teacher: CollectiveEffect, recipe: WakeRecipe, count: int = _WATCHED
) -> dict[str, Any]:
    """rms errors of the kick over the rms kick on bunches of the seed that training refuses."""
    samples = recipe.draw(teacher, HELD_OUT_SEED, count)
    scale = samples.spacing.unsqueeze(-1) ** recipe.power
    quiet = surrogate.replace(outside="ignore")
    errors = wake_error(quiet.solve(samples.shares, 1.0).detach() * scale, samples)
    kinds = [recipe.bunches.draw(HELD_OUT_SEED, index)[0] for index in range(count)]
    return {"bunches": count, **state_errors(errors.numpy(), kinds, SHAPES)}


def _stretched(samples: WakeSamples, power: float) -> WakeSamples:
    """Samples as for cells of one metre."""
    return samples._replace(wake=samples.wake / samples.spacing.unsqueeze(-1) ** power)


def _batch(recipe: WakeRecipe, samples: WakeSamples, step: int) -> WakeSamples:
    """The samples of a step; a function of the recipe and the step alone."""
    generator = torch.Generator().manual_seed(hash((recipe.seed, step)) & 0x7FFF_FFFF)
    index = torch.randint(recipe.samples, (recipe.batch,), generator=generator)
    return samples.pick(index.to(samples.shares.device))

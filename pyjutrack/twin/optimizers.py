"""Two ways down: Levenberg-Marquardt with exact slopes, and Adam for many weights.

Both are generators of states. The caller decides when it is enough, keeps what
is good, and may write it to a file to go on from there.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..core.errors import PyJuTrackError
from .residuals import Residuals
from .robust_losses import Loss

Array = NDArray[np.float64]

#: damping: at the start, beyond which no step helps, below which a step is hardly held short, least
_DAMPING, _HOPELESS, _LIGHT, _LEAST = 1e-3, 1e12, 1e-2, 1e-10


@dataclass(frozen=True, eq=False)
class State:
    """State of a descent.

    Attributes:
        step: how many there were.
        vector: the unknowns (P,).
        cost: loss of the residuals and of the priors.
        damping: of the next step, or its length for Adam.
        moments: what Adam remembers, (2, P); empty otherwise.
        still: nothing is gained any more.
    """

    step: int
    vector: Array
    cost: float
    damping: float
    moments: Array
    still: bool = False


@dataclass(frozen=True, eq=False)
class Problem:
    """The cost: the loss of residuals, and the squares of the unknowns by their priors.

    Attributes:
        residuals: of the shots that train.
        loss: of each of them.
        precision: of the priors, 1 / rms^2 (P,).
        curved: residuals that give the curvature: the same, or those of fewer particles.
    """

    residuals: Residuals
    loss: Loss
    precision: Array
    curved: Residuals | None = None

    def cost(self, vector: Array) -> float:
        """The sum of both; infinite where the beam cannot be tracked."""
        try:
            residuals = self.residuals.at(vector)
        except PyJuTrackError:
            return math.inf
        total = float(self.loss.value(residuals).sum()) + self.penalty(vector)
        return total if math.isfinite(total) else math.inf

    def penalty(self, vector: Array) -> float:
        """Cost of the priors alone."""
        return float((self.precision * vector * vector).sum() / 2)

    def expansion(self, vector: Array) -> tuple[Array, Array]:
        """Gradient (P,) and Gauss-Newton curvature (P, P) of the cost.

        The curvature may be that of fewer particles. The gradient never is: where it vanishes, and
        so what is found, must not hang on that.
        """
        curved = self.curved or self.residuals
        r, slopes = curved.with_slopes(vector)
        weights = self.loss.weight(r)
        curvature = slopes.T @ (weights[:, None] * slopes) + np.diag(self.precision)
        if curved is not self.residuals:
            return self.gradient(vector)[1], curvature
        return slopes.T @ (weights * r) + self.precision * vector, curvature

    def gradient(self, vector: Array, shots: Sequence[int] | None = None) -> tuple[float, Array]:
        """Cost and gradient (P,) by a reverse pass for each shot; estimated, if from some shots."""
        count = len(self.residuals.data)
        some = range(count) if shots is None else shots
        cost, slope = 0.0, np.zeros_like(vector)
        for shot in some:
            leaf = torch.from_numpy(vector.copy()).requires_grad_()
            off = self.residuals.shot(shot, leaf)
            r = off.detach().numpy()
            # of a loss rho(r) the gradient is (rho'(r) / r) r dr
            (part,) = torch.autograd.grad(off, leaf, torch.from_numpy(self.loss.weight(r) * r))
            cost, slope = cost + float(self.loss.value(r).sum()), slope + part.numpy()
        share = count / len(some)
        return share * cost + self.penalty(vector), share * slope + self.precision * vector


def start(problem: Problem, vector: Array, *, adam: bool, rate: float) -> State:
    """The first state of a descent."""
    moments = np.zeros((2, vector.size if adam else 0))
    return State(0, vector, problem.cost(vector), rate if adam else _DAMPING, moments)


def levenberg_marquardt(problem: Problem, state: State, tolerance: float) -> Iterator[State]:
    """Damped Gauss-Newton steps; each lowers the cost, and the last says that nothing does.

    Robust losses are met by weights that every step finds anew.

    Source: J. Nocedal, S. Wright, Numerical Optimization, ch. 10; H. B. Nielsen, Damping parameter
    in Marquardt's method, IMM-REP-1999-05 (1999).
    """
    while not state.still:
        uphill, curvature = problem.expansion(state.vector)
        # in units in which the curvature has a diagonal of ones
        units = np.sqrt(np.diagonal(curvature))
        units = np.where(units > 0, units, 1.0)
        curvature, downhill = curvature / np.outer(units, units), -uphill / units
        enough = tolerance * max(state.cost, 1.0)
        damping, grow = state.damping, 2.0
        while True:
            step = np.linalg.solve(curvature + damping * np.eye(len(units)), downhill)
            hoped = float(step @ (damping * step + downhill)) / 2
            vector = state.vector + step / units
            cost = problem.cost(vector)
            if cost < state.cost or hoped <= enough or damping > _HOPELESS:
                break
            damping, grow = damping * grow, 2 * grow
        if not cost < state.cost:
            # nothing is left to gain but rounding
            yield dataclasses.replace(state, step=state.step + 1, damping=damping, still=True)
            return
        gained = state.cost - cost
        # a step that is held short gains little, whatever is left
        still = max(gained, hoped) <= enough and damping <= _LIGHT
        damping *= max(1 / 3, 1 - (2 * gained / hoped - 1) ** 3)
        state = State(
            state.step + 1, vector, cost, max(damping, _LEAST), state.moments, still=still
        )
        yield state


def adam(problem: Problem, state: State, scales: Array, shots: int, seed: int) -> Iterator[State]:
    """Steps of Adam, each along the gradient of a few shots by one reverse pass each.

    It ends where the beam cannot be tracked any more, or the cost is no number. The cost of a
    state is that of the few shots, times their share.

    Args:
        scales: (P,) lengths in which the unknowns are of one size; a step is `damping` of them.
        shots: how many each step sees.
        seed: of their choice, which depends on the step alone, so that a run can go on.

    Source: D. Kingma, J. Ba, Adam, ICLR 2015, algorithm 1.
    """
    _, slope = _sample_gradient(problem, state.vector, shots, (seed, state.step))
    while True:
        gradient = slope * scales
        first = 0.9 * state.moments[0] + 0.1 * gradient
        second = 0.999 * state.moments[1] + 0.001 * gradient**2
        n = state.step + 1
        direction = (first / (1 - 0.9**n)) / (np.sqrt(second / (1 - 0.999**n)) + 1e-12)
        vector = state.vector - state.damping * scales * direction
        try:
            cost, slope = _sample_gradient(problem, vector, shots, (seed, n))
        except PyJuTrackError:
            return
        if not (math.isfinite(cost) and np.isfinite(slope).all()):
            return
        state = State(n, vector, cost, state.damping, np.stack([first, second]))
        yield state


def _sample_gradient(
    problem: Problem, vector: Array, shots: int, seed: tuple[int, int]
) -> tuple[float, Array]:
    """Estimate cost and gradient (P,) from some shots."""
    count = len(problem.residuals.data)
    some = np.random.default_rng(seed).choice(count, size=min(shots, count), replace=False)
    return problem.gradient(vector, some.tolist())

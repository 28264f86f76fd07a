"""Calibration: knobs and weights together, to what was measured at many settings."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import (
    IdentifiabilityWarning,
    InvalidValueError,
    PyJuTrackError,
    TrainingError,
    require_known,
    warn,
)
from . import progress
from .calibration import Calibration, Step, with_values
from .descent import Problem, State, adam, levenberg_marquardt, start
from .measurements import Measurements
from .model import Twin
from .posterior import Posterior, laplace, named
from .residuals import Residuals, cut, joined
from .robust import loss_named
from .unknowns import Unknown, shaped

Array = NDArray[np.float64]
log = logging.getLogger("pyjutrack.twin")

#: unknown numbers up to which "auto" takes Gauss-Newton steps, and a posterior is found
_MANY = 600
METHODS = ("auto", "gauss-newton", "adam")


def calibrate(
    twin: Twin,
    data: Measurements,
    unknowns: Sequence[Unknown],
    *,
    held_out: float | Sequence[int] = 0.2,
    loss: str = "gaussian",
    method: str = "auto",
    max_steps: int = 50,
    tolerance: float = 1e-6,
    patience: int = 5,
    rate: float = 0.02,
    shots: int = 4,
    checkpoint: str | Path | None = None,
    seed: int = 0,
) -> Calibration:
    """Fit errors of knobs and weights of networks to measurements, all at once.

    Args:
        twin: the model as designed; its own unknowns are replaced.
        data: what was measured, where, and how well.
        unknowns: what to find, with priors.
        held_out: share of the shots, or which, that do not train; the fit ends when their error
            has not fallen for `patience` steps, and its best state is what counts.
        loss: of a residual: "gaussian", or "huber" or "cauchy" for data with outliers.
        method: "gauss-newton" takes Levenberg-Marquardt steps with exact Jacobians by forward
            mode; "adam" gradients by reverse mode, for thousands of weights; "auto" chooses by
            their number.
        max_steps: at most.
        tolerance: gain of a step, relative to the cost, below which the fit ends.
        rate, shots: of Adam: length of a step in units of the priors, shots that each step sees.
        checkpoint: a file to which every step is written, and from which a run that was killed
            goes on. Loading it runs nothing.
        seed: of the choice of what is held out.

    Returns:
        The twin at its best, with the posterior of all unknowns.

    Raises:
        UnknownNameError: no such knob, diagnostic, loss or method.
        InvalidValueError: measurements that do not fit the twin, a checkpoint of another run.
        TrainingError: the fit has no finite error even at the start.

    Warns:
        IdentifiabilityWarning: there are directions of the unknowns that neither the measurements
            nor the priors determine; the message names them.
    """
    require_known("method", method, METHODS)
    if not (isinstance(max_steps, int) and max_steps >= 0):
        raise InvalidValueError(f"max_steps must be a number of steps, got {max_steps!r}")
    twin = twin.replace(unknowns=())
    twin = twin.replace(unknowns=tuple(shaped(unknowns, twin.task(data.settings[0]))))
    data.errors(twin)
    out = _held_out(held_out, len(data), seed)
    kept = [i for i in range(len(data)) if i not in out]
    vector = joined(twin.unknowns)
    precision = np.concatenate([np.full(u.count, u.prior**-2.0) for u in twin.unknowns])
    problem = Problem(Residuals(twin, data.shots(kept)), loss_named(loss), precision)
    watched = Residuals(twin, data.shots(out)) if out else None
    many = method == "adam" or (method == "auto" and vector.size > _MANY)
    if many and not np.isfinite([u.prior for u in twin.unknowns]).all():
        raise InvalidValueError(
            'method="adam" measures its steps by the priors; give each Unknown a finite prior'
        )
    first = start(problem, vector, adam=many, rate=rate)
    if not math.isfinite(first.cost):
        _explain(problem, vector)
    run = progress.Run(twin, data, tuple(out), loss, many, seed)
    state, best, history = run.restored(checkpoint) or (
        first,
        first,
        [Step(0, first.cost, _mean_square(watched, first.vector))],
    )
    if many:
        scales = np.concatenate([np.full(u.count, u.prior) for u in twin.unknowns])
        states: Iterator[State] = adam(problem, state, scales, shots, seed)
    else:
        states = levenberg_marquardt(problem, state, tolerance)
    message, converged = f"ended at {max_steps} steps", False
    while state.step < max_steps:
        following = next(states, None)
        if following is None or not np.isfinite(following.vector).all():
            if following is not None:
                message = "diverged; the last good state is kept"
            break
        state = following
        step = Step(state.step, state.cost, _mean_square(watched, state.vector))
        history.append(step)
        log.info("step %d: cost %.6g, held out %s", step.step, step.cost, step.held_out)
        best, message, converged = _judged(best, state, history, patience)
        run.save(checkpoint, state, best, history)
        if converged:
            break
    fitted = with_values(twin, cut(torch.from_numpy(best.vector.copy()), twin.unknowns))
    posterior = None
    if vector.size <= _MANY:
        posterior = _posterior(problem, best.vector, [x for u in twin.unknowns for x in u.labels])
    return Calibration(fitted, data, tuple(out), posterior, tuple(history), converged, message)


def _held_out(wanted: float | Sequence[int], count: int, seed: int) -> list[int]:
    if isinstance(wanted, (int, float)):
        if not 0 <= wanted < 1:
            raise InvalidValueError(
                f"held_out must be a share in [0, 1) or a list of shots: {wanted}"
            )
        number = min(round(wanted * count), count - 1)
        chosen = np.random.default_rng(seed).choice(count, number, replace=False)
        return sorted(int(i) for i in chosen)
    out = sorted(set(wanted))
    if out and not (out[0] >= 0 and out[-1] < count and len(out) < count):
        raise InvalidValueError(f"held_out must leave some of the {count} shots, got {out}")
    return out


def _mean_square(watched: Residuals | None, vector: Array) -> float | None:
    if watched is None:
        return None
    try:
        off = watched.at(vector)
    except PyJuTrackError:
        return math.inf
    return float((off * off).mean())


def _judged(
    best: State, state: State, history: Sequence[Step], patience: int
) -> tuple[State, str, bool]:
    """The best state so far, what to say of the run, and whether it is enough."""
    errors = [step.held_out for step in history]
    known = [e for e in errors if e is not None]
    if not known:
        best = state
    else:
        least = int(np.argmin(known))
        if least == len(known) - 1 or state.still:
            # of two states alike for the held-out shots the one that fits better
            better = known[-1] <= known[least] * (1 + 1e-3)
            best = state if better else best
        if len(known) - 1 - least >= patience:
            return best, "the error of the held-out shots rises", True
    return best, "converged" if state.still else "ended by the number of steps", state.still


def _posterior(problem: Problem, vector: Array, labels: Sequence[str]) -> Posterior:
    r, slopes = problem.residuals.with_slopes(vector)
    weights = np.sqrt(problem.loss.weight(r))
    found = laplace(weights[:, None] * slopes, problem.precision)
    if len(found.blind):
        said = "; ".join(named(d, labels) for d in found.blind[:5])
        warn(
            f"{len(r)} readings and the priors do not determine {len(found.blind)} of "
            f"{len(vector)} directions of the unknowns (in units of their own scales: {said}); "
            "measure at more settings, or give them priors",
            IdentifiabilityWarning,
        )
    return found


def _explain(problem: Problem, vector: Array) -> None:
    """Raise what is wrong at the start."""
    off = problem.residuals.at(vector)  # what cannot be tracked is told by its own error
    raise TrainingError(
        f"the fit cannot start: {int((~np.isfinite(off)).sum())} of {off.size} residuals are not "
        "finite at the first values of the unknowns"
    )

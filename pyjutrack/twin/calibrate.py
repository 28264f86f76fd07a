"""Calibration: knobs and weights together, to what was measured at many settings."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ..core.checks import require_kind, require_path, require_real, require_whole
from ..core.errors import (
    IdentifiabilityWarning,
    InvalidValueError,
    TrainingError,
    require_known,
    warn,
)
from ..core.scalars import is_whole
from ..core.transforms import numeric
from ..tracking.loss_warning import warn_of_losses
from . import checkpoints, identifiability
from .calibration import Calibration, Step, with_values
from .early_stopping import DIVERGED, EarlyStopping, held_out_error
from .measurements import Measurements
from .model import Twin
from .optimizers import Problem, adam, levenberg_marquardt, start
from .posterior import Posterior, describe_direction, laplace
from .residuals import Residuals, join_values, split_values
from .robust_losses import find_loss
from .unknowns import Unknown, reshape_values

Array = NDArray[np.float64]
log = logging.getLogger("pyjutrack.twin")

#: unknown numbers up to which "auto" takes Gauss-Newton steps, and a posterior is found
_MANY = 600
METHODS = ("auto", "gauss-newton", "adam")


@numeric
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
    slope_particles: int | None = None,
    checkpoint: str | Path | None = None,
    seed: int = 0,
) -> Calibration:
    """Fit errors of knobs and weights of networks to measurements, all at once.

    Args:
        twin: the model as designed; its own unknowns are replaced.
        data: what was measured, where, and how well.
        unknowns: what to find, with priors.
        held_out: share of the shots, or which, that do not train. When their error has not fallen
            for `patience` steps, and has risen by more than their noise can do, the fit ends, and
            the state with the least error counts. That is no minimum: its unknowns lean towards
            where they started, and the errors stated do not know it. Otherwise the last state
            counts that is not far worse than the first.
        loss: of a residual: "gaussian", or "huber" or "cauchy" for data with outliers.
        method: "gauss-newton" takes Levenberg-Marquardt steps with exact Jacobians by forward
            mode; "adam" gradients by reverse mode, for thousands of weights; "auto" chooses by
            their number.
        max_steps: at most.
        tolerance: gain of a step, relative to the cost, below which the fit ends.
        patience: see `held_out`.
        rate, shots: of Adam: length of a step in units of the priors, shots that each step sees.
        slope_particles: how many particles, the first ones of the beam, give the curvature of
            Gauss-Newton steps; None is all. Fewer make for cheaper steps, and more of them. Costs,
            their gradients and the posterior are those of all particles in any case.
        checkpoint: a file to which every step is written, and from which a run that was killed
            goes on. Loading it runs nothing.
        seed: of the choice of what is held out, and of what each step of Adam sees.

    Returns:
        The twin at its best, with the posterior of all unknowns.

    Raises:
        UnknownNameError: no such knob, diagnostic, loss or method.
        InvalidValueError: measurements that do not fit the twin, a checkpoint of another run, an
            unknown without a prior for Adam.
        TrainingError: the fit has no finite error at the start, or no finite slope on its way.

    Warns:
        IdentifiabilityWarning: there are directions of the unknowns that neither the measurements
            nor the priors determine, or fewer readings than unknowns, or knobs of which only the
            prior is known; the message names them.
        MisfitWarning: the mean square of residuals, of a diagnostic or of all that trained, is
            beyond one by 0.2 and by five times what chance makes of it, so that the model lacks
            something; or an unknown is found beyond five times its prior.
        LossWarning: particles are lost at sharp edges before they are read, as the fit ends. The
            slopes of the steps and the posterior hold fixed which ones; soft apertures are part of
            them (see `Aperture`).

    Example:
        >>> fit = pj.calibrate(twin, data, [pj.Unknown("q1.k1", prior=0.05, relative=True)])
        >>> value, error = fit["q1.k1"]
    """
    require_kind("twin", twin, Twin, "a Twin")
    require_kind("data", data, Measurements, "Measurements")
    require_known("method", method, METHODS)
    if checkpoint is not None:
        require_path("checkpoint", checkpoint)
    require_whole("max_steps", max_steps)
    require_whole("seed", seed)
    require_whole("patience", patience, 1)
    require_whole("shots", shots, 1)
    if slope_particles is not None:
        require_whole("slope_particles", slope_particles, 1)
    for name, number in (("tolerance", tolerance), ("rate", rate)):
        require_real(name, number, above=0)
    twin = twin.replace(unknowns=())
    twin = twin.replace(unknowns=tuple(reshape_values(unknowns, twin.task(data.settings[0]))))
    identifiability.require_effect(twin, data)
    out = _choose_held_out(held_out, len(data), seed)
    kept = [i for i in range(len(data)) if i not in out]
    vector = join_values(twin.unknowns)
    priors = np.concatenate([np.full(u.count, u.prior) for u in twin.unknowns])
    residuals = Residuals(twin, data.shots(kept))
    problem = Problem(
        residuals, find_loss(loss), priors**-2.0, curved=residuals.thin(slope_particles)
    )
    watched = (
        Problem(Residuals(twin, data.shots(out)), problem.loss, np.zeros_like(priors))
        if out
        else None
    )
    many = method == "adam" or (method == "auto" and vector.size > _MANY)
    if many:
        _require_priors(twin.unknowns)
    first = start(problem, vector, adam=many, rate=rate)
    if not math.isfinite(first.cost):
        _raise_start_error(problem, vector)
    run = checkpoints.Run(
        twin=twin,
        data=data,
        held_out=tuple(out),
        method="adam" if many else "gauss-newton",
        loss=loss,
        shots=int(shots),
        slope_particles=slope_particles,
        seed=int(seed),
        cost=first.cost,
    )
    stopping = EarlyStopping(watched, patience)
    state, best, history = run.restore(checkpoint) or (
        first,
        first,
        [Step(0, first.cost, held_out_error(watched, first.vector))],
    )
    states = (
        adam(problem, state, priors, shots, seed)
        if many
        else levenberg_marquardt(problem, state, tolerance)
    )
    while True:
        best, message, ended = stopping.judge(best, state, history)
        if ended or state.step >= max_steps:
            break
        following = next(states, None)
        if following is None:
            message = DIVERGED
            break
        state = following
        step = Step(state.step, state.cost, held_out_error(watched, state.vector))
        history.append(step)
        log.info("step %d: cost %.6g, held out %s", step.step, step.cost, step.held_out)
        run.save(checkpoint, state, best, history)
    fitted = with_values(twin, split_values(torch.from_numpy(best.vector.copy()), twin.unknowns))
    posterior, labels = None, [label for u in twin.unknowns for label in u.labels]
    if vector.size <= _MANY:
        posterior = _posterior(problem, best.vector, labels)
    else:
        identifiability.warn_if_underdetermined(
            sum(len(row.measured) for row in residuals.rows), labels, None
        )
    converged = ended and message != DIVERGED
    found = Calibration(fitted, data, tuple(out), posterior, tuple(history), converged, message)
    identifiability.warn_if_unreliable(found, loss)
    warn_of_losses(residuals.count_lost(best.vector), len(twin.beam))
    return found


def _choose_held_out(wanted: float | Sequence[int], count: int, seed: int) -> list[int]:
    if isinstance(wanted, (int, float, np.number)):
        if not 0 <= wanted < 1:
            raise InvalidValueError(
                f"held_out must be a share in [0, 1) or a list of shots, got {wanted!r}"
            )
        number = min(round(float(wanted) * count), count - 1)
        chosen = np.random.default_rng(seed).choice(count, number, replace=False)
        return sorted(int(i) for i in chosen)
    if not isinstance(wanted, (list, tuple, range, np.ndarray)) or not all(map(is_whole, wanted)):
        raise InvalidValueError(
            f"held_out must be a share in [0, 1) or a list of shots, got {wanted!r}"
        )
    out = sorted({int(i) for i in wanted})
    if out and not (out[0] >= 0 and out[-1] < count and len(out) < count):
        raise InvalidValueError(
            f"held_out must name some of the {count} shots, counted from 0, and leave others to "
            f"train; got {out}"
        )
    return out


def _require_priors(unknowns: Sequence[Unknown]) -> None:
    for u in unknowns:
        if not math.isfinite(u.prior):
            raise InvalidValueError(
                f"Adam measures its steps by the priors, and {u.address} has none; give it a "
                'finite prior, or take method="gauss-newton"'
            )


def _posterior(problem: Problem, vector: Array, labels: Sequence[str]) -> Posterior:
    r, slopes = problem.residuals.with_slopes(vector)
    weights = np.sqrt(problem.loss.weight(r))
    found = laplace(weights[:, None] * slopes, problem.precision)
    if len(found.blind):
        said = "; ".join(describe_direction(d, labels) for d in found.blind[:5])
        warn(
            f"{len(r)} readings and the priors do not determine {len(found.blind)} of "
            f"{len(vector)} directions of the unknowns (in units of their own scales: {said}); "
            "measure at more settings, or give them priors",
            IdentifiabilityWarning,
        )
    else:
        priors = np.where(problem.precision > 0, problem.precision, 1.0) ** -0.5
        identifiability.warn_if_underdetermined(len(r), labels, slopes * priors)
    return found


def _raise_start_error(problem: Problem, vector: Array) -> None:
    """Raise an error that says what is wrong at the start."""
    off = problem.residuals.at(vector)  # what cannot be tracked raises an error of its own
    raise TrainingError(
        f"the fit cannot start: {int((~np.isfinite(off)).sum())} of {off.size} residuals are not "
        "finite at the first values of the unknowns"
    )

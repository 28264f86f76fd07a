"""Jacobians of the map and gradients of objectives, by automatic and by finite differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ..beam.beam import Beam, require_beam, require_single
from ..beam.reference import Reference
from ..collective.base import CollectiveEffect, require_differentiable, require_effects
from ..core.checks import require_real, wrong
from ..core.errors import InvalidValueError, require_known
from ..core.transforms import numeric
from ..lattice.batch import each_setting, each_setting_of_beams
from ..lattice.knobs import overlay, parts, split, values
from ..lattice.lattice import Lattice
from ..lattice.patterns import expand
from ..lattice.require import require_lattice
from ..tracking.adjoints import Adjoint
from ..tracking.loss_warning import count_lost, warn_of_effects, warn_of_losses
from ..tracking.task import Task, task_of
from .choice import engine_of
from .differences import central_slopes
from .many_gradients import together
from .objective import objective_of
from .protocol import Engine
from .results import evaluate

Array = NDArray[np.float64]

#: default steps of central differences: of coordinates, and of knobs (times max(|value|, 1)).
#: A test particle near the axis has little rounding to fear, so its step is short.
COORDINATE_STEP = 3e-8
KNOB_STEP = 1e-5


@numeric
@each_setting_of_beams
def jacobian(
    lattice: Lattice,
    beam: Beam | Reference,
    *,
    effects: Sequence[CollectiveEffect] = (),
    turns: int = 1,
    at: ArrayLike | None = None,
    method: Literal["ad", "fd"] = "ad",
    step: float = COORDINATE_STEP,
    engine: str | Engine = "native",
) -> Array:
    """Jacobian of the map of a test particle in the self-consistent field of a beam.

    The test particle feels the field that the beam makes and adds nothing to it.

    Args:
        lattice, effects, turns: as for `track`.
        beam: the beam that makes the field; a bare `Reference` will do where there are no effects.
        at: initial coordinates (6,) of the test particle; the origin by default.
        method: "ad" is exact (forward mode), "fd" central differences.
        step: of the central differences, in the units of the coordinates.
        engine: "native", or "julia" for JuTrack and Enzyme.

    Returns:
        (6, 6): d(final)/d(initial) in x, px, y, py, z, delta.

    Raises:
        ParticleLostError: the test particle is lost on the way.
        InvalidValueError: as for `track`; effects without a beam; `at` of another shape; space
            charge with a shape function whose kick has no derivative, "cic".

    Warns:
        ResolutionWarning: particles of the beam were lost outside of the window of an effect.

    Example:
        >>> pj.tunes(pj.jacobian(ring, beam, effects=[pj.SpaceCharge()]))
    """
    require_known("method", method, ("ad", "fd"))
    step = _positive(step)
    beam = _with_field(beam, effects)
    start, chosen = _start(at), engine_of(engine)
    task = task_of(lattice, beam, effects, turns)
    require_differentiable(effects)
    with torch.no_grad():  # numbers come out, whatever the lattice carries
        exact = method == "ad"
        matrix = chosen.jacobian(task, start) if exact else _differences(chosen, task, start, step)
    return matrix.numpy()


def _differences(engine: Engine, task: Task, start: Tensor, step: float) -> Tensor:
    """(6, 6) by central differences."""
    shifts = step * torch.eye(6, dtype=start.dtype)
    ends = engine.probe(task, start + torch.cat([shifts, -shifts]))
    return ((ends[..., :6, :] - ends[..., 6:, :]) / (2 * step)).mT


@numeric
@each_setting
def jacobian_derivatives(
    lattice: Lattice,
    beam: Beam | Reference,
    wrt: Sequence[str],
    *,
    effects: Sequence[CollectiveEffect] = (),
    turns: int = 1,
    at: ArrayLike | None = None,
    engine: str | Engine = "native",
) -> tuple[Array, Array]:
    """The Jacobian and its exact derivative by each knob, the beam's response included.

    Which particles of the beam are lost at sharp edges is held fixed, as by `gradient`.

    Args:
        wrt: knobs, such as "q1.k1" and "beam.current".
        lattice, beam, effects, turns, at, engine: as for `jacobian`.

    Returns:
        (6, 6), and (K, 6, 6) in the order of `wrt`.

    Warns:
        LossWarning: particles of the beam are lost at sharp edges on the way.
        ResolutionWarning: as for `jacobian`.
    """
    beam = _with_field(beam, effects)
    chosen, task = engine_of(engine), task_of(lattice, beam, effects, turns)
    require_differentiable(effects)
    knobs = expand(wrt, lattice.knobs)
    matrix, slopes = chosen.jacobian_derivatives(task, _start(at), knobs)
    if effects:
        with torch.no_grad():
            end = chosen.track(task)
        warn_of_losses(count_lost(beam, end), beam.particles)
    return np.asarray(matrix.detach()), np.asarray(slopes.detach())


@numeric
def gradient(
    objective: Callable[..., Tensor],
    lattice: Lattice,
    beam: Beam,
    *,
    wrt: Sequence[str],
    effects: Sequence[CollectiveEffect] = (),
    turns: int = 1,
    mode: Literal["reverse", "forward", "fd"] = "reverse",
    step: float = KNOB_STEP,
    engine: str | Engine = "native",
    adjoint: str | Adjoint = "auto",
) -> Array:
    """Gradient of an objective of the tracked beam by any knobs, the field's response included.

    Args:
        objective: a function of the final beam -> 0-d tensor, or of the final and the initial one,
            which it gets by the names of its parameters, `final` and `initial`. Usual ones are in
            `pyjutrack.observables`. Knobs of the beam are set in the initial beam that it gets.
        wrt: knobs, such as "d1.length", "q1.k1", all that fit "q*.k1", "kqf" of a machine's file,
            "beam.current", "beam.beta_x", "effects[0].perveance_scale", or vectors such as
            "field.weights", which count with all their entries; see `pyjutrack.lattice.knobs`.
        mode: "reverse" costs a few trackings whatever the number of knobs; "forward" grows with
            the knobs, and needs no memory; "fd" is central differences.
        step: of the central differences, times max(|value of the knob|, 1); near the lowest value
            that a knob can have, such as an emittance of zero, times the distance from it.
        lattice, beam, effects, turns, engine, adjoint: as for `track`.

    Returns:
        (K,) in the order of `wrt`, in units of the objective per unit of the knob.

    Which particles are lost at sharp edges is held fixed: apertures, the box of space charge, and
    elements that cannot move a particle. (Differences jump where a step loses another one.) Soft
    apertures are part of the derivative; see `Aperture`.

    Raises:
        UnknownNameError: no such knob.
        InvalidValueError: as for `track`; an objective whose parameters do not say which beam they
            are, or that returns no 0-d tensor; space charge with a shape function whose kick has
            no derivative, "cic".

    Warns:
        LossWarning: particles are lost at sharp edges on the way.
        AccuracyWarning: differences whose step is longer than the value, and that are no slopes.

    Example:
        >>> pj.gradient(lambda final: pj.moments.sizes(final)[0], cell, beam, wrt=["q1.k1"])
        >>> pj.gradient(pj.observables.emittance_growth("x"), cell, beam, wrt=["q1.k1"])
    """
    return value_and_gradient(
        objective,
        lattice,
        beam,
        wrt=wrt,
        effects=effects,
        turns=turns,
        mode=mode,
        step=step,
        engine=engine,
        adjoint=adjoint,
    )[1]


@numeric
@torch.inference_mode(mode=False)  # derivatives are asked for, whatever else is not differentiated
@torch.enable_grad()
@together
@each_setting
def value_and_gradient(
    objective: Callable[..., Tensor],
    lattice: Lattice,
    beam: Beam,
    *,
    wrt: Sequence[str],
    effects: Sequence[CollectiveEffect] = (),
    turns: int = 1,
    mode: Literal["reverse", "forward", "fd"] = "reverse",
    step: float = KNOB_STEP,
    engine: str | Engine = "native",
    adjoint: str | Adjoint = "auto",
) -> tuple[float, Array]:
    """The objective itself and its gradient, in one pass.

    Args:
        objective, lattice, beam, wrt, effects, turns, mode, step, engine, adjoint: as for
            `gradient`, whose errors and warnings it has too.

    Returns:
        The value, and the gradient (K,).

    Example:
        >>> size = pj.observables.size("x")
        >>> value, slopes = pj.value_and_gradient(size, cell, beam, wrt=["q*.k1"])
    """
    require_known("mode", mode, ("reverse", "forward", "fd"))
    step = _positive(step)
    of_beams = objective_of(objective)
    require_lattice(lattice)
    _single(beam)
    if mode == "fd":
        beam = beam.to(torch.float64)  # a step of 1e-5 is below the rounding of float32
    chosen, task = engine_of(engine), task_of(lattice, beam, effects, turns, adjoint)
    require_differentiable(effects)
    wrt = expand(wrt, lattice.knobs)
    found, vector = parts(task, wrt), values(task, wrt)
    lost: list[int] = []

    def counting_objective(final: Beam, initial: Beam) -> Tensor:
        lost.append(count_lost(beam, final))
        if len(lost) == 1:  # at the values as they are
            warn_of_effects(task, [final])
        return of_beams(final, initial)

    def function(vector: Tensor) -> Tensor:
        knobbed = overlay(task, wrt, split(vector, found))
        return evaluate(counting_objective, chosen.track(knobbed), knobbed.beam)

    if mode == "fd":
        names = [a for a, v in zip(wrt, found, strict=True) for _ in range(v.numel())]
        value, slope = function(vector), central_slopes(function, vector, step, names)
    else:
        value, slope = chosen.value_and_gradient(counting_objective, task, wrt, mode)
    warn_of_losses(lost[0], beam.particles)
    return float(value.detach()), np.asarray(slope.detach())


def _with_field(beam: Beam | Reference, effects: Sequence[CollectiveEffect]) -> Beam:
    if isinstance(beam, Beam):
        _single(beam)
        return beam.replace(reference=beam.reference.detach())
    if not isinstance(beam, Reference):
        raise wrong("beam", beam, "a Beam or a Reference")
    require_effects(effects)
    if effects:
        raise InvalidValueError("effects need a beam that makes their field, not a bare Reference")
    return Beam(beam.detach(), torch.zeros(1, 6, dtype=torch.float64))


def _start(at: ArrayLike | None) -> Tensor:
    if at is None:
        return torch.zeros(6, dtype=torch.float64)
    if isinstance(at, Tensor) and at.requires_grad:
        why = "at carries a gradient, which a matrix of plain numbers would drop"
        raise InvalidValueError(f"{why}; give at.detach()")
    try:
        start = np.array(np.asarray(at, dtype=np.float64))
    except (TypeError, ValueError, OverflowError, RuntimeError):
        raise InvalidValueError(f"at must be six finite coordinates, got {at!r}") from None
    if start.shape != (6,) or not np.isfinite(start).all():
        raise InvalidValueError(f"at must be six finite coordinates, got {at!r}")
    return torch.from_numpy(start)


def _single(beam: Beam) -> None:
    require_beam(beam)
    require_single(beam, "derivatives are")


def _positive(step: float) -> float:
    require_real("a finite-difference step", step, above=0)
    return float(step)

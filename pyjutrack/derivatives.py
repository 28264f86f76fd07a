"""Jacobians of the map and gradients of observables, by automatic and by finite differences."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from .beam import Beam
from .compiled import parallel
from .errors import InvalidValueError, ParticleLostError, require_known
from .knobs import overlay, values
from .lattice import Lattice
from .observables import Observable
from .pushforward import Pushed, seeds
from .reference import Reference
from .tracking import Kick, beam_of, check_track, plan, run
from .transport import State

Array = NDArray[np.float64]

#: default steps of central differences: of coordinates, and of knobs (times max(|value|, 1)).
#: A test particle near the axis has little rounding to fear, so its step is short.
COORDINATE_STEP = 3e-8
KNOB_STEP = 1e-5


def jacobian(
    lattice: Lattice,
    beam: Beam | Reference,
    *,
    kicks: Sequence[Kick] = (),
    turns: int = 1,
    at: ArrayLike | None = None,
    method: Literal["ad", "fd"] = "ad",
    step: float = COORDINATE_STEP,
) -> Array:
    """Jacobian of the map of a test particle in the self-consistent field of a beam.

    The test particle feels the field that the beam makes and adds nothing to it.

    Args:
        lattice, kicks, turns: as for `track`.
        beam: the beam that makes the field; a bare `Reference` will do where there are no kicks.
        at: initial coordinates (6,) of the test particle; the origin by default.
        method: "ad" is exact (forward mode), "fd" central differences.
        step: of the central differences, in the units of the coordinates.

    Returns:
        (6, 6): d(final)/d(initial) in x, px, y, py, z, delta.

    Raises:
        ParticleLostError: the test particle is lost on the way.
        InvalidValueError: as for `track`; kicks without a beam; `at` of another shape.
    """
    require_known("method", method, ("ad", "fd"))
    _positive(step)
    beam = _with_field(beam, kicks)
    start = _start(at)
    check_track(beam, kicks, turns)
    matrix = _jacobian_function(lattice, kicks, turns, start, method, step)
    return np.asarray(matrix(lattice, beam).detach())


def _jacobian_function(
    lattice: Lattice,
    kicks: Sequence[Kick],
    turns: int,
    start: Tensor,
    method: str = "ad",
    step: float = COORDINATE_STEP,
) -> Callable[[Lattice, Beam], Tensor]:
    """(lattice, beam) -> (6, 6) tensor, differentiable, with the slices of this lattice."""
    counts = plan(lattice, kicks)

    def final(lattice: Lattice, beam: Beam, probes: Tensor) -> Tensor:
        _, probe = run(lattice, beam, kicks, turns, counts, probes)
        assert probe is not None
        if not bool(probe.alive.all()):
            raise ParticleLostError(
                "the test particle left the box of a kick; start it nearer to the axis with at="
            )
        return torch.stack(probe.coordinates, dim=-1)

    def exact(lattice: Lattice, beam: Beam) -> Tensor:
        by_column = torch.func.jacfwd(lambda c: final(lattice, beam, c.unsqueeze(0)).squeeze(0))
        matrix: Tensor = by_column(start)
        return matrix

    def differences(lattice: Lattice, beam: Beam) -> Tensor:
        shifts = step * torch.eye(6, dtype=start.dtype)
        ends = final(lattice, beam, start + torch.cat([shifts, -shifts]))
        return ((ends[:6] - ends[6:]) / (2 * step)).mT

    return exact if method == "ad" else differences


def jacobian_derivatives(
    lattice: Lattice,
    beam: Beam | Reference,
    wrt: Sequence[str],
    *,
    kicks: Sequence[Kick] = (),
    turns: int = 1,
    at: ArrayLike | None = None,
) -> tuple[Array, Array]:
    """The Jacobian and its exact derivative by each knob, the beam's response included.

    Args:
        wrt: knobs, such as "q1.k1" and "beam.current".
        lattice, beam, kicks, turns, at: as for `jacobian`.

    Returns:
        (6, 6), and (K, 6, 6) in the order of `wrt`.
    """
    beam = _with_field(beam, kicks)
    vector = values(lattice, beam, wrt)
    check_track(beam, kicks, turns)
    matrix = _jacobian_function(lattice, kicks, turns, _start(at))

    def of(vector: Tensor) -> tuple[Tensor, Tensor]:
        m = matrix(*overlay(lattice, beam, wrt, vector.unbind(0)))
        return m, m

    slopes, m = torch.func.jacfwd(of, has_aux=True)(vector)
    return np.asarray(m.detach()), np.asarray(slopes.detach().movedim(-1, 0))


def gradient(
    observable: Observable,
    lattice: Lattice,
    beam: Beam,
    *,
    wrt: Sequence[str],
    kicks: Sequence[Kick] = (),
    turns: int = 1,
    mode: Literal["reverse", "forward", "fd"] = "reverse",
    step: float = KNOB_STEP,
) -> Array:
    """Gradient of a figure of the tracked beam by any knobs, the field's response included.

    Args:
        observable: (final beam, initial beam) -> 0-d tensor; see `pyjutrack.observables`.
        wrt: knobs, such as "d1.length", "q1.k1", "beam.current".
        mode: "reverse" costs a few trackings whatever the number of knobs, and memory for every
            slice; "forward" grows with the knobs, and needs no memory; "fd" is central differences.
        step: of the central differences, times max(|value of the knob|, 1).
        lattice, beam, kicks, turns: as for `track`.

    Returns:
        (K,) in the order of `wrt`, in units of the observable per unit of the knob.

    Raises:
        UnknownNameError: no such knob.
        InvalidValueError: as for `track`.
    """
    return value_and_gradient(
        observable, lattice, beam, wrt=wrt, kicks=kicks, turns=turns, mode=mode, step=step
    )[1]


def value_and_gradient(
    observable: Observable,
    lattice: Lattice,
    beam: Beam,
    *,
    wrt: Sequence[str],
    kicks: Sequence[Kick] = (),
    turns: int = 1,
    mode: Literal["reverse", "forward", "fd"] = "reverse",
    step: float = KNOB_STEP,
) -> tuple[float, Array]:
    """The observable itself and its gradient; arguments as for `gradient`."""
    require_known("mode", mode, ("reverse", "forward", "fd"))
    _positive(step)
    _single(beam)
    vector = values(lattice, beam, wrt)
    if mode == "fd":
        beam = beam.to(torch.float64)  # a step of 1e-5 is below the rounding of float32
    check_track(beam, kicks, turns)
    counts = plan(lattice, kicks)

    def final(numbers: Iterable[Tensor]) -> tuple[State, Beam]:
        knobbed, source = overlay(lattice, beam, wrt, numbers)
        return run(knobbed, source, kicks, turns, counts)[0], source

    def function(vector: Tensor) -> Tensor:
        return _figure(observable, beam_of(*final(vector.unbind(0))), beam)

    if mode == "reverse":
        leaf = vector.requires_grad_()
        value = function(leaf)
        slope = torch.zeros_like(vector)
        if value.requires_grad:
            with parallel.cores():
                (slope,) = torch.autograd.grad(
                    value, leaf, allow_unused=True, materialize_grads=True
                )
    elif mode == "forward":
        state, source = final(seeds(vector))
        value, slope = _meet(observable, state, source, beam, len(vector))
    else:
        value = function(vector)
        slope = _central(function, vector, step)
    return float(value.detach()), np.asarray(slope.detach())


def _meet(
    observable: Observable, state: State, source: Beam, initial: Beam, count: int
) -> tuple[Tensor, Tensor]:
    """The gradient of the observable by the final beam, times what was pushed through the tracking.

    Cheaper than to push all directions through the observable as well.
    """
    moved: list[Any] = [*state.coordinates, source.current]
    leaves: list[Any] = [_leaf(t) if isinstance(t, Pushed) else t for t in moved]
    end = beam_of(State(tuple(leaves[:6]), state.alive), source.replace(current=leaves[6]))
    value = _figure(observable, end, initial)
    slope = torch.zeros(count, dtype=torch.float64)
    active = [(t, leaf) for t, leaf in zip(moved, leaves, strict=True) if isinstance(t, Pushed)]
    if active and value.requires_grad:
        gradients = torch.autograd.grad(value, [leaf for _, leaf in active], allow_unused=True)
        for (pushed, _), g in zip(active, gradients, strict=True):
            if g is not None:
                # `sum` adds pairwise, which the cancellation between particles needs
                rows = (pushed.tangent * g).reshape(len(pushed.directions), -1).sum(-1)
                slope[list(pushed.directions)] += rows
    return value, slope


def _figure(observable: Observable, final: Beam, initial: Beam) -> Tensor:
    """The observable, checked."""
    if not bool(final.alive.any()):
        raise ParticleLostError("every particle was lost; the observable of no beam is undefined")
    value: Any = observable(final, initial)
    if not isinstance(value, Tensor) or value.dim() != 0:
        raise InvalidValueError(
            "an observable must return a 0-d tensor, a function of the final beam's coordinates; "
            f"got {value!r}"
        )
    return value


def _leaf(pushed: Pushed) -> Any:
    return pushed.value.detach().requires_grad_()


def _central(function: Callable[[Tensor], Tensor], vector: Tensor, step: float) -> Tensor:
    slopes = []
    with torch.no_grad():
        for i, value in enumerate(vector):
            shift = torch.zeros_like(vector)
            shift[i] = step * max(abs(float(value)), 1.0)
            difference = function(vector + shift) - function(vector - shift)
            slopes.append(difference / (2 * shift[i]))
    return torch.stack(slopes)


def _with_field(beam: Beam | Reference, kicks: Sequence[Kick]) -> Beam:
    if isinstance(beam, Beam):
        _single(beam)
        return beam
    if kicks:
        raise InvalidValueError("kicks need a beam that makes their field, not a bare Reference")
    return Beam(beam, torch.zeros(1, 6, dtype=torch.float64))


def _start(at: ArrayLike | None) -> Tensor:
    start = torch.zeros(6, dtype=torch.float64)
    if at is not None:
        try:
            start = torch.tensor(np.asarray(at, dtype=np.float64))
        except (TypeError, ValueError):
            raise InvalidValueError(f"at must be six finite coordinates, got {at!r}") from None
        if start.shape != (6,) or not bool(torch.isfinite(start).all()):
            raise InvalidValueError(f"at must be six finite coordinates, got {at!r}")
    return start


def _single(beam: Beam) -> None:
    if beam.coordinates.dim() != 2:
        raise InvalidValueError(
            f"derivatives are of one beam, (N, 6), not of a batch {tuple(beam.coordinates.shape)}"
        )


def _positive(step: float) -> None:
    if not (math.isfinite(step) and step > 0):
        raise InvalidValueError(f"a finite-difference step must be positive, got {step}")

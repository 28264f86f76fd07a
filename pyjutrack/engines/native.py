"""The native engine: PyTorch and compiled kernels, differentiated by their own transforms."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from ..autodiff import Pushed, seeds
from ..beam.beam import Beam
from ..beam.reference import Reference
from ..core.settings import join
from ..kernels import parallel
from ..lattice.batch import batch_of, settings_of
from ..lattice.knobs import overlay, parts, split, values
from ..maps.state import State
from ..tracking.adjoint import run_adjoint
from ..tracking.end import End, state_of
from ..tracking.loop import run, run_with_jacobians
from ..tracking.loss_warning import warn_of_effects
from ..tracking.task import Task
from .protocol import Objective
from .results import evaluate, require_alive


@dataclass(frozen=True)
class Native:
    """PyTorch tensors throughout; the only engine that autograd sees through."""

    name: str = "native"

    def track(self, task: Task) -> Beam:
        """See `Engine`."""
        return run_adjoint(task).beam(task.beam)

    def probe(self, task: Task, starts: Tensor) -> Tensor:
        """See `Engine`."""
        return _probe(task, starts)

    def jacobian(self, task: Task, start: Tensor) -> Tensor:
        """See `Engine`."""
        found = _run_jacobian(task, start)
        if found is not None:
            return found
        if batch := batch_of(task.lattice):
            each = (dataclasses.replace(task, lattice=one) for one in settings_of(task.lattice))
            return join([_push_jacobian(one, start) for one in each], batch)
        return _push_jacobian(task, start)

    def jacobian_derivatives(
        self, task: Task, start: Tensor, wrt: Sequence[str]
    ) -> tuple[Tensor, Tensor]:
        """See `Engine`."""

        found = parts(task, wrt)

        def of(vector: Tensor) -> tuple[Tensor, Tensor]:
            m = _jacobian(overlay(task, wrt, split(vector, found)), start)
            return m, m

        vector = values(task, wrt)
        slopes, m = torch.func.jacfwd(of, has_aux=True)(vector)
        return m, slopes.movedim(-1, 0)

    def value_and_gradient(
        self,
        objective: Objective,
        task: Task,
        wrt: Sequence[str],
        mode: Literal["reverse", "forward"],
    ) -> tuple[Tensor, Tensor]:
        """See `Engine`."""
        found = parts(task, wrt)
        if mode == "forward":
            end, source = _final(task, wrt, seeds(found))
            return contract(objective, end, source, sum(p.numel() for p in found))
        vector = values(task, wrt)
        leaf = vector.requires_grad_()
        end, source = _final(task, wrt, split(leaf, found))
        value = evaluate(objective, end.beam(source), source)
        slope, world = torch.zeros_like(vector), task.beam.world
        if value.requires_grad:
            with parallel.cores():
                (slope,) = torch.autograd.grad(
                    world.split_scalar(value), leaf, allow_unused=True, materialize_grads=True
                )
        return value, world.sum(slope)


def _probe(task: Task, starts: Tensor) -> Tensor:
    end = _track_probe(task, state_of(starts, torch.ones(starts.shape[:-1], dtype=torch.bool)))
    require_alive(end.alive)
    return torch.stack(end.coordinates, dim=-1)


def _track_probe(task: Task, particles: State) -> State:
    """Test particles at the end: by themselves where the beam makes no field."""
    if task.effects:
        end = run(task, particles)
        warn_of_effects(task, [end.beam(task.beam)])
        assert end.probe is not None
        return end.probe
    coordinates: Any = torch.stack(particles.coordinates, dim=-1)
    beam = Beam(task.beam.reference, coordinates)
    return run(dataclasses.replace(task, beam=beam)).state


def _push_jacobian(task: Task, start: Tensor) -> Tensor:
    """The Jacobian, its six directions pushed along with the test particle."""
    one = torch.ones(1, 1, dtype=start.dtype)
    columns = tuple(Pushed.make(start[i : i + 1], one, (i,)) for i in range(6))
    end = _track_probe(task, State(columns, torch.ones(1, dtype=torch.bool)))
    require_alive(end.alive)
    matrix = torch.zeros(6, 6, dtype=start.dtype)
    for row, column in zip(matrix, end.coordinates, strict=True):
        if isinstance(column, Pushed):
            row[list(column.directions)] = column.tangent[:, 0]
    return matrix


def _jacobian(task: Task, start: Tensor) -> Tensor:
    """The Jacobian by PyTorch's transforms, which others may be put around."""

    def final(c: Tensor) -> Tensor:
        return _probe(task, c.unsqueeze(0)).squeeze(0)

    matrix: Tensor = torch.func.jacfwd(final)(start)
    return matrix


def _run_jacobian(task: Task, start: Tensor) -> Tensor | None:
    """Compute the Jacobian by programs, where nothing carries derivatives."""
    if not all(effect.lumped for effect in task.effects):
        return None  # between kicks so near to each other nothing is won
    probe = state_of(start.unsqueeze(0), torch.ones(1, dtype=torch.bool))
    found = run_with_jacobians(task, probe)
    if found is None:
        return None
    end, matrices = found
    if task.effects:
        warn_of_effects(task, [end.beam(task.beam)])
    require_alive((end.probe or end.state).alive)
    return torch.from_numpy(matrices[..., 0, :, :].copy())


def _final(task: Task, wrt: Sequence[str], numbers: Iterable[Tensor]) -> tuple[End, Beam]:
    """The end of a tracking with knobs at some values, and the beam as it started."""
    knobbed = overlay(task, wrt, numbers)
    return run_adjoint(knobbed, once=True), knobbed.beam


def contract(objective: Objective, final: End, source: Beam, count: int) -> tuple[Tensor, Tensor]:
    """The gradient of the objective by both beams, times what was pushed through the tracking.

    Cheaper than to push all directions through the objective as well.

    Args:
        count: of the directions.

    Returns:
        The value, and its slopes (count,).
    """
    columns, reference = final.state.coordinates, final.reference
    moved: list[Any] = [*columns, source.coordinates, *source.intensity]
    moved += [reference.p0c, final.weights]
    leaves: list[Any] = [_leaf(t) if isinstance(t, Pushed) else t for t in moved]
    *ends, start, current, charge, p0c, weights = leaves
    initial = source.replace(coordinates=start, current=current, charge=charge)
    after = Reference(reference.species, p0c)
    end = End(State(tuple(ends), final.state.alive), None, after, weights)
    value = evaluate(objective, end.beam(initial), initial)
    slope = torch.zeros(count, dtype=torch.float64)
    active = [(t, leaf) for t, leaf in zip(moved, leaves, strict=True) if isinstance(t, Pushed)]
    if active and value.requires_grad:
        share = source.world.split_scalar(value)
        gradients = torch.autograd.grad(share, [leaf for _, leaf in active], allow_unused=True)
        for (pushed, _), g in zip(active, gradients, strict=True):
            if g is not None:
                for k, tangent in zip(pushed.directions, pushed.tangent, strict=True):
                    # `sum` adds pairwise, which the cancellation between particles needs
                    slope[k] += (tangent * g).sum()
    return value, source.world.sum(slope)


def _leaf(pushed: Pushed) -> Any:
    return pushed.value.detach().requires_grad_()

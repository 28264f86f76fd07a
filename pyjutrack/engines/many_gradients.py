"""Gradients of many settings at once: one tracking, and one backward pass through all of it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from functools import partial, wraps
from inspect import signature
from typing import Any, ParamSpec, TypeVar

import numpy as np
import torch
from torch import Tensor

from ..beam.beam import Beam
from ..collective.base import require_differentiable
from ..core.checks import require_real
from ..core.errors import ManySettingsError
from ..core.settings import pick, take
from ..kernels import parallel
from ..lattice.batch import choose, shape_of
from ..lattice.knobs import current, overlay
from ..lattice.lattice import Lattice
from ..lattice.patterns import expand
from ..tracking.adjoint import run_adjoint
from ..tracking.adjoint.choose import stored_bytes
from ..tracking.loss_warning import count_lost, warn_of_effects, warn_of_losses
from ..tracking.task import Task, task_of
from .native import Native
from .objective import objective_of
from .protocol import Objective
from .results import evaluate

P = ParamSpec("P")
R = TypeVar("R")

#: of so many particles each has kernels, which are faster than a pass through all
_FEW = 2000
#: bytes that a pass through some of the settings may store
_STORED = 2**28


def together(function: Callable[P, R]) -> Callable[P, R]:
    """Let `value_and_gradient` take all settings in one pass where it can; a decorator.

    Where it cannot, the function is called as it is: where a parameter is needed as one number,
    where knobs are vectors or change moments of the beam, in other modes, with other engines and
    adjoints; and of many particles.
    """
    default = {n: p.default for n, p in signature(function).parameters.items()}

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        given = default | signature(function).bind(*args, **kwargs).arguments
        lattice, beam, effects = (given[name] for name in ("lattice", "beam", "effects"))
        simple = given["mode"] == "reverse" and given["adjoint"] in ("auto", "store")
        simple = simple and given["engine"] in ("native", Native())
        simple = simple and isinstance(beam, Beam) and beam.coordinates.dim() == 2
        simple = simple and len(beam) <= _FEW
        if not simple or not any(map(shape_of, (lattice, beam, effects))):
            return function(*args, **kwargs)
        require_real("step", given["step"], above=0)
        try:
            task = task_of(lattice, beam, effects, given["turns"], given["adjoint"])
            wrt = expand(given["wrt"], lattice.knobs)
            if not beam.world.is_serial or not _are_numbers(task, wrt):
                return function(*args, **kwargs)
            require_differentiable(effects)
            found: Any = _pass_all(objective_of(given["objective"]), task, wrt)
        except ManySettingsError:
            return function(*args, **kwargs)
        return found

    return call


def _are_numbers(task: Task, wrt: Sequence[str]) -> bool:
    """Return whether all knobs may have one number of each setting."""
    names = {f"beam.{name}" for name in ("current", "charge")}
    names |= {f"effects[{n}].{b}" for n, e in enumerate(task.effects) for b in e.batched}
    return all(address in names or _is_number(task.lattice, address) for address in wrt)


def _is_number(lattice: Lattice, address: str) -> bool:
    """Return whether an address is that of a number of a lattice."""
    if address in lattice.variables:
        return True
    if not lattice.has_parameter(address):
        return False
    name, field, _ = lattice.resolve(address)
    return field not in lattice[name].vectors


def _pass_all(
    objective: Objective, task: Task, wrt: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Values (...) and gradients (..., K), some settings at a time."""
    batch, lost = task.batch, 0
    one = dataclasses.replace(task, lattice=choose(task.lattice, partial(_first, batch=batch)))
    size = max(1, int(_STORED // max(stored_bytes(one), 1)))
    values, slopes = [], []
    for first in range(0, math.prod(batch), size):
        of = partial(take, batch=batch, rows=slice(first, first + size))
        value, slope, count = _pass(objective, _chosen(task, of), wrt)
        values.append(value)
        slopes.append(slope)
        lost = max(lost, count)
    warn_of_losses(lost, task.beam.particles)
    value, slope = np.concatenate(values), np.concatenate(slopes)
    return value.reshape(batch), slope.reshape(*batch, len(wrt))


def _first(value: Any, batch: torch.Size) -> Any:
    return pick(value, batch, (0,) * len(batch))


def _chosen(task: Task, of: Callable[[Any], Any]) -> Task:
    lattice, beam, effects = (choose(part, of) for part in (task.lattice, task.beam, task.effects))
    return dataclasses.replace(task, lattice=lattice, beam=beam, effects=effects)


def _pass(
    objective: Objective, task: Task, wrt: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, int]:
    """The same of settings (n,), and the most particles lost in one of them."""
    (count,) = task.batch
    leaves = [_leaf(current(task, address), count) for address in wrt]
    with torch.enable_grad():
        knobbed = overlay(task, wrt, leaves)
        end = run_adjoint(knobbed).beam(knobbed.beam)
        values = []
        for n in range(count):
            of = partial(pick, batch=torch.Size((count,)), index=(n,))
            initial = choose(knobbed.beam, of)
            weights = None if end.weights is None else end.weights[n]
            final = initial.replace(
                reference=end.reference,
                coordinates=end.coordinates[n],
                alive=end.alive[n],
                weights=weights,
            )
            values.append(evaluate(objective, final, initial))
        total = torch.stack(values)
    if task.effects:
        warn_of_effects(task, [end])
    slopes: Sequence[Tensor] = [torch.zeros(count, dtype=torch.float64) for _ in wrt]
    if total.requires_grad:
        with parallel.cores():
            slopes = torch.autograd.grad(
                total.sum(), leaves, allow_unused=True, materialize_grads=True
            )
    found = torch.stack(list(slopes), -1).numpy()
    return total.detach().to(torch.float64).numpy(), found, count_lost(task.beam, end)


def _leaf(value: Any, count: int) -> Tensor:
    plain = torch.as_tensor(value, dtype=torch.float64).detach()
    return plain.expand(count).clone().requires_grad_()

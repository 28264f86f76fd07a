"""Gradients of many settings at once, by one backward pass or by tangents of all of them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial, wraps
from inspect import signature
from typing import Any, ParamSpec, TypeVar

import numpy as np
import torch
from torch import Tensor

from ..autodiff import Pushed
from ..beam import initial_moments
from ..beam.beam import Beam
from ..collective.base import require_differentiable
from ..core.checks import require_real
from ..core.errors import ManySettingsError, ParticleLostError, hold_warnings
from ..core.settings import pick, take
from ..kernels import parallel
from ..lattice.batch import choose, shape_of
from ..lattice.knobs import CHARGE, CURRENT, current, overlay, parts
from ..lattice.lattice import Lattice
from ..lattice.patterns import expand
from ..maps.state import State
from ..tracking.adjoint import run_adjoint
from ..tracking.adjoint.choose import held_bytes
from ..tracking.end import End, expand_beam
from ..tracking.loss_warning import count_lost, warn_of_effects, warn_of_losses
from ..tracking.task import Task, task_of
from .native import Native, contract
from .objective import objective_of
from .protocol import Objective
from .results import evaluate

P = ParamSpec("P")
R = TypeVar("R")

#: after which each is asked
_FAILURES: tuple[type[Exception], ...] = (ManySettingsError, ParticleLostError)
#: of so many particles each has kernels, which are faster than a pass through all
_FEW = 2000
#: bytes that a pass through some of the settings may hold
_HELD = 2**28
#: arrays that hold tangents at a time, about
_ARRAYS = 4


def together(function: Callable[P, R]) -> Callable[P, R]:
    """Let `value_and_gradient` take all settings in one pass where it can; a decorator.

    Where it cannot, the function is called as it is: where a parameter is needed as one number,
    where knobs are vectors, or moments of the beam beside effects, in other modes, with other
    engines; of many particles, or of those of many ranks; and by forward mode with effects.
    """
    default = {n: p.default for n, p in signature(function).parameters.items()}

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        given = default | signature(function).bind(*args, **kwargs).arguments
        lattice, beam, effects = (given[name] for name in ("lattice", "beam", "effects"))
        simple = isinstance(given["mode"], str) and given["mode"] in _PASSES
        simple = simple and given["engine"] in ("native", Native())
        # kernels push tangents through kicks, of one setting, faster than a pass through all
        simple = simple and (given["mode"] != "forward" or _is_empty(effects))
        simple = simple and isinstance(beam, Beam) and beam.coordinates.dim() == 2
        # parts of ranks differ in length, and all ranks must go one way
        simple = simple and beam.world.is_serial and len(beam) <= _FEW
        if not simple or not any(map(shape_of, (lattice, beam, effects))):
            return function(*args, **kwargs)
        require_real("step", given["step"], above=0)
        # which setting has lost all, each says by itself
        with suppress(*_FAILURES), hold_warnings(*_FAILURES):
            task = task_of(lattice, beam, effects, given["turns"], given["adjoint"])
            wrt = expand(given["wrt"], lattice.knobs)
            if not _are_numbers(task, wrt):
                raise ManySettingsError("one after another")
            parts(task, wrt)  # each once, and none that follows another
            require_differentiable(effects)
            found: Any = _pass_all(objective_of(given["objective"]), task, wrt, given["mode"])
            return found
        return function(*args, **kwargs)

    return call


def _are_numbers(task: Task, wrt: Sequence[str]) -> bool:
    """Return whether all knobs may have one number of each setting."""
    names = {CURRENT, CHARGE}
    if not task.effects:  # a beam each, which kernels of one setting kick faster than a pass
        names |= {*initial_moments.KNOBS}
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
    objective: Objective, task: Task, wrt: Sequence[str], mode: str
) -> tuple[np.ndarray, np.ndarray]:
    """Values (...) and gradients (..., K), some settings at a time."""
    batch, lost = task.batch, 0
    one = dataclasses.replace(task, lattice=choose(task.lattice, partial(_first, batch=batch)))
    held = _pushed_bytes(one, wrt) if mode == "forward" else held_bytes(one)
    size = max(1, int(_HELD // max(held, 1)))
    values, slopes = [], []
    for first in range(0, math.prod(batch), size):
        of = partial(take, batch=batch, rows=slice(first, first + size))
        some = _chosen(task, of)
        value, slope, end = _PASSES[mode](objective, some, wrt)
        final = end.beam(some.beam)
        if task.effects:
            warn_of_effects(some, [final])
        values.append(value.detach().to(torch.float64).numpy())
        slopes.append(slope.numpy())
        lost = max(lost, count_lost(task.beam, final))
    warn_of_losses(lost, task.beam.particles)
    found = np.concatenate(values), np.concatenate(slopes)
    return found[0].reshape(batch), found[1].reshape(*batch, len(wrt))


def _pushed_bytes(task: Task, wrt: Sequence[str]) -> int:
    """Estimate the bytes that tangents of a setting take."""
    c = task.beam.coordinates
    return _ARRAYS * c.numel() * c.element_size() * (len(wrt) + 1)


def _first(value: Any, batch: torch.Size) -> Any:
    return pick(value, batch, (0,) * len(batch))


def _chosen(task: Task, of: Callable[[Any], Any]) -> Task:
    lattice, beam, effects = (choose(part, of) for part in (task.lattice, task.beam, task.effects))
    return dataclasses.replace(task, lattice=lattice, beam=beam, effects=effects)


def _pull(objective: Objective, task: Task, wrt: Sequence[str]) -> tuple[Tensor, Tensor, End]:
    """The same of settings (n,) by a backward pass, and their end."""
    (count,) = task.batch
    leaves = [leaf.requires_grad_() for leaf in _plain(task, wrt)]
    with torch.enable_grad():
        knobbed = overlay(task, wrt, leaves)
        end = run_adjoint(knobbed)
        values = [
            evaluate(objective, one.beam(initial), initial) for one, initial in _each(end, knobbed)
        ]
        total = torch.stack(values)
    slopes: Sequence[Tensor] = [torch.zeros(count, dtype=torch.float64) for _ in wrt]
    if total.requires_grad:
        with parallel.cores():
            slopes = torch.autograd.grad(
                total.sum(), leaves, allow_unused=True, materialize_grads=True
            )
    return total, torch.stack(list(slopes), -1), end


def _push(objective: Objective, task: Task, wrt: Sequence[str]) -> tuple[Tensor, Tensor, End]:
    """The same by tangents that go with the particles."""
    (count,) = task.batch
    leaves = [
        Pushed.make(value, torch.ones(1, count, dtype=torch.float64), (k,))
        for k, value in enumerate(_plain(task, wrt))
    ]
    knobbed = overlay(task, wrt, leaves)
    # tangents by kernels are of one setting; these are not
    wide = dataclasses.replace(knobbed, beam=expand_beam(knobbed.beam, task.batch))
    end = run_adjoint(wide)
    with torch.enable_grad():
        pairs = [contract(objective, *each, len(wrt)) for each in _each(end, knobbed)]
    values, slopes = map(torch.stack, zip(*pairs, strict=True))
    return values, slopes, end


def _each(end: End, task: Task) -> Iterator[tuple[End, Beam]]:
    """The end of each of the settings (n,), and the beam as it started."""
    batch = task.batch
    for n in range(math.prod(batch)):
        initial = choose(task.beam, partial(pick, batch=batch, index=(n,))).pick(batch, (n,))
        columns = tuple(c[n] for c in end.state.coordinates)
        weights = None if end.weights is None else end.weights[n]
        yield End(State(columns, end.state.alive[n]), None, end.reference, weights), initial


def _plain(task: Task, wrt: Sequence[str]) -> list[Tensor]:
    """Numbers of all settings (n,) at some addresses."""
    found = (torch.as_tensor(current(task, a), dtype=torch.float64).detach() for a in wrt)
    return [value.expand(task.batch).clone() for value in found]


def _is_empty(effects: Any) -> bool:
    """Whether there are none; what is no list is refused later."""
    return isinstance(effects, (list, tuple)) and not effects


#: by which all settings may go, by mode
_PASSES = {"reverse": _pull, "forward": _push}

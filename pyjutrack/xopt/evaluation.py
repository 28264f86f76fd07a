"""Outputs of a tracked beam, and their slopes, at one point or at many."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..beam.beam import Beam, require_beam, require_single
from ..collective.base import CollectiveEffect
from ..core.checks import wrong
from ..core.errors import InvalidValueError, require_known
from ..core.settings import broadcast_batch, pick, take
from ..engines.derivatives import value_and_gradient
from ..engines.objective import objective_of
from ..engines.protocol import Engine
from ..engines.results import evaluate
from ..engines.track import track
from ..lattice.batch import choose
from ..lattice.knobs import overlay, parts
from ..lattice.lattice import Lattice
from ..tracking.task import Task, task_of

Array = NDArray[np.float64]

#: bytes of coordinates of the points that are tracked at once, about
_HELD = 2**28


def slope_column(output: str, variable: str) -> str:
    """The name of the column that holds d(output)/d(variable)."""
    return f"d_{output}/d_{variable}"


@dataclass(frozen=True)
class Evaluation:
    """What `evaluator` evaluates; its fields are the arguments of that function.

    It can be sent to other processes where the outputs can.
    """

    lattice: Lattice
    beam: Beam
    outputs: Mapping[str, Callable[..., Tensor]]
    effects: tuple[CollectiveEffect, ...] = ()
    turns: int = 1
    slopes: tuple[str, ...] = ()
    mode: Literal["reverse", "forward", "fd"] = "reverse"
    engine: str | Engine = "native"

    def __post_init__(self) -> None:
        if not self.outputs:
            raise wrong("outputs", self.outputs, "functions of the beam by their names")
        for function in self.outputs.values():
            objective_of(function)
        for name in self.slopes:
            require_known("slopes", name, self.outputs)
        self._task()

    def evaluate(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The outputs, and slopes, of knobs that are numbers or columns of numbers (B,).

        Raises:
            UnknownNameError: no such knob.
            InvalidValueError: no inputs; one that the present knob does not take.
            ParticleLostError: no particle is left, of one of the points at least.
        """
        names = list(inputs)
        task = self._task()
        parts(task, names)
        columns = [_column(name, inputs[name]) for name in names]
        batch = broadcast_batch(f"columns of {', '.join(names)}", columns)
        knobbed = overlay(task, names, [column.expand(batch) for column in columns])
        found: dict[str, Any] = {}
        plain = [name for name in self.outputs if name not in self.slopes]
        if plain:
            found |= self._values(knobbed, plain, batch)
        for name in self.slopes:
            value, slopes = value_and_gradient(
                self.outputs[name],
                knobbed.lattice,
                knobbed.beam,
                effects=knobbed.effects,
                turns=self.turns,
                wrt=names,
                mode=self.mode,
                engine=self.engine,
            )
            found[name] = value
            columns_of = np.moveaxis(np.asarray(slopes), -1, 0)
            found |= {slope_column(name, n): s for n, s in zip(names, columns_of, strict=True)}
        return {name: _plain(value) for name, value in found.items()}

    def _task(self) -> Task:
        require_beam(self.beam)
        require_single(self.beam, "evaluations are")
        return task_of(self.lattice, self.beam, self.effects, self.turns)

    def _values(self, knobbed: Task, names: list[str], batch: torch.Size) -> dict[str, Array]:
        """Values (*batch) of outputs, by one tracking, or by several of some points each."""
        coordinates, total = knobbed.beam.coordinates, math.prod(batch)
        # parts of ranks differ in length, and all ranks take as many points
        longest = -(-knobbed.beam.particles // knobbed.beam.world.size) / len(knobbed.beam)
        size = max(1, int(_HELD // (coordinates.numel() * coordinates.element_size() * longest)))
        if total <= size:
            return self._values_of(knobbed, names, batch)
        found: list[dict[str, Array]] = []
        for first in range(0, total, size):
            of = partial(take, batch=batch, rows=slice(first, first + size))
            parts = (choose(part, of) for part in (knobbed.lattice, knobbed.beam, knobbed.effects))
            lattice, beam, effects = parts
            some = dataclasses.replace(knobbed, lattice=lattice, beam=beam, effects=effects)
            found.append(self._values_of(some, names, torch.Size([min(size, total - first)])))
        return {n: np.concatenate([one[n] for one in found]).reshape(batch) for n in names}

    def _values_of(self, knobbed: Task, names: list[str], batch: torch.Size) -> dict[str, Array]:
        beam = knobbed.beam
        with torch.no_grad():
            end = track(
                knobbed.lattice,
                beam,
                effects=knobbed.effects,
                turns=self.turns,
                engine=self.engine,
            )
            of_beams = {name: objective_of(self.outputs[name]) for name in names}
            values: dict[str, list[float]] = {name: [] for name in names}
            for index in product(*map(range, batch)):
                initial = choose(beam, partial(pick, batch=batch, index=index))
                final = _one(end, initial, batch, index)
                for name, objective in of_beams.items():
                    values[name].append(float(evaluate(objective, final, initial)))
        return {name: np.array(found).reshape(batch) for name, found in values.items()}


def _one(end: Beam, initial: Beam, batch: torch.Size, index: tuple[int, ...]) -> Beam:
    """One of the beams at the end."""

    def of(columns: Tensor, dimensions: int) -> Tensor:
        return columns.expand(*batch, *columns.shape[columns.dim() - dimensions :])[index]

    return dataclasses.replace(
        initial,
        reference=end.reference,
        coordinates=of(end.coordinates, 2),
        alive=of(end.alive, 1),
        weights=None if end.weights is None else of(end.weights, 1),
    )


def _column(name: str, values: Any) -> Tensor:
    try:
        found = torch.as_tensor(np.array(values, dtype=np.float64))
    except (TypeError, ValueError):
        raise InvalidValueError(f"{name} must be a number or a column of numbers") from None
    if not bool(torch.isfinite(found).all()):
        raise InvalidValueError(f"{name} must be finite, got {values!r}")
    return found


def _plain(value: Any) -> Any:
    found = np.asarray(value, dtype=np.float64)
    return found if found.ndim else float(found)

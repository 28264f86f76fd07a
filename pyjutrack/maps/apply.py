"""Maps with kernels of their derivatives as operators on tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..autodiff.operator import Maybe, Tensors, array, compiled_operator, copy_tangents, tensors
from ..core.scalars import tensor_like, to_float
from ..kernels import parallel
from .base import Map
from .codegen.build import kernels, require_current
from .lost import stand_in

#: cost of a map beside that of a kick, per particle
_VALUE = 0.2


class _MapKernels:
    """Inputs: six coordinates, the alive mask, then the parameters; static: the constants."""

    def __init__(self, map: Map) -> None:
        self._map = map
        made = kernels(map)
        self.ranks = (1,) * 7 + (0,) * (len(map.parameters) - len(map.constants))
        self.moves: tuple[int, ...] = made.MOVES
        self._value, self._cotangent = made.value, made.cotangent
        self.in_place, self.back = made.push, made.back

    def plain(self, static: tuple[float, ...], *inputs: Tensor) -> Tensors:
        before, alive, parameters = torch.stack(inputs[:6]), inputs[6], inputs[7:]
        (safe,), numbers = stand_in([before], alive, parameters)
        new = self._map(*safe.unbind(0), *numbers, *static)
        moved = torch.stack([new[i] for i in self.moves])
        return torch.where(alive, moved, _rows(before, self.moves)).unbind(0)

    def value(self, static: tuple[float, ...], inputs: Tensors) -> Tensors:
        size = inputs[0].shape[0]
        arrays = _unpack(inputs)
        outs = [np.empty(size, arrays[0].dtype) for _ in self.moves]
        parallel.run(self._value, size, parallel.parts(size, _VALUE), *arrays, *static, *outs)
        return tensors(outs)

    def push(
        self, static: tuple[float, ...], inputs: Tensors, tangents: Maybe, count: int
    ) -> tuple[Tensors, Tensors]:
        arrays, numbers = [array(t) for t in inputs[:7]], [float(p.detach()) for p in inputs[7:]]
        none = np.zeros((1, len(arrays[0])), arrays[0].dtype)
        rows = [none if t is None else array(t) for t in tangents[:6]]
        for i in self.moves:
            arrays[i], rows[i] = arrays[i].copy(), copy_tangents(tangents[i], count, inputs[i])
        shifts = [np.zeros(1) if t is None else array(t).astype(float) for t in tangents[7:]]
        _push(self, arrays, (*numbers, *static), np.arange(count), rows, shifts)
        return tensors(arrays[i] for i in self.moves), tensors(rows[i] for i in self.moves)

    def cotangent(self, static: tuple[float, ...], inputs: Tensors, gradients: Tensors) -> Tensors:
        size = inputs[0].shape[0]
        arrays = _unpack(inputs)
        backs = [np.empty(size, arrays[0].dtype) for _ in range(6)]
        share = parallel.parts(size)
        sums = np.zeros((share, len(inputs) - 7))
        parallel.run(
            self._cotangent,
            size,
            share,
            *arrays,
            *static,
            *(array(g) for g in gradients),
            *backs,
            sums,
        )
        dtype = inputs[0].dtype
        return *tensors(backs), *(torch.tensor(g, dtype=dtype) for g in sums.sum(0))


def _rows(columns: Tensor, moves: tuple[int, ...]) -> Tensor:
    """The coordinates that a map moves, of all six; a view where these are evenly apart."""
    apart = {b - a for a, b in pairwise(moves)} or {1}
    if len(apart) == 1:
        return columns[moves[0] : moves[-1] + 1 : apart.pop()]
    return torch.stack([columns[i] for i in moves])


def push(
    map: Map,
    columns: Sequence[Any],
    alive: Any,
    numbers: Sequence[float],
    rows: Any,
    tangents: Sequence[Any],
    shifts: Sequence[Any],
) -> None:
    """Move particles and their tangents by a map, in place.

    Args:
        columns: six arrays (N). alive: (N).
        numbers: parameters, and the constants at the end.
        rows: where in the tangents the K directions stand.
        tangents: by column: (R, N) with rows for all directions, or (1, N) for what stays.
        shifts: by parameter: (K).
    """
    _push(_kernels(map), [*columns, alive], numbers, rows, tangents, shifts)


def moves(map: Map) -> tuple[int, ...]:
    """Mark the coordinates that a map changes."""
    return _kernels(map).moves


def _push(
    made: _MapKernels,
    arrays: Sequence[Any],
    numbers: Sequence[float],
    rows: Any,
    tangents: Sequence[Any],
    shifts: Sequence[Any],
) -> None:
    size = len(arrays[0])
    args = (*arrays, *numbers, rows, *tangents, *shifts)
    parallel.run(made.in_place, size, parallel.parts(size), *args)


def invert_and_pull_back(
    map: Map,
    coordinates: Tensors,
    alive: Tensor,
    inverse: tuple[float | Tensor, ...],
    parameters: tuple[float | Tensor, ...],
    gradients: Tensors,
) -> list[float]:
    """Invert a map and pull gradients back through it, in place.

    Args:
        coordinates: contiguous columns after the map; overwritten by those before it.
        inverse, parameters: with which the map undoes itself, and with which it was applied;
            the constants stand at the end of both.
        gradients: contiguous columns of gradients by the coordinates, likewise.

    Returns:
        Gradients by the parameters, constants left out.
    """
    made = _kernels(map)
    own = len(parameters) - len(map.constants)
    numbers = [to_float(p) for p in (*inverse[:own], *parameters)]
    size = len(alive)
    share = parallel.parts(size)
    sums = np.zeros((share, own))
    columns, slopes = ([t.numpy() for t in ts] for ts in (coordinates, gradients))
    parallel.run(made.back, size, share, *columns, alive.numpy(), *numbers, *slopes, sums)
    found: list[float] = sums.sum(0).tolist()
    return found


def _unpack(inputs: Tensors) -> list[Any]:
    return [array(t) for t in inputs[:7]] + [float(p) for p in inputs[7:]]


@cache
def _operator(map: Map) -> tuple[Callable[..., Tensors], tuple[int, ...]]:
    """The operator of a map, and which coordinates it moves."""
    made = _kernels(map)
    return compiled_operator(made), made.moves


def _kernels(map: Map) -> _MapKernels:
    require_current(map)
    return _write_kernels(map)


@cache
def _write_kernels(map: Map) -> _MapKernels:
    if not map.array_kernels:
        raise KeyError(f"the map {map.name!r} has no kernels of its derivatives")
    return _MapKernels(map)


def apply_map(
    map: Map,
    coordinates: Tensors,
    alive: Tensor,
    parameters: tuple[float | Tensor, ...],
    constants: tuple[float, ...],
) -> Tensors:
    """Apply a map with `array_kernels` to particles; those that are lost keep their coordinates."""
    require_current(map)
    values = [tensor_like(p, coordinates[0]) for p in parameters]
    operator, moves = _operator(map)
    new = list(coordinates)
    moved = operator(constants, *coordinates, alive, *values)
    for i, column in zip(moves, moved, strict=True):
        new[i] = column
    return tuple(new)

"""Maps given by their Taylor series to second order, about the reference particle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.scalars import is_zero, to_float
from .base import Parameters, map

#: products of two coordinates, each once
PAIRS = tuple((j, k) for j in range(6) for k in range(j, 6))
_ROWS = {"kick": (6,), "matrix": (6, 6)}
_MORE = {**_ROWS, "second": (6, len(PAIRS))}


def invert_linear(kick: Any, matrix: Any, *frame: Any) -> Parameters:
    """Parameters of the map that leads back; plain numbers, whatever derivatives they carried."""
    back = np.linalg.inv([[to_float(entry) for entry in row] for row in matrix])
    shift = -back @ np.array([to_float(entry) for entry in kick])
    return tuple(shift.tolist()), tuple(tuple(row) for row in back.tolist()), *frame


@map(inverse=invert_linear, shapes=_ROWS)
def linear_map(x: Any, px: Any, y: Any, py: Any, z: Any, delta: Any, kick: Any, matrix: Any) -> Any:
    """The map kick + matrix (x, px, y, py, z, delta)."""
    return _series((x, px, y, py, z, delta), kick, matrix)


@map(inverse=invert_linear, shapes=_ROWS)
def linear_map_in_time(
    x: Any,
    px: Any,
    y: Any,
    py: Any,
    z: Any,
    delta: Any,
    kick: Any,
    matrix: Any,
    mass: Any,
    scale: Any,
) -> Any:
    """The map kick + matrix (x, px, y, py, t, pt), in the variables of `_in_time`."""
    given = x, px, y, py, z, delta
    return _in_time(given, mass, scale, lambda c: _series(c, kick, matrix))


@map(shapes=_MORE)
def quadratic_map(
    x: Any, px: Any, y: Any, py: Any, z: Any, delta: Any, kick: Any, matrix: Any, second: Any
) -> Any:
    """`linear_map`, and second times the products of two coordinates in the order of `PAIRS`."""
    return _series((x, px, y, py, z, delta), kick, matrix, second)


@map(shapes=_MORE)
def quadratic_map_in_time(
    x: Any,
    px: Any,
    y: Any,
    py: Any,
    z: Any,
    delta: Any,
    kick: Any,
    matrix: Any,
    second: Any,
    mass: Any,
    scale: Any,
) -> Any:
    """`quadratic_map` in the variables of `_in_time`."""
    given = x, px, y, py, z, delta
    return _in_time(given, mass, scale, lambda c: _series(c, kick, matrix, second))


def _series(c: Sequence[Any], kick: Any, matrix: Any, second: Any = ()) -> tuple[Any, ...]:
    """Sum a series; entries that are plain zeros cost nothing."""
    products = [c[j] * c[k] for j, k in PAIRS] if len(second) else []
    found = []
    for i in range(6):
        total = c[0] * 0 + kick[i]
        rows = [(matrix[i], c), *([(second[i], products)] if products else [])]
        for row, values in rows:
            for entry, value in zip(row, values, strict=True):
                if not is_zero(entry):
                    total = total + entry * value
        found.append(total)
    return tuple(found)


def _in_time(
    c: Sequence[Any], mass: Any, scale: Any, series: Callable[[Any], tuple[Any, ...]]
) -> tuple[Any, ...]:
    """Apply a series to (x, px, y, py, scale t, pt / scale).

    With t = -c (time after the reference) and pt = (E - E0) / (p0 c), exactly; mass is
    1 / (beta0 gamma0). NaN, so that the particle is lost, where less than its rest energy is left.
    """
    x, px, y, py, z, delta = c
    total, rest = 1 + delta, mass * mass
    energy, reference = (total * total + rest).sqrt(), (total * 0 + 1 + rest).sqrt()
    gain = delta * (2 + delta) / (energy + reference)
    x, px, y, py, late, gain = series((x, px, y, py, scale * z * energy / total, gain / scale))
    late, gain = late / scale, gain * scale
    new_energy = reference + gain
    new_total = (new_energy - mass).sqrt() * (new_energy + mass).sqrt()
    new_delta = gain * (2 * reference + gain) / (new_total + 1)
    return x, px, y, py, late * new_total / new_energy, new_delta

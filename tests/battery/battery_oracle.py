"""The battery's oracle: differences of values from rebuilt inputs, with their own error.

Every value is that of new elements in a new lattice, of a new beam from plain numbers, tracked by
`track`; figures are taken from the particles by NumPy.

D(h) is the difference of second order with the step h. Where the third derivative is continuous,
its error is a third of |D(2h) - D(h)|, to the next order in h; where the second derivative jumps
once within the steps, as the kicks of B-splines do from cell to cell, it is at most all of it: of
J/2 max(u - s, 0)^2 the errors at u = 0 are J (h - s)^2/(4h) and J (2h - s)^2/(8h), and the first
is less than their difference. What is found may be off by `SAFETY` times that and what rounding
makes of a value, over h. No tolerance is chosen. A difference whose error is above `CEILING` of
the slope tells nothing, and fails the test instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from battery_setup import Array, Change, Setup, entries, lowest, stacked
from rounding import steps

import pyjutrack as pj
from pyjutrack.tracking.plan import Act, plan_of

#: steps of differences in units of the knob: of smooth values, and of those of splines
STEP, FINE = 1e-4, 3e-5
#: for two jumps within the steps of one difference
SAFETY = 2.0
#: the largest error of a difference, of its slope and of the figure itself a unit of the knob
CEILING, OF_VALUE = 1e-4, 1e-6
#: how many times the ceilings are allowed to single precision
SINGLE = 200.0
UNIT = float(np.finfo(np.float64).eps)
#: sixty operations a map, and sums over two hundred cells a solve, each rounded by half a unit, all
#: in one direction
OF_A_MAP, OF_A_SOLVE = 30, 100
#: of values, in steps: to both sides, or to one
PLACES = ((-2, -1, 1, 2), (0, 1, 2, 4))
#: figures that are counted in units of their own, or left over from one
ABOUT_ONE = ("growth_x", "growth_y", "table", "ring", "matrix", "readings")

Noise = Mapping[str, Any]


@dataclass(frozen=True)
class Slopes:
    """Differences (K, ...) by figure, their errors, and the figure's size a unit of the knob."""

    slopes: dict[str, Array]
    errors: dict[str, Array]
    scales: dict[str, Array]


def differences(
    figures: Mapping[str, Callable[..., float]],
    setup: Setup,
    wrt: Sequence[str],
    size: float = STEP,
) -> Slopes:
    """Derivatives of figures of the final and the initial beam by knobs, vectors by their entries.

    Without effects, particles do not see each other: the elements of a place are tracked one by
    one, and what comes out of them together.
    """
    finals = stacked if setup.make is None else _one_by_one

    def values(changes: Sequence[Change]) -> list[dict[str, Any]]:
        ends = finals(setup, changes)
        return [{name: figure(*beams) for name, figure in figures.items()} for beams in ends]

    return _of_changes(values, setup, wrt, noise(figures, setup), size)


def _one_by_one(setup: Setup, changes: Sequence[Change]) -> list[tuple[pj.Beam, pj.Beam]]:
    return [c.setup.tracked() for c in changes]


def noise(figures: Mapping[str, Callable[..., float]], setup: Setup, unit: float = UNIT) -> Noise:
    """What rounding in every map on the way makes of figures at most.

    By how much they move as all coordinates at the entrance go up or down by a unit, of the
    largest of them, times the maps and their operations.
    """
    draw, given = np.random.default_rng(1), setup.tracked()
    values = {name: figure(*given) for name, figure in figures.items()}
    largest = dict.fromkeys(figures, 0.0)
    for _ in range(4):
        signs = draw.choice((-1.0, 1.0), size=setup.coordinates.shape)
        moved = replace(setup, coordinates=setup.coordinates * (1 + unit * signs)).tracked()
        for name, figure in figures.items():
            largest[name] = max(largest[name], abs(figure(*moved) - values[name]))
    return {n: roundings(setup) * (largest[n] + unit * abs(v)) for n, v in values.items()}


def in_single(expected: Slopes, name: str, setup: Setup) -> Array:
    """What single precision makes of slopes at most.

    The terms that add up to a slope, and may cancel, are of the size of the figure a unit of the
    knob, as units are changes that count; each is rounded in every map.
    """
    unit = roundings(setup) * float(torch.finfo(torch.float32).eps)
    return np.asarray(unit * (np.abs(expected.slopes[name]) + expected.scales[name]))


def of_tables(name: str, setup: Setup) -> Noise:
    """The same of figures of order one that are made of matrices of order one."""
    return {name: roundings(setup) * UNIT}


def roundings(setup: Setup) -> float:
    """How many units of rounding stand on the way at most."""
    lattice, effects = setup.lattice(), setup.made_kicks()
    solves = sum(isinstance(op, Act) for op in plan_of(lattice, effects).ops)
    return OF_A_MAP * steps(lattice, effects) + OF_A_SOLVE * solves


def by_differences(
    at: Callable[[Setup, str], Mapping[str, Any]],
    setup: Setup,
    wrt: Sequence[str],
    rounding: Noise,
    size: float = STEP,
) -> Slopes:
    """Derivatives of anything by knobs of a setup, vectors by their entries.

    Args:
        at: (setup with a knob at another value, the knob) -> value by name.
        rounding: of a value, by name. size: of a step, in units of the knob.
    """
    return _of_changes(
        lambda changes: [at(c.setup, c.address) for c in changes], setup, wrt, rounding, size
    )


def _of_changes(
    values: Callable[[Sequence[Change]], list[Any]],
    setup: Setup,
    wrt: Sequence[str],
    rounding: Noise,
    size: float,
) -> Slopes:
    """Central differences, and one-sided ones near the lowest value of a knob."""
    stencils, changes = [], []
    for address in wrt:
        unit, value = setup.unit(address), setup.value(address)
        step = size * unit
        one_sided = lowest(address) > -np.inf and value < 2 * step
        for nudge in _nudges(value):
            stencils.append((unit, step, one_sided))
            for k in PLACES[one_sided]:
                moved = setup.at(address, nudge(k * step))
                changes.append(Change(moved, address, setup.place(address)))
    found: dict[str, list[tuple[Any, Any, Any]]] = {}
    all_values = values(changes)
    for n, (unit, step, one_sided) in enumerate(stencils):
        four = all_values[4 * n : 4 * n + 4]
        for name in four[0]:
            f = [np.asarray(v[name]) for v in four]
            slope, error = difference(f, step, rounding[name], one_sided)
            scale = (np.max(np.abs(f), 0) + (name in ABOUT_ONE)) / unit
            found.setdefault(name, []).append((slope, error, scale))
    columns = {n: [np.stack(c) for c in zip(*rows, strict=True)] for n, rows in found.items()}
    return Slopes(*({n: c[i] for n, c in columns.items()} for i in range(3)))


def by_steps(
    function: Callable[[float], Any], step: float, rounding: Any, *, one_sided: bool = False
) -> tuple[Any, Any]:
    """The slope of a function of a change, and its error."""
    f = [np.asarray(function(k * step)) for k in PLACES[one_sided]]
    return difference(f, step, rounding, one_sided)


def difference(f: Sequence[Any], step: float, rounding: Any, one_sided: bool) -> tuple[Any, Any]:
    """D(h) of the values at `PLACES`, and its error."""
    if one_sided:
        fine, coarse = 4 * f[1] - f[2] - 3 * f[0], (4 * f[2] - f[3] - 3 * f[0]) / 2
        weights = 8
    else:
        fine, coarse, weights = f[2] - f[1], (f[3] - f[0]) / 2, 2
    slope, other = fine / (2 * step), coarse / (2 * step)
    return slope, SAFETY * np.abs(other - slope) + weights * rounding / (2 * step)


def _nudges(value: Any) -> list[Callable[[float], Any]]:
    """Ways to change a number, or entries of a vector."""
    if not isinstance(value, torch.Tensor):
        return [lambda by: value + by]
    rows = torch.eye(len(value), dtype=value.dtype)[entries(value)]
    return [lambda by, row=row: value + by * row for row in rows]


def check(
    found: Any, expected: Slopes, name: str, names: Sequence[str], extra: Any = 0.0, of: float = 1.0
) -> None:
    """Compare slopes (K, ...) with differences, and name the knobs that are off.

    Args:
        names: of the knobs, as by `labels`.
        extra: what the slopes themselves may be off by rounding in another precision.
        of: how many times the ceiling is allowed there.
    """
    found, right = np.asarray(found), expected.slopes[name]
    bound = expected.errors[name] + extra
    assert found.shape == right.shape
    most = of * (CEILING * np.abs(right) + OF_VALUE * expected.scales[name])
    blind = ~(bound <= most)
    _tell(f"{name}: differences are too coarse", blind, names, bound=bound, ceiling=most)
    off = ~(np.abs(found - right) <= bound)
    _tell(f"{name}: slopes are off", off, names, got=found, differences=right, bound=bound)


def _tell(said: str, which: Any, names: Sequence[str], **numbers: Any) -> None:
    rows = np.flatnonzero(which.reshape(len(which), -1).any(1))
    if len(rows):
        lines = (
            f"{names[r]}: " + ", ".join(f"{n} {v[r]}" for n, v in numbers.items()) for r in rows
        )
        told = "\n  ".join(list(lines)[:40])
        raise AssertionError(f"{said}, {len(rows)} of {len(which)}\n  {told}")

"""Matching: knobs of a lattice to targets of its optics, by least squares with exact slopes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..beam.reference import Reference, require_reference
from ..core.checks import require_callable, require_real, require_texts, require_whole, wrong
from ..core.digits import tell_apart
from ..core.errors import InvalidValueError, UnstableError, require_known
from ..core.scalars import is_real, is_whole, to_float
from ..core.transforms import numeric
from ..lattice.lattice import Lattice
from ..lattice.require import require_lattice
from .gradient import optics_gradient
from .table import Twiss, TwissTable

Array = NDArray[np.float64]

#: what a quantity may be by name
_QUANTITIES = tuple(
    f.name for f in fields(TwissTable) if f.name not in ("names", "kinds", "matrix")
)
#: residual of each target where there is no optics: a step there is taken back
_NOWHERE = 1e6
#: how a search ends, by SciPy's number
_ENDS = {
    0: "`max_steps` is reached",
    1: "no small change of the knobs makes it better",
    2: "further steps make it no better",
    3: "further steps change the knobs no more",
    4: "further steps change nothing",
}
#: so many targets that are missed are named
_NAMED = 5


@dataclass(frozen=True)
class Target:
    """A quantity of the optics, and the value or limits that it should have.

    Attributes:
        quantity: a column or number of `TwissTable`, such as "beta_x" or "tune_y", or a function of
            the table of tensors that gives a 0-d tensor.
        value: to reach; or
        below, above: limits to keep.
        at: where, for a column: the entrance of an element, by name or number; -1 is the end.
        weight: of the difference in the sum of squares.
    """

    quantity: str | Callable[[TwissTable], Tensor]
    value: float | None = None
    at: str | int | None = None
    weight: float = 1.0
    below: float | None = None
    above: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.quantity, str):
            require_known("quantity of the optics", self.quantity, _QUANTITIES)
        else:
            require_callable("quantity", self.quantity, "a name, or a function of the table")
        for name in ("value", "below", "above"):
            if getattr(self, name) is not None:
                require_real(f"{self}: {name}", getattr(self, name))
        require_real(f"{self}: weight", self.weight, above=0)
        if self.at is not None and not isinstance(self.at, str) and not is_whole(self.at):
            raise wrong("at", self.at, "the name or the number of an element")
        given = [g for g in (self.value, self.below, self.above) if g is not None]
        if not given or (self.value is not None and len(given) > 1):
            raise InvalidValueError(f"{self}: give a value, or limits below and above")

    def __str__(self) -> str:
        name = self.quantity if isinstance(self.quantity, str) else _name(self.quantity)
        return f"target {name}" + ("" if self.at is None else f" at {self.at!r}")

    def evaluate(self, table: TwissTable) -> Tensor:
        """Evaluate the quantity in a table, 0-d.

        Raises:
            UnknownNameError: no such place. InvalidValueError: a place is missing, or too much.
        """
        if callable(self.quantity):
            return self.quantity(table)
        value: Tensor = getattr(table, self.quantity)
        if (value.dim() == 0) != (self.at is None):
            raise InvalidValueError(
                f"{self}: a column needs a place, at=, and a number of the whole ring has none"
            )
        return value if self.at is None else value[table.index(self.at)]

    def residual(self, value: Tensor) -> Tensor:
        """Return how far the quantity is off: zero within limits.

        Args:
            value: of the quantity, 0-d, such as `evaluate` gives.
        """
        if self.value is not None:
            return value - self.value
        off = torch.zeros_like(value)
        for limit, sign in ((self.below, 1.0), (self.above, -1.0)):
            if limit is not None:
                off = off + torch.relu(sign * (value - limit))
        return off


def _name(quantity: Callable[..., Any]) -> str:
    return getattr(quantity, "__name__", type(quantity).__name__)


@dataclass(frozen=True)
class Match:
    """Result of matching.

    Attributes:
        lattice: with the values found.
        values: address to value.
        residuals: of each target, in their order and units, (T,).
        success: every target is met.
        message: which are not, by how much, and how the search ended.
        steps: evaluations of the optics.
    """

    lattice: Lattice
    values: dict[str, float]
    residuals: Array
    success: bool
    message: str
    steps: int


@numeric
def match(
    lattice: Lattice,
    reference: Reference,
    variables: Sequence[str] | Mapping[str, tuple[float, float]],
    targets: Sequence[Target] | Mapping[str, float],
    *,
    initial: Twiss | None = None,
    delta: float = 0.0,
    tolerance: float = 1e-9,
    max_steps: int = 100,
) -> Match:
    """Vary knobs until the optics meets its targets, or as nearly as it can.

    Args:
        lattice: a ring, or a line if `initial` is given; it is left as it is.
        reference: its particle.
        variables: addresses such as "qf.k1", or addresses with (low, high). One that follows
            another of them does so no longer.
        targets: `pj.optics.Target`s, or numbers of the ring by name, such as {"tune_x": 0.31}.
            Tunes have their integer part.
        initial: Twiss functions at the start of a line.
        delta: momentum deviation.
        tolerance: residual below which a target is met.
        max_steps: evaluations of the optics at most.

    Raises:
        UnknownNameError: no such knob, place or quantity.
        InvalidValueError: no variables or targets, limits that exclude the present value.
        UnstableError: the lattice has no optics to begin with.

    Example:
        >>> found = pj.match(ring, reference, ["kqf", "kqd"], {"tune_x": 3.28, "tune_y": 2.31})
        >>> found.lattice
    """
    require_lattice(lattice)
    require_reference(reference)
    require_real("tolerance", tolerance, least=0)
    require_whole("max_steps", max_steps, 1)
    require_real("delta", delta)
    wrt, low, high = _variables(lattice, variables)
    goals = _targets(targets)
    chromatic = any(str(g.quantity).startswith("chromaticity") for g in goals)
    start = np.array([to_float(lattice.value(a)) for a in wrt])
    weights = np.array([g.weight for g in goals])

    def residuals_of(table: TwissTable) -> Tensor:
        return torch.stack([g.residual(g.evaluate(table)) for g in goals])

    seen: dict[bytes, tuple[Array, Array]] = {}

    def evaluate(x: Array) -> tuple[Array, Array]:
        """Residuals and their slopes; SciPy asks for both, one after the other."""
        key = x.tobytes()
        if key not in seen:
            seen.clear()
            knobbed = lattice.with_values(dict(zip(wrt, x.tolist(), strict=True)))
            seen[key] = optics_gradient(
                residuals_of,
                knobbed,
                reference,
                wrt,
                delta=delta,
                initial=initial,
                chromatic=chromatic,
            )
        return seen[key]

    def residuals(x: Array) -> Array:
        try:
            return np.asarray(weights * evaluate(x)[0])
        except UnstableError:
            return np.full(len(goals), _NOWHERE)

    def slopes(x: Array) -> Array:
        return np.asarray(weights[:, None] * evaluate(x)[1])

    from scipy.optimize import least_squares  # late: it takes a moment to load

    began, _ = evaluate(start)  # names that are none, and no optics, before the search
    found = least_squares(
        residuals,
        start,
        jac=slopes,
        bounds=(low, high),
        x_scale="jac",
        xtol=1e-15,
        ftol=1e-15,
        gtol=1e-15,
        max_nfev=max_steps,
    )
    off = found.fun / weights
    values = dict(zip(wrt, found.x.tolist(), strict=True))
    missed = [n for n, size in enumerate(np.abs(off)) if not size <= tolerance]
    message = "every target is met"
    if missed:
        told = [f"{goals[n]} is off by {off[n]:.3g}" for n in missed]
        more = f", and {len(told) - _NAMED} more are" if len(told) > _NAMED else ""
        message = f"{', '.join(told[:_NAMED])}{more}; the search ended: {_ENDS[found.status]}"
        near = np.isclose(found.x, low) | np.isclose(found.x, high)
        bound = [address for address, there in zip(wrt, near, strict=True) if there]
        idle = [a for a, slope in zip(wrt, found.jac.T, strict=True) if not slope.any()]
        message += f". At their limits: {', '.join(bound)}" if bound else ""
        message += f". What moves no target: {', '.join(idle)}" if idle else ""
        message += _say_integer_parts([(goals[n], began[n]) for n in missed])
    return Match(lattice.with_values(values), values, off, not missed, message, int(found.nfev))


def _say_integer_parts(missed: Sequence[tuple[Target, float]]) -> str:
    """A hint for targets that are fractions of tunes, by how far they were off at the start."""
    for goal, off in missed:
        if goal.quantity in ("tune_x", "tune_y") and goal.value is not None and goal.at is None:
            tune = goal.value + off
            if 0 <= goal.value < 1 <= tune:
                return (
                    f". Tunes have their integer part: {goal.quantity} was {tune:.6g} at the "
                    f"start; should it be {math.floor(tune) + goal.value:.6g}?"
                )
    return ""


def _variables(
    lattice: Lattice, variables: Sequence[str] | Mapping[str, tuple[float, float]]
) -> tuple[list[str], Array, Array]:
    wrt = require_texts("variables", variables, "a list of addresses of knobs")
    if not wrt:
        raise InvalidValueError(f"variables must be addresses of knobs, got {variables!r}")
    low, high = np.full((2, len(wrt)), [[-np.inf], [np.inf]])
    if isinstance(variables, Mapping):
        for address in wrt:
            pair = variables[address]
            if not isinstance(pair, (tuple, list)) or len(pair) != 2 or not all(map(is_real, pair)):
                raise wrong(f"limits of {address}", pair, "two numbers (low, high)")
        low, high = np.array([variables[a] for a in wrt], dtype=float).T
    for address, a, b in zip(wrt, low, high, strict=True):
        value = to_float(lattice.value(address))
        if not a <= value <= b or not a < b:
            shown, least, most = tell_apart(value, a, b)
            raise InvalidValueError(
                f"{address} = {shown} lies outside its limits {least} to {most}"
            )
    return wrt, low, high


def _targets(targets: Sequence[Target] | Mapping[str, float]) -> list[Target]:
    if isinstance(targets, Mapping):
        targets = [Target(name, value) for name, value in targets.items()]
    if isinstance(targets, str) or not isinstance(targets, Sequence):
        raise wrong("targets", targets, "a list of Targets, or numbers by name")
    goals = list(targets)
    if not goals or not all(isinstance(g, Target) for g in goals):
        raise InvalidValueError(f"targets must be Targets, or numbers by name, got {targets!r}")
    return goals

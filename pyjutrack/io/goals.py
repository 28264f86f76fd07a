"""Goals that a file sets to the optics of its machine, and what reaches them.

The optics lie in a room above this one: they register their solver when the package is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..beam.reference import Reference
from ..core.errors import MissingPackageError
from ..lattice.lattice import Lattice


@dataclass(frozen=True)
class Goal:
    """A value that a quantity of the optics shall have.

    Attributes:
        quantity: a column or number of `TwissTable`, or of its orbit: "beta_x", "tune_x", "px".
        value: to reach.
        at: number of the element at whose entrance, -1 for the end; None for a number of a ring.
    """

    quantity: str
    value: float
    at: int | None = None


@dataclass(frozen=True)
class GoalTask:
    """What a file wants of its variables.

    Attributes:
        lattice, reference: the machine.
        limits: of each variable that may change.
        goals: all of which must be reached.
        initial: fields of `Twiss` at the start of a line; None for a ring.
    """

    lattice: Lattice
    reference: Reference
    limits: Mapping[str, tuple[float, float]]
    goals: tuple[Goal, ...]
    initial: Mapping[str, float] | None = field(default=None)


#: gives the values of the variables, or raises PyJuTrackError where a goal is not reached
Solver = Callable[[GoalTask], dict[str, float]]
_solvers: list[Solver] = []


def register_solver(solver: Solver) -> Solver:
    """Take what reaches goals from now on."""
    _solvers.append(solver)
    return solver


def reach(task: GoalTask) -> dict[str, float]:
    """The values of the variables with which all goals are reached.

    Raises:
        PyJuTrackError: they are not, or the machine has no optics.
    """
    if not _solvers:
        raise MissingPackageError("nothing is loaded that matches optics; import pyjutrack first")
    return _solvers[-1](task)

"""Reach the goals that a file sets to the optics of its machine."""

from __future__ import annotations

from functools import partial

from torch import Tensor

from ..core.errors import InvalidValueError
from ..io.goals import Goal, GoalTask, register_solver
from .linear import twiss_table
from .matching import Target, match
from .table import Twiss, TwissTable

_ORBIT = ("x", "px", "y", "py")
#: what coupling leaves as it is
_NUMBERS = ("tune_x", "tune_y", "chromaticity_x", "chromaticity_y")
#: betas of the other mode above which motion is coupled [m]
_COUPLED = 1e-9


@register_solver
def reach_goals(task: GoalTask) -> dict[str, float]:
    """Match the variables of a task; see `match`.

    Raises:
        InvalidValueError: a goal is not reached, or columns are asked of a coupled machine.
        PyJuTrackError: the machine has no optics.
    """
    initial = None if task.initial is None else Twiss(**task.initial)
    found = match(
        task.lattice,
        task.reference,
        dict(task.limits),
        [_target(goal) for goal in task.goals],
        initial=initial,
    )
    if not found.success:
        raise InvalidValueError(found.message)
    if any(goal.quantity not in _NUMBERS for goal in task.goals):
        table = twiss_table(found.lattice, task.reference, initial=initial)
        if max(abs(table.beta_x2).max(), abs(table.beta_y1).max()) > _COUPLED:
            raise InvalidValueError("its motion is coupled, for which betas are of another kind")
    return found.values


def _target(goal: Goal) -> Target:
    if goal.quantity in _ORBIT:
        place = -1 if goal.at is None else goal.at
        return Target(partial(_of_orbit, place, _ORBIT.index(goal.quantity)), goal.value)
    return Target(goal.quantity, goal.value, at=goal.at)


def _of_orbit(place: int, column: int, table: TwissTable) -> Tensor:
    value: Tensor = table.orbit[place, column]
    return value

"""Variables of Xsuite's files: values, and the expressions of what is computed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ...core.digits import tell_apart
from ...core.errors import InvalidValueError, UnknownNameError
from ...lattice.expressions import Expression, Formula
from ...lattice.formulas import OWN
from ..errors import clip
from ..record import Notes
from ..variables import Variables
from .language import Parameter, Variable, parse

#: how far a number in a file may be from what its expression is worth there
_AGREEMENT = 1e-9
#: the time, which every file of Xsuite has among its variables
_TIME = "t_turn_s"

Resolve = Callable[[Variable | Parameter], Formula]


def define(
    variables: Variables,
    values: dict[str, Any],
    computed: dict[str, str],
    resolve: Resolve,
    notes: Notes,
) -> None:
    """Define the variables of a file.

    Args:
        values: of all variables.
        computed: expressions of those that are computed, which must agree with their values.
        notes: takes those that cannot be, and keep their values.
    """
    for name, value in values.items():
        if name not in computed and not isinstance(value, dict):  # options of Xsuite's matching
            _set_number(variables, name, value, notes)
    needed: set[str] = set()
    for name, text in computed.items():
        try:
            formula = parse(text, resolve)
        except InvalidValueError as error:
            notes.add(f"the variable {clip(name)} keeps its value: {clip(str(error))}")
            _set_number(variables, name, values.get(name), notes)
            continue
        if is_name(name):
            variables.set(name, formula)
            needed.update(formula.names if isinstance(formula, Expression) else ())
    if _TIME not in computed and _TIME not in needed and values.get(_TIME) == 0:
        variables.formulas.pop(_TIME, None)
    for name in computed:
        _compare(variables, name, values.get(name), notes)


def _set_number(variables: Variables, name: str, value: Any, notes: Notes) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not math.isfinite(value):
        notes.add(f"the variable {clip(name)} = {clip(repr(value))} is no number, and left out")
    elif is_name(name):
        variables.set(name, float(value))


def _compare(variables: Variables, name: str, stated: Any, notes: Notes) -> None:
    """Note a variable whose value in the file is not that of its expression."""
    formula = variables.formulas.get(name)
    if not isinstance(formula, Expression):
        return
    try:
        found = variables.evaluate(Expression.named(name))
    except (InvalidValueError, UnknownNameError) as error:
        notes.add(f"the variable {clip(name)} has no value: {clip(str(error))}")
        return
    if isinstance(stated, (int, float)) and not agree(found, float(stated)):
        own, computed = tell_apart(float(stated), found)
        notes.add(
            f"the variable {clip(name)} is {own}, and its expression {clip(str(formula))} "
            f"gives {computed}, which is taken"
        )


def agree(found: float, stated: float) -> bool:
    """Return whether a number of a file is what its expression gives."""
    return abs(found - stated) <= _AGREEMENT * max(abs(found), abs(stated)) + 1e-15


def is_name(name: str) -> bool:
    """Return whether a variable of a lattice may have the name."""
    return bool(name) and "`" not in name and name not in OWN.constants

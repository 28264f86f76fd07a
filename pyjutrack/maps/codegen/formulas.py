"""Expressions as instructions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ...kernels.emit import Emitter
from ...kernels.gaussian import first_and_second, third_and_fourth
from ...kernels.stumpff import arctangent, exact
from .trace import ATAN, GAUSSIAN, GAUSSIAN_HIGHER, STUMPFF, Expression, in_order

_OPERATORS = {"+": "fadd", "*": "fmul", "/": "fdiv", "neg": "fneg", "&": "and_", "|": "or_"}
_COMPARED = ("<", "<=", ">", ">=")
_FUNCTIONS = {name: getattr(math, name) for name in ("sqrt", "sin", "cos", "tan", "exp", "log")}
_FUNCTIONS["abs"] = math.fabs
#: functions that are computed together, and what computes them
_COMPUTED = (
    (exact, STUMPFF),
    (arctangent, ATAN),
    (first_and_second, GAUSSIAN),
    (third_and_fourth, GAUSSIAN_HIGHER),
)
_GROUPS = {name: group for group in _COMPUTED for name in group[1]}


def values(
    emitter: Emitter, outputs: Sequence[Expression], known: Mapping[Expression, Any]
) -> list[Any]:
    """The values of expressions, in double precision; each step to them is taken once."""
    found = dict(known)
    for node in in_order(outputs, known):
        if node not in found:  # functions of a group come together
            found |= _step(emitter, node, found)
    return [found[output] for output in outputs]


def _step(emitter: Emitter, node: Expression, found: Mapping[Expression, Any]) -> Any:
    """The value of an expression, and of others that come with it, from those of its arguments."""
    builder = emitter.builder
    if node.op == "number":
        return {node: emitter.number(node.args[0])}
    args = [found[a] for a in node.args]
    if node.op in _GROUPS:
        function, members = _GROUPS[node.op]
        packed = emitter.call(function, *args)
        parts = [Expression.make(member, *node.args) for member in members]
        return {part: builder.extract_value(packed, i) for i, part in enumerate(parts)}
    if node.op in _OPERATORS:
        return {node: getattr(builder, _OPERATORS[node.op])(*args)}
    if node.op in _COMPARED:
        return {node: builder.fcmp_ordered(node.op, *args)}
    if node.op == "sign":
        return {node: emitter.call(math.copysign, emitter.number(1.0), *args)}
    return {node: emitter.call(_FUNCTIONS[node.op], *args)}

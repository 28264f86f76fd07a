"""Expressions of variables, such as `2*kqf + dk`: computed on numbers or on tensors, never run."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ..core.errors import InvalidValueError
from ..core.scalars import Number
from .functions import ADD, DIVIDE, FUNCTIONS, MULTIPLY, NEGATE, POWER, SUBTRACT, Function

#: a name that needs no quotes: of a variable, or of a parameter, `q1.k1` or `m1.knl[2]`
PLAIN_NAME = re.compile(r"[A-Za-z_][\w.]*(?:\[\d+\])?")
#: operations of one expression, more than any file has
MOST = 100_000


@dataclass(frozen=True)
class Expression:
    """A formula of named values.

    It is arithmetic itself: `2 * Expression.named("kqf")` is an expression.

    Attributes:
        code: numbers, names and functions, operands first: (2.0, "kqf", MULTIPLY).
    """

    code: tuple[float | str | Function, ...]

    @staticmethod
    def named(name: str) -> Expression:
        """The value of a name."""
        return Expression((name,))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names in it, each once, in order."""
        return tuple(dict.fromkeys(entry for entry in self.code if isinstance(entry, str)))

    def renamed(self, names: Mapping[str, str]) -> Expression:
        """The same of other names, where `names` gives some."""
        if names.keys().isdisjoint(self.names):
            return self
        return Expression(tuple(names.get(e, e) if isinstance(e, str) else e for e in self.code))

    def evaluate(self, values: Mapping[str, Number]) -> Number:
        """The value where names have those of `values`, with the derivatives that these carry.

        Raises:
            InvalidValueError: no real number, or one beyond double precision; the message shows
                the operation.
            KeyError: a name that has no value.
        """
        stack: list[Number] = []
        for entry in self.code:
            if isinstance(entry, Function):
                arguments = stack[-entry.count :]
                del stack[-entry.count :]
                stack.append(entry(*arguments))
            else:
                stack.append(values[entry] if isinstance(entry, str) else entry)
        return stack[0]

    def __str__(self) -> str:
        """The formula as it is written, with no more brackets than it needs."""
        stack: list[tuple[str, int]] = []
        for entry in self.code:
            if not isinstance(entry, Function):
                stack.append(_write_operand(entry))
                continue
            arguments = stack[-entry.count :]
            del stack[-entry.count :]
            stack.append(_write(entry, arguments))
        return stack[0][0]

    def __repr__(self) -> str:
        return f"Expression({str(self)!r})"

    def __add__(self, other: Formula) -> Expression:
        return combine(ADD, self, other)

    def __radd__(self, other: Formula) -> Expression:
        return combine(ADD, other, self)

    def __sub__(self, other: Formula) -> Expression:
        return combine(SUBTRACT, self, other)

    def __rsub__(self, other: Formula) -> Expression:
        return combine(SUBTRACT, other, self)

    def __mul__(self, other: Formula) -> Expression:
        return combine(MULTIPLY, self, other)

    def __rmul__(self, other: Formula) -> Expression:
        return combine(MULTIPLY, other, self)

    def __truediv__(self, other: Formula) -> Expression:
        return combine(DIVIDE, self, other)

    def __rtruediv__(self, other: Formula) -> Expression:
        return combine(DIVIDE, other, self)

    def __pow__(self, other: Formula) -> Expression:
        return combine(POWER, self, other)

    def __neg__(self) -> Expression:
        return combine(NEGATE, self)


#: what a parameter of a file is: a number, or an expression of the file's variables
Formula = float | Expression
_ATOM = 9


def combine(function: Function, *operands: Formula) -> Expression:
    """An operator or a function applied to expressions and numbers, one expression among them."""
    neutral = _drop_neutral(function, operands)
    if neutral is not None:
        return neutral
    code: list[float | str | Function] = []
    for operand in operands:
        code += operand.code if isinstance(operand, Expression) else (float(operand),)
    code.append(function)
    if len(code) > MOST:
        raise InvalidValueError(f"an expression of more than {MOST:,} operations")
    return Expression(tuple(code))


def call(name: str, *operands: Formula) -> Formula:
    """A function of `FUNCTIONS` by its name: of numbers a number, of expressions an expression."""
    function = FUNCTIONS[name]
    if any(isinstance(operand, Expression) for operand in operands):
        return combine(function, *operands)
    value = function(*(float(operand) for operand in operands if isinstance(operand, (float, int))))
    assert isinstance(value, (float, int))
    return float(value)


def _drop_neutral(function: Function, operands: tuple[Formula, ...]) -> Expression | None:
    """The other operand of a zero that is added, or of a one that is multiplied by."""
    if function.count != 2:
        return None
    left, right = operands
    neutral = {ADD: 0.0, SUBTRACT: 0.0, MULTIPLY: 1.0, DIVIDE: 1.0}.get(function)
    if isinstance(left, Expression) and not isinstance(right, Expression) and right == neutral:
        return left
    if function in (ADD, MULTIPLY) and isinstance(right, Expression) and left == neutral:
        return right
    return None


def _write_operand(entry: float | str) -> tuple[str, int]:
    """Text and strength of a number or a name."""
    if isinstance(entry, str):
        return (entry if PLAIN_NAME.fullmatch(entry) else f"`{entry}`"), _ATOM
    negative = math.copysign(1.0, entry) < 0
    text = f"{int(entry)}" if entry == int(entry) and abs(entry) < 1e15 else repr(entry)
    return text, NEGATE.strength if negative else _ATOM


def _write(function: Function, operands: list[tuple[str, int]]) -> tuple[str, int]:
    """Text and strength of an operation; operators of one strength bind from the left."""
    if not function.strength:
        return f"{function.name}({', '.join(text for text, _ in operands)})", _ATOM
    if function.count == 1:
        return f"-{_bracket(operands[0], function.strength + 1)}", function.strength
    left = _bracket(operands[0], function.strength)
    right = _bracket(operands[1], function.strength + 1)
    if right.startswith("-"):  # two signs side by side are none of some languages
        right = f"({right})"
    spaced = f" {function.name} " if function is ADD or function is SUBTRACT else function.name
    return f"{left}{spaced}{right}", function.strength


def _bracket(operand: tuple[str, int], needed: int) -> str:
    text, strength = operand
    return text if strength >= needed else f"({text})"

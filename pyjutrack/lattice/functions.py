"""Functions and operators that expressions may use, on numbers and on tensors."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..core.errors import InvalidValueError
from ..core.scalars import Number
from ..core.special import stumpff


@dataclass(frozen=True)
class Function:
    """A function or an operator of expressions.

    Attributes:
        name: as it is written.
        count: of its arguments.
        on_numbers, on_tensors: what computes it.
        strength: how tightly an operator binds; 0 for a function, which has brackets.
    """

    name: str
    count: int
    on_numbers: Callable[..., float]
    on_tensors: Callable[..., Tensor]
    strength: int = 0

    def __call__(self, *arguments: Number) -> Number:
        """The value; of numbers always finite.

        Raises:
            InvalidValueError: no real number, or one beyond double precision.
        """
        for argument in arguments:
            if isinstance(argument, Tensor):
                return self.on_tensors(*arguments)
        try:
            value = self.on_numbers(*arguments)
        except OverflowError:
            value = math.inf
        except (ValueError, ZeroDivisionError) as error:
            raise InvalidValueError(f"{self._describe(arguments)} is no real number") from error
        if not math.isfinite(value):
            raise InvalidValueError(f"{self._describe(arguments)} is beyond double precision")
        return float(value)

    def _describe(self, arguments: tuple[Any, ...]) -> str:
        shown = [f"{a:.17g}" for a in arguments]
        if not self.strength:
            return f"{self.name}({', '.join(shown)})"
        return self.name.join(shown) if self.count > 1 else self.name + shown[0]

    def __repr__(self) -> str:
        return f"Function({self.name!r})"


def _tensors(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A function of tensors that takes numbers beside them."""

    def of_both(*arguments: Number) -> Tensor:
        like = next(a for a in arguments if isinstance(a, Tensor))
        made = [a if isinstance(a, Tensor) else torch.full_like(like, a) for a in arguments]
        return function(*made)

    return of_both


def _unary(name: str) -> Function:
    return Function(name, 1, getattr(math, name), getattr(torch, name))


def _sinc(x: float) -> float:
    return math.sin(x) / x if x else 1.0


def _sinc_of_tensor(x: Tensor) -> Tensor:
    return stumpff(x * x)[1]


def _quotient(a: float, b: float) -> float:
    return a / b if b else 0.0


def _quotient_of_tensors(a: Tensor, b: Tensor) -> Tensor:
    zero = b == 0
    return torch.where(zero, torch.zeros_like(b), a / torch.where(zero, torch.ones_like(b), b))


def _fraction(x: float) -> float:
    return math.modf(x)[0]


ADD = Function("+", 2, operator.add, operator.add, 1)
SUBTRACT = Function("-", 2, operator.sub, operator.sub, 1)
MULTIPLY = Function("*", 2, operator.mul, operator.mul, 2)
DIVIDE = Function("/", 2, operator.truediv, operator.truediv, 2)
NEGATE = Function("-", 1, operator.neg, operator.neg, 3)
POWER = Function("^", 2, math.pow, operator.pow, 4)

#: by name; angles are in radians
FUNCTIONS: dict[str, Function] = {
    **{n: _unary(n) for n in ("sqrt", "exp", "log", "log10", "sin", "cos", "tan", "erf", "erfc")},
    **{n: _unary(n) for n in ("asin", "acos", "atan", "sinh", "cosh", "tanh")},
    **{n: _unary(n) for n in ("asinh", "acosh", "atanh", "floor", "ceil")},
    "abs": Function("abs", 1, abs, torch.abs),
    "round": Function("round", 1, lambda x: float(round(x)), torch.round),  # halves to even
    "frac": Function("frac", 1, _fraction, torch.frac),
    "sinc": Function("sinc", 1, _sinc, _sinc_of_tensor),  # sin(x) / x
    "atan2": Function("atan2", 2, math.atan2, _tensors(torch.atan2)),
    # a / b, and 0 where b is 0, as MAD divides
    "quotient": Function("quotient", 2, _quotient, _tensors(_quotient_of_tensors)),
    "mod": Function("mod", 2, operator.mod, operator.mod),
    "max": Function("max", 2, max, _tensors(torch.maximum)),
    "min": Function("min", 2, min, _tensors(torch.minimum)),
}

"""Expressions of MAD and elegant files: numbers, names, `+ - * / ^`, brackets and functions.

An expression becomes a list of operations on a stack.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...core.grammar import Grammar, number

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
    r"|(?P<name>\.?[A-Za-z_][\w.:$]*)"
    r"|(?P<quoted>\"[^\"]*\"|'[^']*')"
    r"|(?P<sign>->|\*\*|[-+*/^(){}\[\],]))"
)


def _sinc(x: float) -> float:
    return math.sin(x) / x if x else 1.0


#: functions of the formats' manuals
FUNCTIONS: dict[str, Callable[..., float]] = {
    **{n: getattr(math, n) for n in ("sqrt", "exp", "log", "log10", "sin", "cos", "tan")},
    **{n: getattr(math, n) for n in ("asin", "acos", "atan", "sinh", "cosh", "tanh")},
    **{n: getattr(math, n) for n in ("erf", "erfc", "floor", "ceil", "atan2")},
    "abs": abs,
    "round": round,  # halves to even, as MAD-X does
    "frac": lambda x: math.modf(x)[0],
    "sinc": _sinc,
    "max": max,
    "min": min,
}


@dataclass(frozen=True)
class Operation:
    """One step of an expression.

    Attributes:
        kind: "number", "name", "attribute", "word", "negate", "call", "group", or an operator.
        value: the number, the name, the word, (name, attribute), or the function.
        count: of the operands of a call or a group.
    """

    kind: str
    value: Any = None
    count: int = 0


Expression = tuple[Operation, ...]


def parse(text: str) -> Expression:
    """The operations of an expression, operands first.

    Raises:
        ValueError: the grammar does not know it; the message shows where.
    """
    return _Parser(text).whole()


def call_function(name: str, arguments: list[float]) -> float:
    """Call a function of an expression."""
    try:
        return FUNCTIONS[name](*arguments)
    except TypeError as error:
        raise ValueError(f"{name} does not take {len(arguments)} arguments") from error
    except OverflowError as error:
        raise ValueError(f"{name} of {arguments[0]:g} is beyond double precision") from error


class _Parser(Grammar):
    """Writes the operations of an expression down."""

    def __init__(self, text: str) -> None:
        self.code: list[Operation] = []
        tokens: list[tuple[str, str]] = []
        at, end = 0, len(text.rstrip())
        while at < end:
            match = _TOKEN.match(text, at)
            if match is None:
                raise ValueError(f"{text[at:].strip()[:20]!r} is not understood")
            assert match.lastgroup is not None
            tokens.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()
        super().__init__(tokens)

    def whole(self) -> Expression:
        self.sum()
        kind, text = self.token()
        if kind:
            raise ValueError(
                f"{text if kind == 'sign' else f'{kind} {text}'!r} is not understood here"
            )
        return tuple(self.code)

    def operate(self, sign: str) -> None:
        self.code.append(Operation(sign))

    def negate(self) -> None:
        self.code.append(Operation("negate"))

    def atom(self) -> None:
        kind, text = self.token()
        if not kind:
            raise ValueError("a number or a name is missing at its end")
        if kind == "number":
            self.code.append(Operation("number", number(text)))
        elif kind == "name" or text.startswith('"'):
            self._name(text)
        elif kind == "quoted":
            self.code.append(Operation("word", text[1:-1]))
        elif text in "({":
            count = self.parse_list({"(": ")", "{": "}"}[text])
            if count != 1 or text == "{":
                self.code.append(Operation("group", None, count))
        else:
            raise ValueError(f"{text!r} is not understood here")

    def _name(self, text: str) -> None:
        if self.take("("):
            count = self.parse_list(")")
            self.code.append(Operation("call", text.lower(), count))
        elif self.take("->"):
            self.code.append(Operation("attribute", (text, self._word())))
        elif self.take("["):
            self.code.append(Operation("attribute", (text, self._word())))
            if not self.take("]"):
                raise ValueError(f"the bracket after {text!r} is not closed")
        else:
            self.code.append(Operation("name", text))

    def _word(self) -> str:
        kind, text = self.token()
        if kind != "name":
            raise ValueError("the name of an attribute is missing")
        return text.lower()

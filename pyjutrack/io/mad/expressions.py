"""Expressions of MAD and elegant files: numbers, names, `+ - * / ^`, brackets and functions.

An expression becomes a list of operations on a stack, so that nothing of a file is ever run as
code, and neither time nor depth grows faster than the text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..limits import DIGITS, NESTING, ORDER

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
    r"|(?P<name>\.?[A-Za-z_][\w.:$]*)"
    r"|(?P<quoted>\"[^\"]*\"|'[^']*')"
    r"|(?P<sign>->|\*\*|[-+*/^(){}\[\],]))"
)


def _sinc(x: float) -> float:
    return math.sin(x) / x if x else 1.0


def _power(base: float, exponent: float) -> float:
    return math.pow(base, exponent)


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
_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": _power,
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


def parsed(text: str) -> Expression:
    """The operations of an expression, operands first.

    Raises:
        ValueError: the grammar does not know it; the message shows where.
    """
    return _Parser(text).whole()


def number(text: str) -> float:
    """A number as it stands in a file; integers stay integers while they are exact."""
    if len(text) > DIGITS:
        raise ValueError(f"a number of {len(text)} characters, above the limit of {DIGITS}")
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text} is beyond all numbers of a computer")
    return int(text) if text.isdigit() and len(text) < 16 else value


def apply(kind: str, left: float, right: float) -> float:
    """The result of an operator on two numbers, always finite."""
    try:
        result = _ARITHMETIC[kind](left, right)
    except OverflowError as error:
        raise ValueError(f"{left:g} {kind} {right:g} is beyond all numbers") from error
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError(f"{left:g} {kind} {right:g} is no real number") from error
    if isinstance(result, int) and abs(result) >= 2**53:
        result = float(result)
    if not math.isfinite(result):
        raise ValueError(f"{left:g} {kind} {right:g} is beyond all numbers")
    return result


def called(name: str, arguments: list[float]) -> float:
    """The value of a function."""
    try:
        return FUNCTIONS[name](*arguments)
    except TypeError as error:
        raise ValueError(f"{name} does not take {len(arguments)} arguments") from error
    except OverflowError as error:
        raise ValueError(f"{name} of {arguments[0]:g} is beyond all numbers") from error


class _Parser:
    """Recursive descent; the depth of brackets is limited."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[tuple[str, str]] = []
        self.code: list[Operation] = []
        self.next = self.depth = 0
        at, end = 0, len(text.rstrip())
        while at < end:
            match = _TOKEN.match(text, at)
            if match is None:
                raise ValueError(f"{text[at:].strip()[:20]!r} is not understood")
            assert match.lastgroup is not None
            self.tokens.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()

    def whole(self) -> Expression:
        self._sum()
        if self.next < len(self.tokens):
            raise ValueError(f"{self._peek()!r} is not understood here")
        return tuple(self.code)

    def _peek(self) -> str | None:
        kind, text = self.tokens[self.next] if self.next < len(self.tokens) else ("", None)
        return text if kind == "sign" or text is None else f"{kind} {text}"

    def _take(self, *signs: str) -> str | None:
        found = self._peek()
        if found in signs:
            self.next += 1
            return found
        return None

    def _sum(self) -> None:
        self._product()
        while sign := self._take("+", "-"):
            self._product()
            self.code.append(Operation(sign))

    def _product(self) -> None:
        self._signed()
        while sign := self._take("*", "/"):
            self._signed()
            self.code.append(Operation(sign))

    def _signed(self) -> None:
        negative = False
        while sign := self._take("+", "-"):
            negative ^= sign == "-"
        self._atom()
        while self._take("^", "**"):  # from the left, as MAD-X does: 2^3^2 is 64
            below = False
            while sign := self._take("+", "-"):
                below ^= sign == "-"
            self._atom()
            if below:
                self.code.append(Operation("negate"))
            self.code.append(Operation("^"))
        if negative:
            self.code.append(Operation("negate"))

    def _inside(self, rule: Callable[[], None]) -> None:
        self.depth += 1
        if self.depth > NESTING:
            raise ValueError(f"nested too deeply, above the limit of {NESTING} levels")
        rule()
        self.depth -= 1

    def _atom(self) -> None:
        if self.next >= len(self.tokens):
            raise ValueError("a number or a name is missing at its end")
        kind, text = self.tokens[self.next]
        self.next += 1
        if kind == "number":
            self.code.append(Operation("number", number(text)))
        elif kind == "name" or text.startswith('"'):
            self._name(text)
        elif kind == "quoted":
            self.code.append(Operation("word", text[1:-1]))
        elif text in "({":
            count = self._listed({"(": ")", "{": "}"}[text])
            if count != 1 or text == "{":
                self.code.append(Operation("group", None, count))
        else:
            raise ValueError(f"{text!r} is not understood here")

    def _name(self, text: str) -> None:
        if self._take("("):
            count = self._listed(")")
            self.code.append(Operation("call", text.lower(), count))
        elif self._take("->"):
            self.code.append(Operation("attribute", (text, self._word())))
        elif self._take("["):
            self.code.append(Operation("attribute", (text, self._word())))
            if not self._take("]"):
                raise ValueError(f"the bracket after {text!r} is not closed")
        else:
            self.code.append(Operation("name", text))

    def _word(self) -> str:
        kind, text = self.tokens[self.next] if self.next < len(self.tokens) else ("", "")
        if kind != "name":
            raise ValueError("the name of an attribute is missing")
        self.next += 1
        return text.lower()

    def _listed(self, closing: str) -> int:
        """What stands in brackets, up to the closing one; how many there are."""
        if self._take(closing):
            return 0
        count = 0
        while True:
            self._inside(self._sum)
            count += 1
            if self._take(closing):
                return count
            if not self._take(","):
                shown = self._peek() or "the end"
                raise ValueError(f"{shown!r} stands where ',' or {closing!r} should")


_RPN: dict[str, tuple[int, Callable[..., float]]] = {
    **{sign: (2, function) for sign, function in _ARITHMETIC.items() if sign != "^"},
    "pow": (2, _power),
    **{n: (1, getattr(math, n)) for n in ("sqrt", "exp", "sin", "cos", "tan")},
    **{n: (1, getattr(math, n)) for n in ("asin", "acos", "atan")},
    "ln": (1, math.log),
    "abs": (1, abs),
    "chs": (1, lambda x: -x),
    "rec": (1, lambda x: 1 / x),
    "sqr": (1, lambda x: x * x),
    "dtor": (1, math.radians),
    "rtod": (1, math.degrees),
    "pi": (0, lambda: math.pi),
}


class Rpn:
    """elegant's reverse Polish notation: numbers, stored values and functions of its manual."""

    def __init__(self) -> None:
        self.stored: dict[str, float] = {}
        self.stack: list[float] = []

    def input(self, text: str) -> None:
        """Run a line that begins with %: it may store values for later."""
        words = iter(text.split())
        for word in words:
            if word == "sto":
                name = next(words, None)
                if name is None or not self.stack:
                    raise ValueError("'sto' stores the last value under a name; one is missing")
                self.stored[name] = self.stack[-1]
            else:
                self._take(self.stack, word)
        if len(self.stack) > 10_000:
            raise ValueError("more than 10,000 values are left; 'pop' those no longer needed")

    def evaluate(self, text: str) -> float | str:
        """The value of a string of elegant; a single word that is no value stays a word."""
        words = text.split()
        if len(words) == 1 and not self._known(words[0]):
            return words[0]
        stack: list[float] = []
        for word in words:
            self._take(stack, word)
        if len(stack) != 1:
            raise ValueError(f"{text!r} leaves {len(stack)} values where one is needed")
        value = stack[0]
        return int(value) if value.is_integer() and abs(value) < 2**53 else value

    def _known(self, word: str) -> bool:
        return word in self.stored or word.lower() in _RPN or _is_number(word)

    def _take(self, stack: list[float], word: str) -> None:
        low = word.lower()
        if word in self.stored:
            stack.append(self.stored[word])
        elif low in ("pop", "swap"):
            if len(stack) < (1 if low == "pop" else 2):
                raise ValueError(f"{word!r} lacks values before it")
            stack[-2:] = stack[-2:-1] if low == "pop" else stack[:-3:-1]
        elif low in _RPN:
            count, function = _RPN[low]
            if len(stack) < count:
                raise ValueError(f"{word!r} lacks values before it")
            operands = stack[len(stack) - count :]
            del stack[len(stack) - count :]
            result = float(function(*operands))
            if not math.isfinite(result):
                raise ValueError(f"{word!r} gives no finite number")
            stack.append(result)
        elif _is_number(word):
            stack.append(float(number(word.lstrip("+-"))) * (-1 if word[0] == "-" else 1))
        else:
            raise ValueError(f"{word[:40]!r} is no number, no stored value and no function")


def _is_number(word: str) -> bool:
    match = _TOKEN.match(word.lstrip("+-"))
    return match is not None and match["number"] == word.lstrip("+-")


def require_order(name: str, value: float) -> None:
    """Raise ValueError for a multipole of an order that no magnet has."""
    if value > ORDER:
        raise ValueError(f"{name} = {value:g}, above the limit of {ORDER}")

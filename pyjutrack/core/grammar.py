"""Arithmetic as files and users write it: numbers, `+ - * / ^` and brackets.

Nothing of a text is ever run as code, and neither time nor depth grows faster than the text.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable

#: brackets in brackets, lines in lines
NESTING = 100
#: characters of a number
DIGITS = 300


def power(base: float, exponent: float) -> float:
    return math.pow(base, exponent)


#: the operators on two numbers
ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": power,
}


def number(text: str) -> float:
    """A number as it stands in a file; integers stay integers while they are exact."""
    if len(text) > DIGITS:
        raise ValueError(f"a number of {len(text)} characters, above the limit of {DIGITS}")
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text} is beyond double precision")
    return int(text) if text.isdigit() and len(text) < 16 else value


def apply(kind: str, left: float, right: float) -> float:
    """The result of an operator on two numbers, always finite."""
    try:
        result = ARITHMETIC[kind](left, right)
    except OverflowError as error:
        raise ValueError(f"{left:g} {kind} {right:g} is beyond double precision") from error
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError(f"{left:g} {kind} {right:g} is no real number") from error
    if isinstance(result, int) and abs(result) >= 2**53:
        result = float(result)
    if not math.isfinite(result):
        raise ValueError(f"{left:g} {kind} {right:g} is beyond double precision")
    return result


class Grammar(ABC):
    """Recursive descent over (kind, text) tokens, operands before their operators.

    A language states its atoms, and what operators do: compute, or write down an operation.

    Attributes:
        tokens: of the text; those of the kind "space" count only where a language asks for them.
        next, depth: the token to be read, and how many brackets are open.
        right_powers: whether 2^3^2 is 2^(3^2), or (2^3)^2.
    """

    right_powers = False

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens = [*tokens, ("", "")]
        self.next = self.depth = 0

    @abstractmethod
    def atom(self) -> None:
        """Read a number, a name, or what stands in brackets."""

    @abstractmethod
    def operate(self, sign: str) -> None:
        """Combine the last two operands."""

    @abstractmethod
    def negate(self) -> None:
        """Change the sign of the last operand."""

    def token(self, *, spaces: bool = False) -> tuple[str, str]:
        """The next token, which is taken; ("", "") at the end."""
        while not spaces and self.tokens[self.next][0] == "space":
            self.next += 1
        found = self.tokens[self.next]
        self.next += found[0] != ""
        return found

    def take(self, *signs: str) -> str | None:
        """The next token if it is one of some signs, which is taken; else None."""
        before = self.next
        kind, text = self.token()
        if kind == "sign" and text in signs:
            return text
        self.next = before
        return None

    def sum(self) -> None:
        """Read a sum of products."""
        self.product()
        while sign := self.take("+", "-"):
            self.product()
            self.operate(sign)

    def product(self) -> None:
        """Read a product of powers."""
        self.parse_sign()
        while sign := self.take("*", "/"):
            self.parse_sign()
            self.operate(sign)

    def parse_sign(self) -> None:
        """Read a power with its signs; those before it stand outside of it: -2^2 is -4."""
        negative = self._is_negative()
        self.atom()
        while self.take("^", "**"):
            if self.right_powers:
                self._open()
                self.parse_sign()
                self.depth -= 1
            else:
                below = self._is_negative()
                self.atom()
                if below:
                    self.negate()
            self.operate("^")
        if negative:
            self.negate()

    def parse_list(self, closing: str) -> int:
        """Read sums between commas up to a closing bracket; how many there are."""
        if self.take(closing):
            return 0
        self._open()
        count = 0
        while True:
            self.sum()
            count += 1
            if self.take(closing):
                self.depth -= 1
                return count
            if not self.take(","):
                shown = self.token()[1] or "the end"
                raise ValueError(f"{shown[:40]!r} stands where ',' or {closing!r} should")

    def _open(self) -> None:
        self.depth += 1
        if self.depth > NESTING:
            raise ValueError(f"nested too deeply, above the limit of {NESTING} levels")

    def _is_negative(self) -> bool:
        negative = False
        while sign := self.take("+", "-"):
            negative ^= sign == "-"
        return negative

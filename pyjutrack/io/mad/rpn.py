"""elegant's reverse Polish notation."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from ...core.grammar import ARITHMETIC, number, power

_NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")

_RPN: dict[str, tuple[int, Callable[..., float]]] = {
    **{sign: (2, function) for sign, function in ARITHMETIC.items() if sign != "^"},
    "pow": (2, power),
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
    """A stack machine: numbers, stored values and functions of its manual."""

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
        if len(words) == 1 and not self._is_known(words[0]):
            return words[0]
        stack: list[float] = []
        for word in words:
            self._take(stack, word)
        if len(stack) != 1:
            raise ValueError(f"{text!r} leaves {len(stack)} values where one is needed")
        value = stack[0]
        return int(value) if value.is_integer() and abs(value) < 2**53 else value

    def _is_known(self, word: str) -> bool:
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
    return _NUMBER.fullmatch(word.lstrip("+-")) is not None

"""elegant's reverse Polish notation, read as expressions of the values that a file stores."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from ...core.grammar import number
from ...lattice.expressions import Expression, Formula, combine
from ...lattice.functions import (
    ADD,
    DIVIDE,
    FUNCTIONS,
    MULTIPLY,
    NEGATE,
    POWER,
    SUBTRACT,
    Function,
)
from ..variables import Variables

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_MOST = 10_000
_DEGREE = math.pi / 180
_LIGHT = 2.99792458e8

#: values that elegant's definitions (defns.rpn of the SDDS toolkit) store, as they stand there
CONSTANTS = {
    "pi": math.pi,
    "log_10": math.log(10.0),
    "c_cgs": 2.99792458e10,
    "c_mks": _LIGHT,
    "e_cgs": 4.80325e-10,
    "e_mks": 1.60217733e-19,
    "me_cgs": 9.1093897e-28,
    "me_mks": 9.1093897e-31,
    "re_cgs": 2.81794092e-13,
    "re_mks": 2.81794092e-15,
    "kb_cgs": 1.380658e-16,
    "kb_mks": 1.380658e-23,
    "mev": 0.51099906,
    "hbar_mks": 1.0545887e-34,
    "hbar_MeVs": 6.582173e-22,
    "mp_mks": 1.6726485e-27,
    "mu_o": 4e-7 * math.pi,
    "eps_o": 1e7 / (4 * math.pi) / _LIGHT**2,
    "Kas": 1.91655,
    "Kaq": 0.750499,
}


def _apply(function: Function, *operands: Formula) -> Formula:
    if any(isinstance(operand, Expression) for operand in operands):
        return combine(function, *operands)
    return float(function(*operands))  # type: ignore[arg-type]


def _square(x: Formula) -> Formula:
    return _apply(MULTIPLY, x, x)


def _root(x: Formula) -> Formula:
    return _apply(FUNCTIONS["sqrt"], x)


def _on_degrees(name: str) -> Callable[[Formula], Formula]:
    return lambda x: _apply(FUNCTIONS[name], _apply(MULTIPLY, x, _DEGREE))


def _in_degrees(name: str) -> Callable[[Formula], Formula]:
    return lambda x: _apply(DIVIDE, _apply(FUNCTIONS[name], x), _DEGREE)


def _named(name: str) -> Callable[..., Formula]:
    return lambda *operands: _apply(FUNCTIONS[name], *operands)


#: functions by name: how many values they take, and what they make of them
_RPN: dict[str, tuple[int, Callable[..., Formula]]] = {
    **{
        sign: (2, lambda a, b, f=function: _apply(f, a, b))
        for sign, function in (
            *(("+", ADD), ("-", SUBTRACT), ("*", MULTIPLY), ("/", DIVIDE)),
            *(("mult", MULTIPLY), ("pow", POWER), ("**", POWER)),
        )
    },
    **{n: (1, _named(n)) for n in ("sqrt", "exp", "sin", "cos", "tan", "asin", "acos", "atan")},
    **{n: (1, _named(n)) for n in ("sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "abs")},
    **{n: (1, _named(n)) for n in ("erf", "erfc")},
    **{f"d{n}": (1, _on_degrees(n)) for n in ("sin", "cos", "tan")},
    **{f"da{n}": (1, _in_degrees(f"a{n}")) for n in ("sin", "cos", "tan")},
    **{n: (2, _named(n[:3])) for n in ("max2", "min2")},
    "ln": (1, _named("log")),
    "log": (1, _named("log10")),
    "chs": (1, lambda x: _apply(NEGATE, x)),
    "rec": (1, lambda x: _apply(DIVIDE, 1.0, x)),
    "sqr": (1, _square),
    "10x": (1, lambda x: _apply(POWER, 10.0, x)),
    "int": (1, lambda x: _apply(SUBTRACT, x, _apply(FUNCTIONS["frac"], x))),
    "dtor": (1, lambda x: _apply(MULTIPLY, x, _DEGREE)),
    "rtod": (1, lambda x: _apply(DIVIDE, x, _DEGREE)),
    "hypot": (2, lambda a, b: _root(_apply(ADD, _square(a), _square(b)))),
    "beta.p": (1, lambda p: _apply(DIVIDE, p, _root(_apply(ADD, _square(p), 1.0)))),
    "gamma.p": (1, lambda p: _root(_apply(ADD, _square(p), 1.0))),
    "p.gamma": (1, lambda g: _root(_apply(SUBTRACT, _square(g), 1.0))),
    "p.beta": (1, lambda b: _apply(DIVIDE, b, _root(_apply(SUBTRACT, 1.0, _square(b))))),
    "gamma.beta": (1, lambda b: _apply(DIVIDE, 1.0, _root(_apply(SUBTRACT, 1.0, _square(b))))),
}
#: words that move values: how many they need, and what becomes of these
_MOVES: dict[str, tuple[int, Callable[[list[Formula]], list[Formula]]]] = {
    "pop": (1, lambda taken: []),
    "swap": (2, lambda taken: taken[::-1]),
    "=": (1, lambda taken: taken * 2),
    "over": (2, lambda taken: [*taken, taken[0]]),
    "cle": (0, lambda taken: []),
    "clear": (0, lambda taken: []),
}


class Rpn:
    """A stack machine: numbers, stored values and functions of its manual.

    Args:
        variables: takes what is stored, under the name that it is stored by. A name that is stored
            again is another variable, `name_2`: what was computed before keeps the former.
    """

    def __init__(self, variables: Variables) -> None:
        self._variables = variables
        self._stored: dict[str, str] = {}
        self._stack: list[Formula] = []

    def run(self, text: str) -> None:
        """Run what follows % in a line: it may store values for later.

        Raises:
            ValueError: a word is not known, or lacks values before it.
        """
        words = iter(text.split())
        for word in words:
            if word == "sto":
                name = next(words, None)
                if name is None or not self._stack:
                    raise ValueError("'sto' stores the last value under a name; one is missing")
                self._store(name, self._stack[-1])
            else:
                self._take(self._stack, word)
        if len(self._stack) > _MOST:
            raise ValueError("more than 10,000 values are left; 'pop' those no longer needed")

    def evaluate(self, text: str) -> Formula:
        """The value of a string.

        Raises:
            ValueError: it has none.
        """
        stack: list[Formula] = []
        for word in text.split():
            self._take(stack, word)
        if len(stack) != 1:
            raise ValueError(f"{text[:80]!r} leaves {len(stack)} values where one is needed")
        return stack[0]

    def _store(self, name: str, value: Formula) -> None:
        known = self._stored.get(name)
        if known is not None and self._variables.formulas[known] == value:
            return
        self._stored[name] = self._variables.set_version(name, value)

    def _take(self, stack: list[Formula], word: str) -> None:
        """Do what a word says to a stack."""
        self._variables.spend(1)
        if word in self._stored:
            stack.append(Expression.named(self._stored[word]))
        elif _NUMBER.fullmatch(word):
            stack.append(float(number(word.lstrip("+-"))) * (-1 if word[0] == "-" else 1))
        elif word in CONSTANTS:
            stack.append(CONSTANTS[word])
        elif word in _MOVES:
            count, move = _MOVES[word]
            stack += move(self._operands(stack, word, count if count else len(stack)))
        elif word in _RPN:
            count, function = _RPN[word]
            result = function(*self._operands(stack, word, count))
            self._variables.spend(len(result.code) if isinstance(result, Expression) else 1)
            stack.append(result)
        else:
            raise ValueError(f"{word[:40]!r} is no number, no stored value and no function")

    def _operands(self, stack: list[Formula], word: str, count: int) -> list[Formula]:
        if len(stack) < count:
            raise ValueError(f"{word!r} lacks values before it")
        taken = stack[len(stack) - count :]
        del stack[len(stack) - count :]
        return taken

"""Read expressions as text: `2*kqf + dk`, in the syntax of pyjutrack or of a file's language."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..core.errors import InvalidValueError
from ..core.grammar import Grammar, number
from .expressions import MOST, PLAIN_NAME, Expression, Formula
from .functions import ADD, DIVIDE, FUNCTIONS, MULTIPLY, NEGATE, POWER, SUBTRACT, Function

_OPERATORS = {"+": ADD, "-": SUBTRACT, "*": MULTIPLY, "/": DIVIDE, "^": POWER}
#: of one expression, more than any file has
_LONGEST = 1_000_000


@dataclass(frozen=True)
class Language:
    """How expressions are written: `+ - * / ^`, brackets, functions, and what differs.

    Attributes:
        name: pattern of the names of values.
        functions: by their names in the language.
        constants: names that stand for numbers, unless a variable has the name.
        folds: whether names are read in lower case.
        right_powers: whether 2^3^2 is 2^(3^2), or (2^3)^2.
    """

    name: str
    functions: Mapping[str, Function] = field(default_factory=lambda: FUNCTIONS)
    constants: Mapping[str, float] = field(default_factory=dict)
    folds: bool = False
    right_powers: bool = False

    def token(self) -> re.Pattern[str]:
        """The pattern of a token: a number, a name, one in quotes, or a sign."""
        return re.compile(
            r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eEdD][-+]?\d+)?)"
            rf"|(?P<name>{self.name})"
            r"|(?P<quoted>`[^`]*`)"
            r"|(?P<sign>\*\*|[-+*/^(),]))"
        )


#: of pyjutrack: names that have other characters stand between backquotes
OWN = Language(PLAIN_NAME.pattern, constants={"pi": math.pi})


def parse_formula(
    text: str, language: Language = OWN, resolve: Callable[[str], Formula] = Expression.named
) -> Formula:
    """Read an expression; one without names is the number that it is worth.

    Args:
        text: of the expression.
        language: in which it is written.
        resolve: what a name stands for; itself if not given.

    Raises:
        InvalidValueError: the grammar does not know it; the message shows where.
    """
    try:
        if len(text) > _LONGEST:
            raise ValueError(f"{len(text):,} characters, above the limit of {_LONGEST:,}")
        expression = _Parser(text, language, resolve).whole()
    except ValueError as error:
        shown = text if len(text) <= 80 else f"{text[:60]} ... {text[-15:]}"
        raise InvalidValueError(f"the expression {shown!r} cannot be read: {error}") from error
    if expression.names:
        return expression
    value = expression.evaluate({})
    assert isinstance(value, float)
    return value


class _Parser(Grammar):
    """Write the operations of an expression down."""

    def __init__(self, text: str, language: Language, resolve: Callable[[str], Formula]) -> None:
        self.language, self.resolve = language, resolve
        self.right_powers = language.right_powers
        self.code: list[float | str | Function] = []
        tokens: list[tuple[str, str]] = []
        pattern, at, end = language.token(), 0, len(text.rstrip())
        while at < end:
            match = pattern.match(text, at)
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
            raise ValueError(f"{text!r} is not understood here")
        return Expression(tuple(self.code))

    def operate(self, sign: str) -> None:
        self.code.append(_OPERATORS[sign])

    def negate(self) -> None:
        if self.code and isinstance(self.code[-1], float):
            self.code[-1] = -self.code[-1]
        else:
            self.code.append(NEGATE)

    def atom(self) -> None:
        kind, text = self.token()
        if kind == "number":
            self.code.append(float(number(text.lower().replace("d", "e"))))
        elif kind == "quoted":
            self._add(self.resolve(text[1:-1]))
        elif kind == "name":
            self._name(text.lower() if self.language.folds else text)
        elif text == "(":
            if self.parse_list(")") != 1:
                raise ValueError("brackets must hold one value")
        elif not kind:
            raise ValueError("a number or a name is missing at its end")
        else:
            raise ValueError(f"{text!r} is not understood here")

    def _name(self, name: str) -> None:
        if self.take("("):
            function = self.language.functions.get(name)
            if function is None:
                raise ValueError(f"there is no function {name!r}")
            count = self.parse_list(")")
            if count != function.count:
                raise ValueError(f"{name} takes {function.count} values, not {count}")
            self.code.append(function)
        else:
            self._add(self.resolve(name))

    def _add(self, formula: Formula) -> None:
        if isinstance(formula, Expression):
            if len(formula.code) == 1 and formula.code[0] in self.language.constants:
                self.code.append(self.language.constants[str(formula.code[0])])
            else:
                self.code += formula.code
                if len(self.code) > MOST:
                    raise ValueError(
                        f"with what its names stand for, more than {MOST:,} operations"
                    )
        else:
            self.code.append(float(formula))

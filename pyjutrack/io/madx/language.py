"""Expressions, conditions and arguments of MAD files."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from ...lattice.expressions import Formula
from ...lattice.formulas import Language, parse_formula
from ..errors import clip
from ..statements import before_sign

#: names of variables, and of attributes: `q1->k1`, in MAD8 `q1[k1]`, `beam%ring->pc`; and what a
#: table of MAD holds, or its random numbers, which only MAD can know
_NAME = (
    r"(?:table|gauss|tgauss|ranf)\([^()]*\)"
    r"|[A-Za-z_][\w.$]*(?:%[\w.$]+)?(?:\s*->\s*[A-Za-z_][\w.]*|\[\s*[A-Za-z_][\w.]*\s*\])?"
)
#: MAD takes powers from the left: 2^3^2 is 64
EXPRESSION = Language(_NAME, folds=True)

#: of MAD-X 5.09: masses in GeV, radii in m
CONSTANTS = {
    "pi": 3.141592653589793,
    "twopi": 6.283185307179586,
    "degrad": 57.29577951308232,
    "raddeg": 0.017453292519943295,
    "e": 2.718281828459045,
    "emass": 0.00051099895,
    "mumass": 0.1056583755,
    "nmass": 0.93956542052,
    "umass": 0.93149410242,
    "pmass": 0.93827208816,
    "clight": 299792458.0,
    "qelect": 1.602176634e-19,
    "hbar": 6.582119569e-25,
    "erad": 2.8179403262e-15,
    "prad": 1.5346982671888944e-18,
    "amu0": 1.2566370614359173e-06,
    "version": 50902.0,
    "true": 1.0,
    "false": 0.0,
}
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "==": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
    "!=": lambda a, b: a != b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
}
_COMPARISON = re.compile(r"==|<>|!=|<=|>=|<|(?<!-)>")
_KEY = re.compile(r"[a-z_][\w.$]*")


class Argument(NamedTuple):
    """An argument of a statement.

    Attributes:
        name: of the attribute; empty for what stands by itself.
        text: of its value.
        deferred: whether it was given by `:=`, and follows what it names.
    """

    name: str
    text: str
    deferred: bool = False


def parse(text: str, resolve: Callable[[str], Formula]) -> Formula:
    """An expression of MAD, names resolved."""

    def named(name: str) -> Formula:
        return resolve(
            re.sub(r"\s*->\s*|\[\s*", "->", name).rstrip("] ") if "(" not in name else name
        )

    return parse_formula(text, EXPRESSION, named)


def split_argument(text: str) -> Argument:
    """Name and value of an argument `name = value`, `name := value`, `value`, or of a flag."""
    later = before_sign(text, ":=")
    now = before_sign(text, "=")
    if later is not None and (now is None or len(later[0]) < len(now[0])):
        name, value, deferred = *later, True
    elif now is not None:
        name, value, deferred = *now, False
    else:
        return Argument("", text)
    name = name.lower()
    if not _KEY.fullmatch(name):
        raise ValueError(f"{clip(name)!r} is no name of an attribute")
    if not value:
        raise ValueError(f"{name} has no value")
    return Argument(name, value, deferred)


def is_true(text: str, value: Callable[[str], float]) -> bool:
    """Evaluate a condition: comparisons joined by `&&` and `||`, in this order of strength.

    Args:
        text: of the condition.
        value: of an expression.
    """
    if len(re.split(r"&&|\|\|", text)) > 2:
        raise ValueError("MAD takes two comparisons at most in a condition; nest them")
    return any(
        all(_compare(part, value) for part in either.split("&&")) for either in text.split("||")
    )


def _compare(text: str, value: Callable[[str], float]) -> bool:
    found = list(_COMPARISON.finditer(text))
    if not found:  # MAD knows comparisons alone
        raise ValueError(
            f"{clip(text.strip())!r} is no comparison; write it as one, such as a != 0"
        )
    if len(found) > 1:
        raise ValueError(f"{clip(text.strip())!r} has more than one comparison")
    sign = found[0]
    return _COMPARISONS[sign[0]](value(text[: sign.start()]), value(text[sign.end() :]))

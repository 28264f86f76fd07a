"""References and expressions of Xsuite's files, as its package xdeps writes them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch

from ...core.errors import InvalidValueError
from ...lattice.expressions import Expression, Formula
from ...lattice.formulas import Language, parse_formula
from ...lattice.functions import FUNCTIONS, POWER, Function

_KEY = r"""\[(?:'[^'\\]*'|"[^"\\]*")\]"""
#: `vars['kq']`, `element_refs['q1'].knl[1]`, `eref['b1']['q1'].k1`, and functions, `f.sin`
_NAME = rf"[A-Za-z_]\w*(?:{_KEY}){{0,2}}(?:\.[A-Za-z_]\w*)?(?:\[\d+\])?"
_VARIABLE = re.compile(r"""vars\[(['"])(.*)\1\]""", re.DOTALL)
_ELEMENT = re.compile(
    r"""(?:element_refs|eref\[(?:'(?P<line>[^'\\]*)'|"(?P<line2>[^"\\]*)")\])"""
    r"""\[(?:'(?P<name>[^'\\]*)'|"(?P<name2>[^"\\]*)")\]"""
    r"\.(?P<field>[A-Za-z_]\w*)(?:\[(?P<place>\d{1,9})\])?"
)
_REMARK = re.compile(rf"element_refs{_KEY}\.extra\b")
#: numbers of NumPy within expressions
_NUMPY = re.compile(r"\bnp\.(?:float|int)\d+\(([-+\w.]*)\)")

#: x % 1, from 0 to 1 for negative numbers too, which `frac` of other languages is not
_FRACTION = Function("frac", 1, lambda x: x % 1.0, lambda x: torch.remainder(x, 1.0))
#: functions that Xsuite and expressions here have in common, by their names in both
SHARED = (
    *("sqrt", "log", "log10", "exp", "sin", "cos", "tan", "asin", "acos", "atan", "atan2"),
    *("sinh", "cosh", "tanh", "sinc", "abs", "erf", "erfc", "floor", "ceil", "round"),
)
_FUNCTIONS = {**{name: FUNCTIONS[name] for name in SHARED}, "frac": _FRACTION}
_LANGUAGE = Language(
    _NAME,
    {way % name: f for name, f in _FUNCTIONS.items() for way in ("f.%s", "f['%s']", 'f["%s"]')},
    right_powers=True,
)


class Variable(NamedTuple):
    """A reference to a variable."""

    name: str


@dataclass(frozen=True)
class Parameter:
    """A reference to an attribute of an element, or to an entry of one.

    Attributes:
        line: of the element, in files whose lines have their own; else empty.
    """

    line: str
    name: str
    field: str
    place: int | None


def parse_reference(text: str) -> Variable | Parameter | None:
    """What a reference names; None for what is neither a variable nor an attribute."""
    found = _VARIABLE.fullmatch(text)
    if found:
        return Variable(found[2])
    found = _ELEMENT.fullmatch(text)
    if not found:
        return None
    line, name = (found[n] if found[n] is not None else found[n + "2"] for n in ("line", "name"))
    place = found["place"]
    return Parameter(line or "", name, found["field"], None if place is None else int(place))


def is_remark(text: str) -> bool:
    """Return whether a reference is to what a user keeps beside an element's attributes."""
    return bool(_REMARK.match(text))


def parse(text: str, resolve: Callable[[Variable | Parameter], Formula]) -> Formula:
    """Read an expression.

    Raises:
        InvalidValueError: the grammar does not know it.
    """

    def named(name: str) -> Formula:
        reference = parse_reference(name)
        if reference is None:
            raise ValueError(f"{name[:60]!r} is no variable and no attribute of an element")
        return resolve(reference)

    formula = parse_formula(_NUMPY.sub(r"\1", text), _LANGUAGE, named)
    if isinstance(formula, Expression) and _FRACTION in formula.code:
        return Expression(tuple(e for entry in formula.code for e in _spell(entry)))
    return formula


def _spell(entry: float | str | Function) -> tuple[float | str | Function, ...]:
    return (1.0, FUNCTIONS["mod"]) if entry is _FRACTION else (entry,)


def write_reference(name: str) -> str:
    """The reference to a variable."""
    return f"vars[{name!r}]"


def write_expression(expression: Expression) -> str:
    """An expression as Python writes it, every operation in brackets.

    Raises:
        InvalidValueError: a function that Xsuite does not have.
    """
    stack: list[str] = []
    for entry in expression.code:
        if isinstance(entry, Function):
            arguments = stack[-entry.count :]
            del stack[-entry.count :]
            stack.append(_write(entry, arguments))
        elif isinstance(entry, str):
            stack.append(write_reference(entry))
        else:
            stack.append(repr(entry) if entry >= 0 else f"({entry!r})")
    return stack[0]


def _write(function: Function, arguments: list[str]) -> str:
    if not function.strength:
        if function.name not in SHARED:
            raise InvalidValueError(f"Xsuite has no function {function.name}")
        return f"f.{function.name}({', '.join(arguments)})"
    sign = "**" if function is POWER else function.name
    return f"({sign}{arguments[0]})" if function.count == 1 else f"({f' {sign} '.join(arguments)})"

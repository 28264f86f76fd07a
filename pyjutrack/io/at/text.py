"""AT's lattices written as MATLAB functions (.m): constructors of elements with literals."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import clipped, wrong
from ..format import LatticeSource
from ..limits import ELEMENTS, NESTING, STATEMENT, require_below
from ..mad.expressions import apply, number

Element = dict[str, Any]

_TOKEN = re.compile(
    r"(?P<space>[ \t]+)|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eEdD][-+]?\d+)?)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<text>'(?:[^']|'')*'|\"[^\"]*\")|(?P<sign>[-+*/^(){}\[\],;])"
)
_CONSTANTS = {"pi": math.pi, "nan": math.nan, "inf": math.inf, "true": True, "false": False}

#: the first two rows, each run of spaces as one
_FUNCTION = re.compile(r"function \w+ ?= ?\w+ ?(?:\([\w ,]*\))? ?;? ?(?:%.*)?")
_OPENING = re.compile(r"\w+ ?= ?\{ ?(?:(?:\.\.\.|%).*)?")
#: what pyAT writes after the array: two functions without an effect, and `end`
_END = re.compile(
    r"(?:\s*(?:end\b;?|function\s+v\s*=\s*(?:False\(\)\s*v\s*=\s*false"
    r"|True\(\)\s*v\s*=\s*true)\s*;\s*end\b;?))*\s*"
)
_REMEDY = (
    "only constructors of elements are read here: run the function in MATLAB and keep what it "
    "returns as .mat, save('ring.mat', 'ring', '-v7')"
)


def elements_of(source: LatticeSource, classes: dict[str, Any]) -> list[Element]:
    """The elements of a function: their class and what the constructors are given.

    Args:
        source: the file.
        classes: pyAT's, by the name of their constructor without `at`; each knows the names of
            what its constructor takes first.

    Raises:
        LatticeFileError: a row holds anything but a known constructor of literals, or stands
            before or after those of the cell array.
    """
    found: list[Element] = []
    path, rows = source.path, source.text.splitlines()
    start = _opened(path, rows)
    for row, line in enumerate(rows[start:], start + 1):
        if line.startswith("};"):
            _require_end(path, line[2:], rows[row:], row)
            return found
        if _is_idle(line):
            continue
        require_below(path, "characters of a statement", len(line), STATEMENT, row)
        require_below(path, "elements", len(found) + 1, ELEMENTS, row)
        try:
            found.append(_element(line, classes))
        except (ValueError, ArithmeticError, TypeError) as error:
            raise wrong(path, f"{error}, in {clipped(line.strip())!r}", row) from error
    raise wrong(path, "no line begins with '};', so the cell array has no end; is it cut off?")


def _is_idle(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("%")


def _opened(path: Path, rows: list[str]) -> int:
    """How many rows come before the elements: the function's, and that which opens the array."""
    waiting = [("'function ring = name()'", _FUNCTION), ("'ring = {...'", _OPENING)]
    for row, line in enumerate(rows):
        if not waiting:
            return row
        if _is_idle(line):
            continue
        what, pattern = waiting.pop(0)
        if not pattern.fullmatch(" ".join(line.split())):
            said = f"{clipped(line.strip())!r} stands where {what} should"
            raise wrong(path, f"{said}; {_REMEDY}", row + 1)
    return len(rows)


def _require_end(path: Path, rest: str, rows: list[str], row: int) -> None:
    """Nothing that changes the elements may follow them: it would be left out."""
    body = [(row, rest), *enumerate(rows, row + 1)]
    text = "\n".join("" if _is_idle(line) else line.split("%")[0] for _, line in body)
    known = _END.match(text)
    end = known.end() if known else 0
    if end == len(text):
        return
    at, line = body[text[:end].count("\n")]
    raise wrong(path, f"{clipped(line.strip())!r} follows the elements; {_REMEDY}", at)


def _element(line: str, classes: dict[str, Any]) -> Element:
    name, arguments = _Row(line).constructor()
    if not name.startswith("at") or name[2:] not in classes:
        raise ValueError(f"{clipped(name)!r} is no constructor of an element")
    kind = name[2:]
    # as pyAT does it: what comes first has names, and a pass method may follow by itself
    names = list(classes[kind]._BUILD_ATTRIBUTES)
    rest = arguments[len(names) :]
    if rest and isinstance(rest[0], str) and rest[0].endswith("Pass"):
        rest.insert(0, "PassMethod")
    if len(arguments) < len(names):
        raise ValueError(f"{name} needs {', '.join(names)}")
    element = dict(zip(names, arguments, strict=False))
    element.update(_pairs(rest))
    element["Class"] = kind
    if kind == "rbend":  # in AT's sector bend
        element.setdefault("EntranceAngle", 0.5 * arguments[2])
        element.setdefault("ExitAngle", 0.5 * arguments[2])
    return element


def _pairs(values: list[Any]) -> Element:
    names = values[::2]
    if len(values) % 2 or not all(isinstance(name, str) for name in names):
        raise ValueError("after the first arguments, names and values must alternate")
    return dict(zip(names, values[1::2], strict=True))


class _Row:
    """One row: `atname(literal, ...);...`."""

    def __init__(self, line: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        self.next = self.depth = 0
        line = line.strip()
        at = 0
        while at < len(line):
            if line[at] == "%" or line.startswith("...", at):
                break
            match = _TOKEN.match(line, at)
            if match is None:
                raise ValueError(f"{line[at : at + 20]!r} is not understood")
            assert match.lastgroup is not None
            self.tokens.append((match.lastgroup, match[0]))
            at = match.end()

    def constructor(self) -> tuple[str, list[Any]]:
        """The name that is called and its arguments; nothing but signs may follow."""
        kind, name = self._following()
        if kind != "name" or not self._take("("):
            raise ValueError("a row must be the constructor of an element")
        arguments = self._arguments(")")
        while self._take(";", ",", "}"):
            pass
        kind, text = self._following()
        if kind:
            raise ValueError(f"{clipped(text)!r} is not understood here")
        return name, arguments

    def _following(self, *, spaces: bool = False) -> tuple[str, str]:
        """The next token, which is taken."""
        while self.next < len(self.tokens):
            token = self.tokens[self.next]
            self.next += 1
            if spaces or token[0] != "space":
                return token
        return ("", "")

    def _take(self, *signs: str) -> str | None:
        at = self.next
        kind, text = self._following()
        if kind == "sign" and text in signs:
            return text
        self.next = at
        return None

    def _arguments(self, closing: str) -> list[Any]:
        found: list[Any] = []
        if self._take(closing):
            return found
        while True:
            found.append(self._sum())
            if self._take(closing):
                return found
            if not self._take(","):
                raise ValueError(f"',' or {closing!r} is missing")

    def _sum(self) -> Any:
        self.depth += 1
        if self.depth > NESTING:
            raise ValueError(f"nested too deeply, above the limit of {NESTING} levels")
        value = self._product()
        while sign := self._take("+", "-"):
            value = apply(sign, _real(value), _real(self._product()))
        self.depth -= 1
        return value

    def _product(self) -> Any:
        value = self._signed()
        while sign := self._take("*", "/"):
            value = apply(sign, _real(value), _real(self._signed()))
        return value

    def _signed(self) -> Any:
        negative, signed = False, False
        while sign := self._take("+", "-"):
            negative, signed = negative ^ (sign == "-"), True
        value = self._literal()
        while self._take("^"):  # from the left, as MATLAB does
            below = False
            while sign := self._take("+", "-"):
                below ^= sign == "-"
            exponent = _real(self._literal())
            value = apply("^", _real(value), -exponent if below else exponent)
        return (-_real(value) if negative else _real(value)) if signed else value

    def _literal(self) -> Any:
        kind, text = self._following()
        if kind == "number":
            return number(text.replace("d", "e").replace("D", "e"))
        if kind == "text":
            return text[1:-1].replace("''", "'") if text[0] == "'" else text[1:-1]
        if kind == "name" and text.lower() in _CONSTANTS:
            return _CONSTANTS[text.lower()]
        if kind == "name" and text == "struct" and self._take("("):
            self.depth += 1
            if self.depth > NESTING:
                raise ValueError(f"nested too deeply, above the limit of {NESTING} levels")
            return _pairs(self._arguments(")"))
        if text == "(" and kind == "sign":
            value = self._sum()
            if not self._take(")"):
                raise ValueError("')' is missing")
            return value
        if text == "[" and kind == "sign":
            return self._array()
        raise ValueError(f"{clipped(text) or 'the end'!r} is no number, text or array")

    def _array(self) -> Any:
        """Numbers in rows that `;` ends, between spaces or commas; brackets in it do nothing."""
        rows: list[list[float]] = [[]]
        depth, sign = 1, 1.0
        while depth:
            kind, text = self._following(spaces=True)
            if kind == "number":
                rows[-1].append(sign * number(text.replace("d", "e").replace("D", "e")))
                sign = 1.0
            elif kind == "name" and text.lower() in _CONSTANTS:
                rows[-1].append(sign * float(_CONSTANTS[text.lower()]))
                sign = 1.0
            elif text in ("[", "]"):
                depth += 1 if text == "[" else -1
            elif text == ";":
                rows.append([])
            elif text in ("+", "-"):
                sign = -1.0 if text == "-" else 1.0
            elif kind != "space" and text != ",":
                raise ValueError(f"{clipped(text) or 'the end'!r} is no number of an array")
        rows = [row for row in rows if row] or [[]]
        if len({len(row) for row in rows}) > 1:
            raise ValueError("the rows of an array differ in length")
        return np.squeeze(np.array(rows, dtype=np.float64))


def _real(value: Any) -> float:
    if isinstance(value, (int, float)):
        return value
    raise ValueError(f"{clipped(repr(value))} is no number")

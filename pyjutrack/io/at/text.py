"""AT's lattices written as MATLAB functions (.m): constructors of elements with literals."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from ...core.grammar import Grammar, apply, number
from ..errors import clip, wrong
from ..format import LatticeSource
from ..limits import ELEMENTS, STATEMENT, require_below
from .classes import CLASSES

Fields = dict[str, Any]

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


def elements_of(source: LatticeSource) -> list[Fields]:
    """The elements of a function: their class and what the constructors are given.

    Args:
        source: the file.

    Raises:
        LatticeFileError: a row holds anything but a known constructor of literals, or stands
            before or after those of the cell array.
    """
    found: list[Fields] = []
    path, rows = source.path, source.text.splitlines()
    start = _count_header_rows(path, rows)
    for row, line in enumerate(rows[start:], start + 1):
        if line.startswith("};"):
            _require_end(path, line[2:], rows[row:], row)
            return found
        if _is_idle(line):
            continue
        require_below(path, "characters of a statement", len(line), STATEMENT, row)
        require_below(path, "elements", len(found) + 1, ELEMENTS, row)
        try:
            found.append(_element(line))
        except (ValueError, ArithmeticError, TypeError) as error:
            raise wrong(path, f"{error}, in {clip(line.strip())!r}", row) from error
    raise wrong(path, "no line begins with '};', so the cell array has no end; is it cut off?")


def _is_idle(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("%")


def _count_header_rows(path: Path, rows: list[str]) -> int:
    """Count the rows before the elements: the function's, and that which opens the array."""
    waiting = [("'function ring = name()'", _FUNCTION), ("'ring = {...'", _OPENING)]
    for row, line in enumerate(rows):
        if not waiting:
            return row
        if _is_idle(line):
            continue
        what, pattern = waiting.pop(0)
        if not pattern.fullmatch(" ".join(line.split())):
            said = f"{clip(line.strip())!r} stands where {what} should"
            raise wrong(path, f"{said}; {_REMEDY}", row + 1)
    return len(rows)


def _require_end(path: Path, rest: str, rows: list[str], row: int) -> None:
    """Refuse what changes the elements after them: it would be left out."""
    body = [(row, rest), *enumerate(rows, row + 1)]
    text = "\n".join("" if _is_idle(line) else line.split("%")[0] for _, line in body)
    known = _END.match(text)
    end = known.end() if known else 0
    if end == len(text):
        return
    at, line = body[text[:end].count("\n")]
    raise wrong(path, f"{clip(line.strip())!r} follows the elements; {_REMEDY}", at)


def _element(line: str) -> Fields:
    name, arguments = _Row(line).constructor()
    kind = name[2:].lower()
    if not name.startswith("at") or kind not in CLASSES:
        raise ValueError(f"{clip(name)!r} is no constructor of an element")
    # what comes first has names, and a pass method may follow by itself
    names = ["FamName", *CLASSES[kind].first]
    rest = arguments[len(names) :]
    if rest and isinstance(rest[0], str) and rest[0].endswith("Pass"):
        rest.insert(0, "PassMethod")
    if len(arguments) < len(names):
        raise ValueError(f"{name} needs {', '.join(names)}")
    element: Fields = dict(zip(names, arguments, strict=False))
    element.update(_pairs(rest))
    element["Class"] = kind
    if kind == "rbend":  # in AT's sector bend
        element.setdefault("EntranceAngle", 0.5 * arguments[2])
        element.setdefault("ExitAngle", 0.5 * arguments[2])
    return element


def _pairs(values: list[Any]) -> Fields:
    names = values[::2]
    if len(values) % 2 or not all(isinstance(name, str) for name in names):
        raise ValueError("after the first arguments, names and values must alternate")
    return dict(zip(names, values[1::2], strict=True))


class _Row(Grammar):
    """One row, evaluated as it is read: `atname(literal, ...);...`."""

    def __init__(self, line: str) -> None:
        tokens: list[tuple[str, str]] = []
        line = line.strip()
        at = 0
        while at < len(line):
            if line[at] == "%" or line.startswith("...", at):
                break
            match = _TOKEN.match(line, at)
            if match is None:
                raise ValueError(f"{line[at : at + 20]!r} is not understood")
            assert match.lastgroup is not None
            tokens.append((match.lastgroup, match[0]))
            at = match.end()
        super().__init__(tokens)
        self.values: list[Any] = []

    def constructor(self) -> tuple[str, list[Any]]:
        """The name that is called and its arguments; nothing but signs may follow."""
        kind, name = self.token()
        if kind != "name" or not self.take("("):
            raise ValueError("a row must be the constructor of an element")
        arguments = self._arguments()
        while self.take(";", ",", "}"):
            pass
        kind, text = self.token()
        if kind:
            raise ValueError(f"{clip(text)!r} is not understood here")
        return name, arguments

    def operate(self, sign: str) -> None:
        right, left = _real(self.values.pop()), _real(self.values.pop())
        self.values.append(apply(sign, left, right))

    def negate(self) -> None:
        self.values.append(-_real(self.values.pop()))

    def atom(self) -> None:
        self.values.append(self._literal())

    def _arguments(self) -> list[Any]:
        count = self.parse_list(")")
        found = self.values[len(self.values) - count :]
        del self.values[len(self.values) - count :]
        return found

    def _literal(self) -> Any:
        kind, text = self.token()
        if kind == "number":
            return number(text.replace("d", "e").replace("D", "e"))
        if kind == "text":
            return text[1:-1].replace("''", "'") if text[0] == "'" else text[1:-1]
        if kind == "name" and text.lower() in _CONSTANTS:
            return _CONSTANTS[text.lower()]
        if kind == "name" and text == "struct" and self.take("("):
            return _pairs(self._arguments())
        if kind == "name" and text == "zeros" and self.take("("):
            return self._empty()
        if text == "(" and kind == "sign":
            values = self._arguments()
            if len(values) != 1:
                raise ValueError(f"brackets hold {len(values)} values in place of one")
            return values[0]
        if text == "[" and kind == "sign":
            return self._array()
        raise ValueError(f"{clip(text) or 'the end'!r} is no number, text or array")

    def _empty(self) -> Any:
        """An array of no numbers, which MATLAB writes as `zeros(0,0)`."""
        if 0 not in self._arguments():
            raise ValueError("zeros(...) is read only where it is empty")
        return np.zeros(0)

    def _array(self) -> Any:
        """Numbers in rows that `;` ends, between spaces or commas; brackets in it do nothing."""
        rows: list[list[float]] = [[]]
        depth, sign = 1, 1.0
        while depth:
            kind, text = self.token(spaces=True)
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
                raise ValueError(f"{clip(text) or 'the end'!r} is no number of an array")
        rows = [row for row in rows if row] or [[]]
        if len({len(row) for row in rows}) > 1:
            raise ValueError("the rows of an array differ in length")
        return np.squeeze(np.array(rows, dtype=np.float64))


def _real(value: Any) -> float:
    if isinstance(value, (int, float)):
        return value
    raise ValueError(f"{clip(repr(value))} is no number")

"""Misalignments and field errors of MAD files: SELECT, EALIGN, EFCOMP."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from ...lattice.expressions import Formula, call
from ..definition import Definition, Value
from ..errors import clip
from .flow import Statement
from .machine import Machine

_MOVES = ("dx", "dy", "ds", "dphi", "dtheta", "dpsi")
#: a regular expression that takes no time
_SIMPLE = re.compile(r"\^?(?:[\w.$]\*?|\[[\w.-]+\]\*?)*")


class Errors:
    """What EALIGN and EFCOMP say of the elements of a machine."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._told = [
            (statement, selections, self._values(statement))
            for statement, selections in machine.errors
        ]

    def of(self, definition: Definition, length: Formula) -> dict[str, Any]:
        """Fields of an element that errors give: displacements, and multipoles knl and ksl."""
        found: dict[str, Any] = {}
        for statement, selections, values in self._told:
            if not any(self._selects(s, definition) for s in selections):
                continue
            if statement.command == "ealign":
                found |= self._moves(definition, length, values)
            else:
                found |= self._fields(definition, length, values)
        return found

    def _moves(
        self, definition: Definition, length: Formula, values: dict[str, Value]
    ) -> dict[str, Formula]:
        """Displacements about the middle of an element, of those that MAD gives at its entrance."""
        dx, dy, ds, phi, theta, psi = (_formula(values.get(name, 0.0)) for name in _MOVES)
        angle: Formula = 0.0
        if definition.base in ("sbend", "rbend"):
            angle = _formula(definition.attributes.get("angle", 0.0))
        # from the entrance to the middle of the chord, in the axes of the entrance
        cos, sin = call("cos", 0.5 * angle), call("sin", 0.5 * angle)
        half = 0.5 * length * call("sinc", 0.5 * angle)
        across, along = -half * sin, half * cos
        # what a turn about the entrance moves the middle by, to first order
        dx, dy, ds = dx + theta * along, dy + psi * across + phi * along, ds - theta * across
        return {
            "dx": dx * cos + ds * sin,
            "dy": dy,
            "dz": ds * cos - dx * sin,
            "x_rot": psi * sin - phi * cos,
            "y_rot": theta,
            "z_rot": psi * cos + phi * sin,
        }

    def _values(self, statement: Statement) -> dict[str, Value]:
        """The attributes of a statement; one with random numbers is left out."""
        if re.search(r"\b(?:t?gauss|ranf)\s*\(", statement.text, re.IGNORECASE):
            shown = clip(" ".join(statement.text.split()))
            said = f"random errors are MAD's own: {shown!r} is left out, line {statement.row}"
            self._machine.notes.add(said)
            return {}
        return {a.name: self._machine.attribute(a) for a in statement.arguments if a.name}

    def _selects(self, selection: Statement, definition: Definition) -> bool:
        if selection.word("range"):
            shown = clip(" ".join(selection.text.split()))
            self._machine.notes.add(f"errors in a range are left out: {shown!r}")
            return False
        wanted = selection.word("class")
        if wanted and wanted not in self._line_of(definition):
            return False
        pattern = selection.word("pattern")
        if not pattern:
            return True
        if not _SIMPLE.fullmatch(pattern) or pattern.count("*") > 2:
            self._machine.notes.add(f"errors of the pattern {clip(pattern)!r} are left out")
            return False
        return re.search(pattern, definition.name) is not None

    def _line_of(self, definition: Definition) -> list[str]:
        """The name of an element and of all classes above it."""
        found, seen = [definition.name, definition.base], {definition.name}
        while (parent := definition.parent) in self._machine.elements and parent not in seen:
            seen.add(parent)
            found.append(parent)
            definition = self._machine.elements[parent]
        return found

    def _fields(
        self, definition: Definition, length: Formula, values: dict[str, Value]
    ) -> dict[str, tuple[Formula, ...]]:
        """Integrated multipoles that EFCOMP adds: absolute ones, and those relative to a strength.

        Source: MAD-X user's reference manual, EFCOMP: dknr_i K_n L (i!/n!) r^(n - i).
        """
        radius, order = (self._number(values, name, d) for name, d in (("radius", 1), ("order", 0)))
        strength = self._strength(definition, int(order), length)
        found: dict[str, tuple[Formula, ...]] = {}
        for field, absolute, relative in (("knl", "dkn", "dknr"), ("ksl", "dks", "dksr")):
            plain, shares = _list(values.get(absolute, ())), _list(values.get(relative, ()))
            entries: list[Formula] = [0.0] * max(len(plain), len(shares))
            entries[: len(plain)] = plain
            for i, share in enumerate(shares):  # in the place of absolute ones, as in MAD
                if isinstance(share, float) and not share:
                    continue
                scale = math.factorial(i) / math.factorial(int(order)) * radius ** (order - i)
                entries[i] = share * strength * scale
            if entries:
                found[field] = tuple(entries)
        return found

    def _strength(self, definition: Definition, order: int, length: Formula) -> Formula:
        """The integrated strength of an order."""
        attributes = definition.attributes
        if definition.base == "multipole":
            series = _list(attributes.get("knl", ()))
            return series[order] if order < len(series) else 0.0
        if order == 0 and definition.base in ("sbend", "rbend"):
            angle = attributes.get("angle", 0.0)
            return 0.0 if isinstance(angle, (str, tuple)) else angle
        value = attributes.get(f"k{order}", 0.0)
        return 0.0 if isinstance(value, (str, tuple)) else value * length

    def _number(self, values: dict[str, Value], name: str, default: float) -> float:
        value = values.get(name, default)
        if isinstance(value, (str, tuple)):
            raise ValueError(f"{name} is no number")
        return self._machine.variables.evaluate(value)


def _formula(value: Value) -> Formula:
    if isinstance(value, (str, tuple)):
        raise ValueError(f"{clip(str(value))!r} is no number")
    return value


def _list(value: Value) -> Sequence[Formula]:
    if isinstance(value, str):
        raise ValueError(f"{clip(value)!r} is no list of numbers")
    return value if isinstance(value, tuple) else (value,)

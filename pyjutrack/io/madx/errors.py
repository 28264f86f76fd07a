"""Misalignments and field errors of MAD files: SELECT, EALIGN, EFCOMP."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from ...lattice.expressions import Expression, Formula, call
from ..definition import Definition, Value
from ..errors import clip, placed_errors, wrong
from ..limits import ORDER
from .machine import Machine
from .statement import Statement

_MOVES = ("dx", "dy", "ds", "dphi", "dtheta", "dpsi")
#: a regular expression that takes no time
_SIMPLE = re.compile(r"\^?(?:[\w.$]\*?|\[[\w.-]+\]\*?)*")


class Errors:
    """What EALIGN and EFCOMP say of the elements of a machine.

    Args:
        machine: with its statements.
        find_range: gives the places in the line that a RANGE names.
    """

    def __init__(self, machine: Machine, find_range: Callable[[str], range]) -> None:
        self._machine, self._find_range = machine, find_range
        self._ranges: dict[str, range] = {}
        self._told = [
            (statement, selections, self._values(statement))
            for statement, selections in machine.errors
        ]

    def told_of(self, definition: Definition, place: int) -> tuple[int, ...]:
        """Which statements, by their number, select the element at a place of the line."""
        return tuple(
            number
            for number, (_, selections, _) in enumerate(self._told)
            if any(self._selects(s, definition, place) for s in selections)
        )

    def of(
        self, definition: Definition, length: Formula, sign: float, told: tuple[int, ...]
    ) -> dict[str, Any]:
        """Fields of an element that errors give: displacements, and multipoles knl and ksl.

        Args:
            definition, length: of the element.
            sign: of the direction of the beam, in which bends turn.
            told: which statements speak of it.
        """
        found: dict[str, Any] = {}
        for number in told:
            statement, _, values = self._told[number]
            what = f"{statement.command} of {definition.name!r}"
            with placed_errors(statement.file, statement.row, what):
                if statement.command == "ealign":
                    found |= self._moves(definition, length, sign, values)
                else:
                    found |= self._fields(definition, length, values)
        return found

    def _moves(
        self, definition: Definition, length: Formula, sign: float, values: dict[str, Value]
    ) -> dict[str, Formula]:
        """Displacements about the middle of an element, of those that MAD gives at its entrance."""
        dx, dy, ds, phi, theta, psi = (_formula(values.get(name, 0.0)) for name in _MOVES)
        angle: Formula = 0.0
        tilt: Formula = 0.0
        if definition.base in ("sbend", "rbend"):
            given = definition.attributes
            angle, tilt = sign * _formula(given.get("angle", 0.0)), _formula(given.get("tilt", 0.0))
        # from the entrance to the middle of the chord, in the plane of the bend and its axes
        cos, sin = call("cos", 0.5 * angle), call("sin", 0.5 * angle)
        half = 0.5 * length * call("sinc", 0.5 * angle)
        across, along = -half * sin, half * cos
        dx, dy = _turned(dx, dy, tilt)
        x_rot, y_rot = _turned(-phi, theta, tilt)
        # what a turn about the entrance moves the middle by, to first order
        dx, dy, ds = dx + y_rot * along, dy + psi * across - x_rot * along, ds - y_rot * across
        dx, ds = dx * cos + ds * sin, ds * cos - dx * sin
        x_rot, psi = x_rot * cos + psi * sin, psi * cos - x_rot * sin
        dx, dy = _turned(dx, dy, -tilt)
        x_rot, y_rot = _turned(x_rot, y_rot, -tilt)
        return {"dx": dx, "dy": dy, "dz": ds, "x_rot": x_rot, "y_rot": y_rot, "z_rot": psi}

    def _values(self, statement: Statement) -> dict[str, Value]:
        """The attributes of a statement; one with random numbers is left out."""
        if re.search(r"\b(?:t?gauss|ranf)\s*\(", statement.text, re.IGNORECASE):
            shown = clip(" ".join(statement.text.split()))
            said = f"random errors are MAD's own: {shown!r} is left out, line {statement.row}"
            self._machine.notes.add(said)
            return {}
        return {a.name: self._machine.attribute(a) for a in statement.arguments if a.name}

    def _selects(self, selection: Statement, definition: Definition, place: int) -> bool:
        chosen = selection.word("range")
        if chosen and chosen not in self._ranges:
            try:
                self._ranges[chosen] = self._find_range(chosen)
            except ValueError as error:
                raise wrong(selection.file, str(error), selection.row) from error
        if chosen and place not in self._ranges[chosen]:
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
        if not (0 <= order <= ORDER and order == int(order)):
            raise ValueError(f"order = {order:.17g} is none of 0, 1, ... {ORDER}")
        if radius <= 0:
            raise ValueError(f"radius = {radius:g} is not positive")
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
            if any(isinstance(entry, Expression) or entry for entry in entries):
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


def _turned(x: Formula, y: Formula, tilt: Formula) -> tuple[Formula, Formula]:
    """A vector in axes that are turned by an angle about s."""
    if isinstance(tilt, float) and tilt == 0:
        return x, y
    cos, sin = call("cos", tilt), call("sin", tilt)
    return x * cos + y * sin, y * cos - x * sin


def _formula(value: Value) -> Formula:
    if isinstance(value, (str, tuple)):
        raise ValueError(f"{clip(str(value))!r} is no number")
    return value


def _list(value: Value) -> Sequence[Formula]:
    if isinstance(value, str):
        raise ValueError(f"{clip(value)!r} is no list of numbers")
    return value if isinstance(value, tuple) else (value,)

"""An element of a PALS file, asked for its parameters; what is never asked for is noted."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ...beam.reference import Reference
from ...core.errors import PyJuTrackError
from ...core.scalars import to_float
from ...elements import Element
from ...lattice.expressions import Expression, Formula
from ..errors import LatticeFileError, clip, wrong
from ..fields import SPECIAL, changed_fields, element_from, find_kind
from ..limits import ORDER, require_below
from ..record import Say
from .machine import Machine
from .strengths import STRENGTH, Strengths, turn
from .yaml_tree import Table

#: says nothing of tracking, or is read for every kind
_NEUTRAL = ("kind", "name", "inherit", "s_position", "field_master", "MetaP", "FloorP", "TrackingP")


@dataclass
class Group:
    """A group of parameters of one element, and which of them were asked for."""

    path: Path
    label: str
    table: Table
    machine: Machine
    asked: set[str] = field(default_factory=set)

    def has(self, key: str) -> bool:
        """Return whether the parameter is set."""
        return self.table.get(key) is not None

    def number(self, key: str, default: float = 0.0) -> Formula:
        """A number or an expression.

        Raises:
            LatticeFileError: the value is none.
        """
        self.asked.add(key)
        value = self.table.get(key)
        if value is None:
            return default
        try:
            found = self.machine.read(value)
            followed = f"{self.label}{key}".replace(": ", ">")
            if followed in self.machine.followed:
                if self.machine.variables.formula(followed) == found:
                    return Expression.named(followed)
                self.machine.notes.add(f"expressions name {followed}, which is set otherwise here")
            return found
        except (PyJuTrackError, ValueError) as error:
            said = str(error)
            if isinstance(value, str):
                said = f"must be a number, got {clip(repr(value))}: {said}"
            raise self.wrong(key, said) from error

    def fixed(self, key: str, default: float = 0.0) -> float:
        """The value now of a parameter that cannot follow an expression, which is noted."""
        found = self.number(key, default)
        try:
            number = self.machine.value(found)
        except (PyJuTrackError, ValueError) as error:
            raise self.wrong(key, str(error)) from error
        if isinstance(found, Expression):
            said = f"{self.label}{key} keeps its value, whatever becomes of {clip(str(found))}"
            self.machine.notes.add(said)
        return number

    def choice(self, key: str, default: Any, allowed: tuple[Any, ...]) -> Any:
        """One of several words."""
        self.asked.add(key)
        value = self.table.get(key)
        value = default if value is None else value
        if value not in allowed:
            raise self.wrong(key, f"must be one of {', '.join(map(str, allowed))}, got {value!r}")
        return value

    def wrong(self, key: str, message: str) -> LatticeFileError:
        """An error at a parameter."""
        file = self.table.file or self.path
        return wrong(file, f"{self.label}{key} {message}", self.table.at(key))

    def say_rest(self, say: Say) -> None:
        """Say what is set and was not asked for."""
        for key, value in self.table.items():
            if key not in self.asked and value not in (None, 0, False, ""):
                shown = "" if isinstance(value, (dict, list)) else f" = {value}"
                say(f"{self.label.partition(': ')[2]}{key}{shown} is left out")


class Made(NamedTuple):
    """What an element is to be made of: its kind, and its fields as formulas."""

    kind: type[Element]
    fields: dict[str, Any]


class Source:
    """An element of the file.

    Attributes:
        path, name, table: of the file, of the element, and its parameters.
        reference: of the line, or None.
        say: takes what is left out.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        table: Table,
        reference: Reference | None,
        say: Say,
        machine: Machine,
    ) -> None:
        self.path, self.name, self.table = table.file or path, name, table
        self.reference, self.say, self.machine = reference, say, machine
        self._groups: dict[str, Group] = {}
        self.own = Group(self.path, f"{name}: ", table, machine, set(_NEUTRAL))

    @property
    def kind(self) -> str:
        """Its kind."""
        kind = self.table.get("kind")
        if not isinstance(kind, str):
            raise wrong(self.path, f"{self.name}: the kind is missing", self.table.line)
        return kind

    @property
    def length(self) -> Formula:
        """Its length [m]."""
        return self.own.number("length")

    def group(self, name: str) -> Group:
        """A group of parameters, empty if it is not there."""
        if name not in self._groups:
            self.own.asked.add(name)
            value = self.table.get(name)
            if value is None:
                value = Table(self.table.line)
            if not isinstance(value, Table):
                raise self.own.wrong(name, f"must hold parameters, got {value!r}")
            self._groups[name] = Group(self.path, f"{self.name}: {name}.", value, self.machine)
        return self._groups[name]

    def rigidity(self, group: Group, key: str) -> float:
        """B rho of the line [T m], which a field needs."""
        if self.reference is None:
            raise group.wrong(key, "is a field, and the line has no reference momentum")
        return to_float(self.reference.rigidity)

    def strengths(self) -> Strengths:
        """Magnetic multipoles, fields divided by B rho, tilts undone."""
        group = self.group("MagneticMultipoleP")
        found: dict[int, list[Formula]] = {}
        forms: dict[int, tuple[str, str]] = {}
        for key in group.table:
            match = STRENGTH.match(key)
            if match is None:
                continue
            order = int(match["order"][:9])
            require_below(self.path, f"{group.label}{key}", order, ORDER, group.table.at(key))
            form = (match["unit"], match["integrated"])
            value = group.number(key)
            if forms.setdefault(order, form) != form:
                raise group.wrong(key, f"has another form than the other part of order {order}")
            if match["unit"] == "B":
                value = value / self.rigidity(group, key)
            found.setdefault(order, [0.0, 0.0])["ns".index(match["part"])] = value
        whole = {
            order: (
                *turn(parts[0], parts[1], order, group.number(f"tilt{order}")),
                bool(forms[order][1]),
            )
            for order, parts in found.items()
        }
        return Strengths(whole, self.length, self.say)

    def settings(self) -> dict[str, Any]:
        """All that the file says of the element, besides its kind and length, as plain data."""
        own = {k: v for k, v in self.table.items() if k not in (*_NEUTRAL, "length")}
        self.own.asked.update(own)
        return {key: _plain_data(value) for key, value in own.items()}

    def value(self, formula: Formula) -> float:
        """The number that a formula is worth now."""
        return self.machine.value(formula)

    def make(self, kind: type[Element], **fields: Any) -> Made:
        """An element of a kind, where it stands in the file."""
        return Made(kind, fields)

    def say_rest(self) -> None:
        """Say what was not asked for."""
        for group in self._groups.values():
            group.say_rest(self.say)
        self.own.say_rest(self.say)


def states_own_kind(source: Source) -> bool:
    """Return whether TrackingP says which element of this package it was."""
    tracking = source.table.get("TrackingP")
    own = tracking.get("pyjutrack") if isinstance(tracking, Table) else None
    return isinstance(own, Table) and "kind" in own


def with_own_fields(source: Source, made: Made) -> Made:
    """What an element is made of, with the fields that TrackingP keeps for this package.

    Raises:
        InvalidValueError, UnknownNameError: the kind has no such field, or refuses its value.
    """
    tracking = source.table.get("TrackingP")
    own = tracking.get("pyjutrack") if isinstance(tracking, Table) else None
    if own is None:
        return made
    if not isinstance(own, Table):
        raise wrong(source.path, f"{source.name}: TrackingP.pyjutrack must hold fields")
    given: dict[str, Any] = dict(own)
    kind = find_kind(given.pop("kind")) if "kind" in given else made.kind
    formulas = {} if kind is not made.kind else _formulas(made.fields)
    for name, value in given.items():
        formulas.pop(name, None)
        if name not in (*kind.knobs, *kind.placement, *kind.series, "length"):
            continue
        if isinstance(value, str) and value not in SPECIAL:
            formulas[name] = source.machine.read(value)
        elif isinstance(value, list) and any(isinstance(v, str) for v in value):
            formulas[name] = tuple(
                float(v) if v in SPECIAL else source.machine.read(v) for v in value
            )
        if name in formulas:
            number = plain_value(source, formulas[name])
            given[name] = list(number) if isinstance(number, tuple) else number
    if kind is made.kind:
        numbers = {name: plain_value(source, value) for name, value in made.fields.items()}
        given = {**changed_fields(kind(**numbers)), **given}
    element = element_from(kind, {"name": source.name, **given})
    fields = {f: getattr(element, f) for f in (*changed_fields(element), "name")}
    return Made(kind, {**fields, **formulas})


def plain_value(source: Source, value: Any) -> Any:
    """A field, or the entries of one, as numbers."""
    if isinstance(value, tuple):
        return tuple(plain_value(source, entry) for entry in value)
    return source.value(value) if isinstance(value, Expression) else value


def _plain_data(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain_data(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain_data(v) for v in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _formulas(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields that are expressions, or hold one."""
    return {
        name: value
        for name, value in fields.items()
        if isinstance(value, Expression)
        or (isinstance(value, tuple) and any(isinstance(v, Expression) for v in value))
    }

"""An element of a PALS file, asked for its parameters; what is never asked for is noted."""

from __future__ import annotations

import cmath
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...beam.reference import Reference
from ...core.scalars import to_float
from ...elements import Element
from ..errors import LatticeFileError, wrong
from ..fields import changed_fields, element_from, find_kind
from ..limits import ORDER, require_below
from ..record import Say
from .yaml_tree import Table

_STRENGTH = re.compile(r"(?P<unit>[KB])(?P<part>[ns])(?P<order>\d+)(?P<integrated>L?)$")
#: says nothing of tracking, or is read for every kind
_NEUTRAL = ("kind", "name", "inherit", "s_position", "field_master", "MetaP", "FloorP", "TrackingP")


@dataclass
class Group:
    """A group of parameters of one element, and which of them were asked for."""

    path: Path
    label: str
    table: Table
    asked: set[str] = field(default_factory=set)

    def has(self, key: str) -> bool:
        """Return whether the parameter is set."""
        return self.table.get(key) is not None

    def number(self, key: str, default: float = 0.0) -> float:
        """A number.

        Raises:
            LatticeFileError: the value is none.
        """
        self.asked.add(key)
        value = self.table.get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            hint = "; expressions are not evaluated" if isinstance(value, str) else ""
            raise self.wrong(key, f"must be a number, got {value!r}{hint}")
        return float(value)

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
        return wrong(self.path, f"{self.label}{key} {message}", self.table.at(key))

    def say_rest(self, say: Say) -> None:
        """Say what is set and was not asked for."""
        for key, value in self.table.items():
            if key == "include":
                raise self.wrong(key, "is not understood; put the files together")
            if key not in self.asked and value not in (None, 0, False, ""):
                shown = "" if isinstance(value, (dict, list)) else f" = {value}"
                say(f"{self.label.partition(': ')[2]}{key}{shown} is left out")


@dataclass(frozen=True)
class Strengths:
    """The multipoles of an element: (normal, skew, whether integrated) of every order."""

    by_order: dict[int, tuple[float, float, bool]]
    length: float

    def take(self, order: int) -> tuple[float, float]:
        """Take the strengths per metre of one order out of the rest."""
        normal, skew, integrated = self.by_order.pop(order, (0.0, 0.0, False))
        if integrated and not self.length:
            self.by_order[order] = (normal, skew, True)
            return 0.0, 0.0
        over = self.length if integrated else 1.0
        return normal / over, skew / over

    def series(self) -> dict[str, Any]:
        """Return the rest as integrated series `knl` and `ksl`."""
        whole = {
            order: (n, s) if integrated else (n * self.length, s * self.length)
            for order, (n, s, integrated) in self.by_order.items()
        }
        found: dict[str, Any] = {}
        for part, name in enumerate(("knl", "ksl")):
            set_ = [order for order, values in whole.items() if values[part]]
            if set_:
                series = (whole.get(order, (0.0, 0.0))[part] for order in range(max(set_) + 1))
                found[name] = tuple(series)
        return found


class Source:
    """An element of the file.

    Attributes:
        path, name, table: of the file, of the element, and its parameters.
        reference: of the line, or None.
        say: takes what is left out.
    """

    def __init__(
        self, path: Path, name: str, table: Table, reference: Reference | None, say: Say
    ) -> None:
        self.path, self.name, self.table = path, name, table
        self.reference, self.say = reference, say
        self._groups: dict[str, Group] = {}
        self.own = Group(path, f"{name}: ", table, set(_NEUTRAL))

    @property
    def kind(self) -> str:
        """Its kind."""
        kind = self.table.get("kind")
        if not isinstance(kind, str):
            raise wrong(self.path, f"{self.name}: the kind is missing", self.table.line)
        return kind

    @property
    def length(self) -> float:
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
            self._groups[name] = Group(self.path, f"{self.name}: {name}.", value)
        return self._groups[name]

    def rigidity(self, group: Group, key: str) -> float:
        """B rho of the line [T m], which a field needs."""
        if self.reference is None:
            raise group.wrong(key, "is a field, and the line has no reference momentum")
        return to_float(self.reference.rigidity)

    def strengths(self) -> Strengths:
        """Magnetic multipoles, fields divided by B rho, tilts undone."""
        group = self.group("MagneticMultipoleP")
        found: dict[int, complex] = {}
        forms: dict[int, tuple[str, str]] = {}
        for key in group.table:
            match = _STRENGTH.match(key)
            if match is None:
                continue
            order = int(match["order"][:9])
            require_below(self.path, f"{group.label}{key}", order, ORDER, group.table.at(key))
            form = (match["unit"], match["integrated"])
            value: complex = group.number(key)
            if forms.setdefault(order, form) != form:
                raise group.wrong(key, f"has another form than the other part of order {order}")
            if match["unit"] == "B":
                value /= self.rigidity(group, key)
            found[order] = found.get(order, 0) + value * (1j if match["part"] == "s" else 1)
        for order, value in list(found.items()):
            tilt = group.number(f"tilt{order}")
            found[order] = value * cmath.exp(-1j * (order + 1) * tilt) if tilt else value
        whole = {o: (complex(v).real, complex(v).imag, bool(forms[o][1])) for o, v in found.items()}
        return Strengths(whole, self.length)

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


def with_own_fields(source: Source, element: Element) -> Element:
    """The element with the fields that TrackingP keeps for this package."""
    tracking = source.table.get("TrackingP")
    own = tracking.get("pyjutrack") if isinstance(tracking, Table) else None
    if own is None:
        return element
    if not isinstance(own, Table):
        raise wrong(source.path, f"{source.name}: TrackingP.pyjutrack must hold fields")
    fields: dict[str, Any] = dict(own)
    kind = find_kind(fields.pop("kind")) if "kind" in fields else type(element)
    if kind is type(element):
        fields = {**changed_fields(element), **fields}
    return element_from(kind, {"name": element.name, **fields})

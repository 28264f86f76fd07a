"""An element of AT as a file holds it, with what its class adds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...beam.reference import Reference
from ...core.digits import tell_apart
from ..limits import ORDER
from ..record import Say
from .classes import AtClass, class_of, numbers, word


@dataclass(frozen=True)
class AtElement:
    """An element of AT.

    Attributes:
        kind: its class.
        fields: its attributes, as the file holds them.
        reference: of the machine; None as long as it is not known.
    """

    kind: AtClass
    fields: Mapping[str, Any]
    reference: Reference | None = None

    @property
    def name(self) -> str:
        """Its name."""
        return word(self.fields, "FamName")

    @property
    def method(self) -> str:
        """Its pass method."""
        return word(self.fields, "PassMethod") or self.kind.method

    @property
    def length(self) -> float:
        """Its length [m]; 0 if it has none."""
        return self.number("Length")

    @property
    def bends(self) -> bool:
        """Whether it states by how much it bends."""
        return self.kind.name == "Dipole" or self.has("BendingAngle")

    def has(self, name: str) -> bool:
        """Whether it has an attribute."""
        return self.fields.get(name) is not None

    def number(self, name: str, default: float | None = 0.0) -> float:
        """A number; with None as default it must be there.

        Raises:
            ValueError: it is missing, or no number.
        """
        if default is not None and not self.has(name):
            return default
        return numbers(self.fields, name, 1)[0]

    def whole(self, name: str, default: int, limit: int | None = None) -> int:
        """A whole number from 0 on.

        Raises:
            ValueError: it is none, or above the limit.
        """
        found = self.number(name, default)
        if not (math.isfinite(found) and found >= 0 and found == int(found)):
            raise ValueError(f"{name} = {found:.17g} is no whole number from 0 on")
        if limit is not None and found > limit:
            raise ValueError(f"{name}: {found:g}, above the limit of {limit:,}")
        return int(found)

    def numbers(self, name: str, count: int | None = None) -> list[float]:
        """Numbers, those of a matrix column by column.

        Raises:
            ValueError: they are missing, something else, or not as many.
        """
        return numbers(self.fields, name, count)

    def polynomial(self, name: str) -> list[float]:
        """PolynomA or PolynomB, all of it; empty if there is none.

        Raises:
            ValueError: these are no numbers, or more than any magnet has.
        """
        found = self.numbers(name) if self.has(name) else []
        if len(found) > ORDER + 1:
            raise ValueError(f"order of {name}: {len(found) - 1:,}, above the limit of {ORDER}")
        return found


def at_element(fields: Mapping[str, Any], say: Say) -> AtElement:
    """An element as AT makes it of what a file holds; `say` takes what has no effect.

    Raises:
        ValueError: something is missing, contradicts itself, or is no number.
    """
    kind = class_of(fields, say)
    missing = [
        name
        for name in ("FamName", *kind.first)
        if fields.get(name) is None and name not in kind.optional
    ]
    if missing:
        raise ValueError(f"{kind.name} without {', '.join(missing)}")
    element = AtElement(kind, fields)
    if not kind.strength and "PolynomB" not in kind.first:
        return element
    element = AtElement(kind, {**fields, "PolynomB": _normal(element, say)})
    for name in ("PolynomB", "PolynomA"):
        values = element.polynomial(name)
        most = element.whole("MaxOrder", len(values))
        if any(values[most + 1 :]):
            say(f"MaxOrder = {most} leaves out what {name} has above it")
    return element


def _normal(element: AtElement, say: Say) -> list[float]:
    """PolynomB, which K and H must not contradict; without it the class's own of them stands."""
    normal = element.polynomial("PolynomB")
    for name, order in (("K", 1), ("H", 2)):
        own, strength = element.kind.strength == (name, order), element.number(name)
        stated = normal[order] if order < len(normal) else 0.0
        if own and not element.has("PolynomB"):
            normal = [0.0] * order + [strength]
        elif strength and strength != stated:
            ours, theirs = tell_apart(strength, stated)
            said = f"{name} = {ours} contradicts PolynomB, where it is {theirs}"
            if not own:
                raise ValueError(said)
            say(f"{said}; PolynomB is taken")
    return normal

"""A statement of a MAD file as what an element is made of."""

from __future__ import annotations

from collections.abc import Callable
from itertools import zip_longest
from typing import Any

from ...beam.reference import Reference
from ...elements import Element, Placeholder
from ...lattice.expressions import Expression, Formula
from ..builder import Fields, LatticeBuilder
from ..errors import clip
from ..record import Say
from .elements import Definition, Value

#: attributes of every element that do not concern tracking
_NEUTRAL = {
    *("l", "lrad", "type", "at", "from", "slot_id", "assembly_id", "mech_sep", "v_pos", "calib"),
    *("magnet", "model", "method", "thick", "comments", "kmax", "kmin", "polarity", "aperture"),
    *("apertype", "aper_tol", "aper_offset", "aper_vx", "aper_vy", "add_angle", "exact"),
    *("entrance", "kill_ent_fringe", "kill_exi_fringe", "kill_body"),
    *("slice", "n_slices", "fringe_model", "other_bv", "bv", "nst", "seqpos", "magtype"),
}


class Source:
    """What a file says of an element, and the elements that are made of it.

    Attributes:
        definition: of the element.
        length: along the reference orbit [m].
        sign: of all fields, -1 for a beam of BV = -1.
        reference: of the file, or None.
        turn: length of the whole line [m], for harmonic numbers.
        errors: fields that its errors give: displacements, multipoles.
        value: of a formula now.
        say: takes what is left out.
    """

    def __init__(
        self,
        definition: Definition,
        length: Formula,
        sign: float,
        reference: Reference | None,
        turn: float,
        errors: Fields,
        value: Callable[[Formula], float],
        builder: LatticeBuilder,
        say: Say,
    ) -> None:
        self.definition, self.length, self.sign = definition, length, sign
        self.reference, self.turn, self._errors = reference, turn, errors
        self.value, self._builder, self.say = value, builder, say
        self._read: set[str] = set()

    def number(self, name: str, default: Formula = 0.0) -> Formula:
        """An attribute as a number or an expression."""
        self._read.add(name)
        found = self.definition.attributes.get(name, default)
        if isinstance(found, tuple):
            found = found[0] if found else default
        if isinstance(found, str):
            raise ValueError(f"{name} = {clip(found)!r} is no number")
        return found

    def strength(self, name: str) -> Formula:
        """A field, in the direction of the beam."""
        found = self.number(name)
        return found if self.sign > 0 else -found

    def strengths(self, name: str) -> tuple[Formula, ...]:
        """Fields of increasing order, in the direction of the beam."""
        self._read.add(name)
        return tuple(entry if self.sign > 0 else -entry for entry in self.numbers(name))

    def numbers(self, name: str) -> tuple[Formula, ...]:
        """An attribute that is a list."""
        self._read.add(name)
        found = self.definition.attributes.get(name, ())
        if isinstance(found, str):
            raise ValueError(f"{name} = {clip(found)!r} is no number")
        return found if isinstance(found, tuple) else (found,)

    def word(self, name: str) -> str:
        """An attribute that is a word, or empty."""
        self._read.add(name)
        found = self.definition.attributes.get(name, "")
        return found if isinstance(found, str) else ""

    def states(self, name: str) -> bool:
        """Return whether the file gives an attribute."""
        return name in self.definition.attributes

    def is_on(self, formula: Formula) -> bool:
        """Return whether a number is not zero, or may become so."""
        return isinstance(formula, Expression) or formula != 0

    def placeholder(self) -> Element:
        """What stands for an element that is not modelled, with all that the file says of it."""
        settings = {name: self._plain(v) for name, v in self.definition.attributes.items()}
        self._read.update(settings)
        return self.make(
            Placeholder, length=self.length, stands_for=self.definition.base, settings=settings
        )

    def _plain(self, value: Value) -> object:
        if isinstance(value, tuple):
            return tuple(map(self.value, value))
        return value if isinstance(value, str) else self.value(value)

    def make(self, kind: type[Element], **fields: object) -> Element:
        """An element of the name in the file; parameters that are zero are left out."""
        return self.make_part("", kind, fields)

    def make_part(self, suffix: str, kind: type[Element], fields: Fields) -> Element:
        """The same with something after the name, where several elements stand for one."""
        name = f"{self.definition.name}{suffix}"
        for field, value in self._errors.items():
            if field in kind.series:
                fields[field] = _add(fields.get(field, ()), value)
            elif field in kind.placement:
                fields[field] = value
            else:
                self.say(f"its errors in {field} are left out")
        stated = {f: v for f, v in fields.items() if not _is_nothing(v)}
        return self._builder.make(kind, name, stated, self.definition.row)

    def tell_rest(self) -> None:
        """Note what the file says and no one has read."""
        for name, value in self.definition.attributes.items():
            if name in self._read or name in _NEUTRAL or not self._matters(value):
                continue
            shown = f"({', '.join(map(str, value))})" if isinstance(value, tuple) else value
            self.say(f"{name} = {shown} is left out")

    def _matters(self, value: Value) -> bool:
        if isinstance(value, tuple):
            return any(map(self._matters, value))
        return bool(value) if isinstance(value, str) else self.is_on(value)


def _add(one: Any, other: Any) -> tuple[Formula, ...]:
    """Two series, entry by entry."""
    return tuple(a + b for a, b in zip_longest(one, other, fillvalue=0.0))


def _is_nothing(value: object) -> bool:
    if isinstance(value, tuple):
        return all(isinstance(v, float) and v == 0 for v in value)
    return isinstance(value, (float, int)) and not isinstance(value, bool) and value == 0

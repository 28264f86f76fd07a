"""An element of a file of Xsuite, as what elements are made of."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from ...beam.reference import Reference
from ...core.digits import tell_apart
from ...core.errors import InvalidValueError, UnknownNameError
from ...elements import Element
from ...lattice.expressions import Expression, Formula
from ..arithmetic import Series, is_on
from ..builder import Fields
from ..errors import clip
from ..record import Say
from ..source import Attributes
from .values import agree

#: attributes that concern no particle, or only radiation
_NEUTRAL = {
    *("order", "inv_factorial_order", "radiation_flag", "name_associated_aperture"),
    *("extra", "prototype", "internal_record_id", "svg", "parent_name", "weight", "slice_offset"),
    *("k0_from_h", "tpsa_enabled"),
}
#: the key of an element's class
CLASS = "__class__"


class Piece(NamedTuple):
    """An element to be made: its kind, and its fields."""

    kind: type[Element]
    fields: Fields


class Source(Attributes):
    """What a file says of an element.

    Attributes:
        kind: its class.
        attributes: of the element, or of the one that it is a slice of.
        stated: the same as numbers, as they stand in the file.
        reference: of the file, or None.
        curvature: of the reference orbit in it [1/m], as soon as it is read.
        turn: length of the whole line [m], for harmonic numbers; None while it is not known.
        value: of a formula.
        say: takes what is left out of the element.
        remark: takes what is left out of many.
        exact_drifts: whether drifts that leave their model to Xsuite are exact ones.
    """

    neutral = _NEUTRAL

    def __init__(
        self,
        kind: str,
        attributes: Mapping[str, Any],
        stated: Mapping[str, Any],
        reference: Reference | None,
        value: Callable[[Formula], float],
        say: Say,
        remark: Say,
    ) -> None:
        super().__init__(attributes, say)
        self.kind, self._stated = kind, stated
        self.reference, self.value = reference, value
        self.remark, self.exact_drifts = remark, False
        self.turn: float | None = None
        self.curvature: Formula = 0.0

    def number(self, name: str, default: float = 0.0, former: str = "") -> Formula:
        """An attribute as a number or an expression.

        Args:
            former: its name in older files, and in expressions of those that were converted.

        Raises:
            ValueError: it is neither.
        """
        self._read.update((name, former))
        old = self.attributes.get(former)
        if isinstance(old, Expression):
            stated = self._stated.get(name, self._stated.get(former, default))
            return self._computed(former, old, stated)
        found = self.attributes.get(name, default if old is None else old)
        if isinstance(found, Expression):
            return self._computed(name, found, self._stated.get(name, default))
        return _number(name, found)

    def series(self, name: str, *, whole: bool = False) -> Series:
        """An attribute that is a list of numbers or expressions.

        Args:
            whole: whether the zeros at its end count.
        """
        self._read.add(name)
        found = self.attributes.get(name)
        if found is None:
            return ()
        if not isinstance(found, list):
            raise ValueError(f"{name} = {clip(repr(found))} is no list of numbers")
        stated = self._stated.get(name)
        entries: list[Formula] = []
        for n, entry in enumerate(found):
            if isinstance(entry, Expression):
                known = stated if isinstance(stated, list) else []
                was = known[n] if n < len(known) else 0.0
                entries.append(self._computed(f"{name}[{n}]", entry, was))
            else:
                entries.append(_number(name, entry))
        while entries and not whole and not is_on(entries[-1]):
            entries.pop()
        return tuple(entries)

    def array(self, name: str, size: int) -> Series | None:
        """An attribute of rows of numbers or expressions, row by row; None if it is not given."""
        self._read.add(name)
        found = self.attributes.get(name)
        if found is None:
            return None
        entries = tuple(_flatten(found, 3))
        if len(entries) != size:
            raise ValueError(f"{name} has {len(entries)} entries, and needs {size}")
        return tuple(e if isinstance(e, Expression) else _number(name, e) for e in entries)

    def settings(self) -> dict[str, Any]:
        """All that the file says, as plain data."""
        self._read.update(self.attributes)
        return {CLASS: self.kind, **{n: _plain(v) for n, v in self._stated.items()}}

    def word(self, name: str, default: str, words: Mapping[int, str] | None = None) -> str:
        """An attribute that is a word; older files have numbers in their places.

        Args:
            words: by these numbers.
        """
        self._read.add(name)
        found = self.attributes.get(name, default)
        if isinstance(found, int) and words is not None and found in words:
            return words[found]
        if not isinstance(found, str):
            raise ValueError(f"{name} = {clip(repr(found))} is no word that is known")
        return found

    def flag(self, name: str, *, default: bool) -> bool:
        """An attribute that is true or false, or 1 or 0."""
        self._read.add(name)
        found = self.attributes.get(name, default)
        if isinstance(found, bool) or found in (0, 1, -1):
            return found is True or found == 1
        raise ValueError(f"{name} = {clip(repr(found))} is neither true nor false")

    def count(self, name: str) -> int:
        """An attribute that is a whole number, 0 if it is not given."""
        self._read.add(name)
        found = self.attributes.get(name, 0)
        if isinstance(found, bool) or not isinstance(found, (int, float)) or found != found // 1:
            raise ValueError(f"{name} = {clip(repr(found))} is no whole number")
        return int(found)

    def has_fringe(self) -> bool:
        """Return whether both ends of a straight magnet have their fringe."""
        sides = [f"edge_{side}_active" for side in ("entry", "exit")]
        both = all(self.flag(side, default=False) for side in sides)
        if not both:
            self._read.difference_update(sides)  # one by itself is told
        return both

    def _computed(self, name: str, formula: Expression, stated: Any) -> Formula:
        """An expression, if it has a value; noted if that is not the one in the file."""
        known = isinstance(stated, (int, float)) and not isinstance(stated, bool)
        try:
            found = self.value(formula)
        except (InvalidValueError, UnknownNameError) as error:
            if not known:
                raise
            self.say(f"{name} keeps its value, {stated:g}: {clip(str(error))}")
            return _number(name, stated)
        if known and not agree(found, float(stated)):
            own, computed = tell_apart(float(stated), found)
            self.say(
                f"{name} is {own}, and its expression {clip(str(formula))} gives {computed}, "
                "which is taken"
            )
        return formula


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{name} = {clip(repr(value))} is no number")
    if not math.isfinite(value):
        raise ValueError(f"{name} = {value} is no finite number")
    return float(value)


def _flatten(value: Any, depth: int) -> Iterator[Any]:
    if isinstance(value, list) and depth:
        for entry in value:
            yield from _flatten(entry, depth - 1)
    else:
        yield value


def _plain(value: Any) -> Any:
    """JSON without numbers that are none."""
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value

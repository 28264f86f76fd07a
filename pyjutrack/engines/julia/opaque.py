"""JuTrack's own elements, by their names and fields."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from ...beam.reference import Reference
from ...core.checks import format_value, require_text
from ...core.errors import InvalidValueError
from ...core.scalars import Number, is_real, is_whole, to_float
from ...elements import Element
from ...elements.glyph import Glyph, box
from ...elements.part import Part
from ...elements.placeholder import Settings
from ...maps.state import State

#: JuTrack's types that make fields of the beam; names of theirs begin so
_BY_INTENSITY = ("SPACECHARGE", "LongitudinalRLCWake")
#: what all elements have, and no field of JuTrack's
_OURS = ("name", "length", "slip", *Element.placement)


class _PerElement:
    """Names that an element has beside those of its kind."""

    def __init__(self, own: tuple[str, ...], *types: type) -> None:
        self.own, self.types = own, types

    def __get__(self, instance: Any, owner: Any) -> tuple[str, ...]:
        if instance is None:
            return self.own
        named = vars(instance).get("fields", {})
        return (*self.own, *(name for name, v in named.items() if _is_knob(v, self.types)))


def _is_knob(value: Any, types: tuple[type, ...]) -> bool:
    flat = isinstance(value, tuple) and not any(isinstance(v, (tuple, int)) for v in value)
    return isinstance(value, types) and (flat or not isinstance(value, tuple))


@dataclass(frozen=True, repr=False, init=False)
class JuTrackElement(Element):
    """An element of JuTrack's, by its name and fields: `pj.julia.Element`.

    The julia engine alone tracks it, by JuTrack's own map, in coordinates that it turns to
    JuTrack's and back. Numbers among its fields are knobs, "w.Bmax", and those of flat arrays,
    "m.PolynomB[2]"; whole numbers are counts, and none. Which fields there are, and of which types,
    JuTrack is asked when the lattice is first tracked.

    Effects that cut elements act before and after it.

    Attributes:
        type: JuTrack's name of the type, or of the function that makes it: "WIGGLER".
        length: along the reference orbit [m], JuTrack's `len`.
        slip: length [m] over which the slip of the velocity, 1/gamma^2, is added at its end.
            JuTrack leaves that out of most maps; 0 leaves it so. The length of the element is
            right where it is like free space.
        fields: by JuTrack's names; given as keywords, `others`, or as a mapping.

    Raises:
        InvalidValueError: a value that is no number, text, or sequence of numbers; a displacement,
            which JuTrack has as T1, T2, R1, R2.

    Example:
        >>> w = pj.julia.Element("WIGGLER", length=1.0, lw=0.1, Bmax=1.2, energy=3e9, name="w")
        >>> pj.gradient(observable, pj.Lattice([w]), beam, wrt=["w.Bmax"], engine="julia")
    """

    type: str = ""
    length: Number = 0.0
    slip: Number = field(default=0.0, kw_only=True)
    fields: Mapping[str, Any] = field(default=Settings(), kw_only=True)
    knobs: ClassVar[Any] = _PerElement(("length", "slip"), float, Tensor, tuple)
    series: ClassVar[Any] = _PerElement((), tuple)
    fixed_series: ClassVar[Any] = _PerElement((), tuple)
    may_step_back: ClassVar[bool] = True
    glyph: ClassVar[Glyph] = Glyph("of JuTrack", "#17becf", box(-0.4, 0.4))

    def __init__(self, type: str, *, fields: Mapping[str, Any] = Settings(), **others: Any) -> None:
        require_text("type", type)
        if not isinstance(fields, Mapping):
            raise InvalidValueError(f"fields must be a dictionary, got {format_value(fields)}")
        for name in fields:
            if name in _OURS:
                raise InvalidValueError(
                    f"{name} in fields of {type} is what every element here has; give it by itself"
                )
        given: dict[str, Any] = {"type": type}
        for f in dataclasses.fields(self):
            if f.name in _OURS:
                given[f.name] = others.pop(f.name, f.default)
        given["fields"] = Settings({k: _freeze(k, v) for k, v in {**fields, **others}.items()})
        if "len" in given["fields"]:
            raise InvalidValueError(f"give JuTrack's len of {type} as length")
        # so that knobs are found by their names as those of every element
        for name, value in {**given["fields"], **given}.items():
            object.__setattr__(self, name, value)
        self.__post_init__()

    def __post_init__(self) -> None:
        super().__post_init__()
        own = {name: vars(self)[name] for name in self.fields}
        object.__setattr__(self, "fields", Settings(own))
        if self.is_displaced or to_float(self.tilt):
            raise InvalidValueError(
                f"{self._label()}: JuTrack's elements are displaced by fields: T1, T2, R1, R2; to "
                "change the frame, as its TRANSLATION does, take pj.Patch"
            )

    @property
    def acts_by_intensity(self) -> bool:
        """True for what acts by the charge or the current of the beam."""
        return self.type.startswith(_BY_INTENSITY) or self.type.endswith(("_SC", "_SC2P5D"))

    def __repr__(self) -> str:
        shown = {"length": self.length, "slip": self.slip}
        rest = {**{k: v for k, v in shown.items() if to_float(v)}, **self.fields}
        inner = "".join(f", {k}={v!r}" for k, v in {**rest, "name": self.name}.items())
        return f"julia.Element({self.type!r}{inner})"

    def transport(self, state: State, reference: Reference, part: Part) -> State:
        raise InvalidValueError(
            f"{self._label()} is JuTrack's {self.type}, which the julia engine alone tracks: take "
            'engine="julia", or an element of pyjutrack in its place'
        )


def _freeze(name: str, value: Any) -> Any:
    """A field as nothing changes it: a text, a number, or a tuple of numbers or of such tuples."""
    if isinstance(value, (str, Tensor)) and not (isinstance(value, Tensor) and value.dim()):
        return value
    if isinstance(value, Tensor):
        return tuple(_freeze(name, v) for v in value.unbind(0))
    if isinstance(value, (list, tuple, np.ndarray)):
        entries = tuple(_freeze(name, v) for v in value)
        whole = all(isinstance(v, int) for v in entries)
        mixed = not whole and not any(isinstance(v, (str, tuple)) for v in entries)
        return tuple(float(v) if isinstance(v, int) else v for v in entries) if mixed else entries
    if is_whole(value):
        return int(value)
    if is_real(value):
        return float(value)
    raise InvalidValueError(
        f"{name} must be a number, a text or numbers, got {format_value(value)}"
    )

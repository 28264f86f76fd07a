"""What stands in a machine for elements that the package does not model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ..beam.reference import Reference
from ..core.checks import format_value
from ..core.errors import InvalidValueError
from ..core.frozen import FrozenDict
from ..core.scalars import Number, is_real, is_whole, is_zero
from ..maps.state import State
from .base import Element
from .drift import Drift
from .glyph import Glyph, box
from .marker import Marker
from .modelled import require_modelled
from .part import Part

#: how deep settings may be nested
_DEPTH = 20


class Settings(FrozenDict[str, Any]):
    """Plain data by name, frozen: numbers, texts, true, false, none, and sequences of these."""

    def __hash__(self) -> int:
        return hash(frozenset(self.items()))


@dataclass(frozen=True, repr=False)
class Placeholder(Element):
    """An element that the package does not model, at its place in the machine.

    It has a length, is drawn, and comes back from files; to track it or to ask for optics raises
    an error that names it. Replace it by a model of yours, or take `Lattice.skip_placeholders`.

    Attributes:
        length: [m].
        stands_for: the kind of element in the file that it is from, such as "beambeam".
        settings: what the file says of it, plain data by name; kept, and not used.

    Example:
        >>> wire = Placeholder(0.5, stands_for="wire", settings={"current": 120.0}, name="w1")
        >>> Lattice([Drift(1.0), wire]).skip_placeholders()
    """

    length: Number = 0.0
    stands_for: str = field(default="", kw_only=True)
    settings: Mapping[str, Any] = field(default=Settings(), kw_only=True)
    knobs: ClassVar[tuple[str, ...]] = ("length",)
    may_step_back: ClassVar[bool] = True
    is_modelled: ClassVar[bool] = False
    glyph: ClassVar[Glyph] = Glyph("not modelled", "#d9a0a0", box(-0.5, 0.5))

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.stands_for, str):
            raise InvalidValueError(
                f"{self._label()}: stands_for must be a string, got {format_value(self.stands_for)}"
            )
        if not isinstance(self.settings, Mapping):
            raise InvalidValueError(
                f"{self._label()}: settings must be a dictionary, got {format_value(self.settings)}"
            )
        object.__setattr__(self, "settings", self._freeze(self.settings, "settings", _DEPTH))

    @property
    def represents(self) -> str:
        return self.stands_for

    def skipped(self) -> Element:
        if is_zero(self.length):
            return Marker(name=self.name)
        return Drift(self.length, name=self.name)

    def transport(self, state: State, reference: Reference, part: Part) -> State:
        require_modelled([self])
        return state

    def _freeze(self, value: Any, name: str, depth: int) -> Any:
        """Plain data that nothing changes.

        Raises:
            InvalidValueError: something else, a number that is not finite, or too deep.
        """
        if depth and isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
            return Settings(
                {k: self._freeze(v, f"{name}[{k!r}]", depth - 1) for k, v in value.items()}
            )
        if depth and isinstance(value, (list, tuple)):
            return tuple(self._freeze(v, f"{name}[{i}]", depth - 1) for i, v in enumerate(value))
        if value is None or isinstance(value, (bool, str)):
            return value
        if is_whole(value):
            return int(value)
        if is_real(value) and math.isfinite(value):
            return float(value)
        raise InvalidValueError(
            f"{self._label()}: {name} must be plain data (numbers, texts, lists and dictionaries "
            f"of them, nested less than {_DEPTH} deep), got {format_value(value)}"
        )

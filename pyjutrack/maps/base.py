"""All that is known of a map, in one record; tables and kernels are derived from these."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

from ..core.errors import InvalidValueError, require_known
from ..core.registry import refuse_taken
from .checks import refuse_bare, require_fit, require_function

__all__ = ["Map", "map"]

#: in the order of a map's arguments
COORDINATES = ("x", "px", "y", "py", "z", "delta")
Parameters = tuple[Any, ...]


def negate_strength(strength: Any, *rest: Any) -> Parameters:
    """Parameters with the opposite first one, by which many kicks are undone."""
    return -strength, *rest


#: every map by name
MAPS: dict[str, Map] = {}


@dataclass(frozen=True, eq=False, repr=False)
class Map:
    """A map of a particle: a pure function, and what is known of it.

    Attributes:
        function: (x, px, y, py, z, delta, *parameters) -> six coordinates, by arithmetic and the
            functions of `core.special` alone, without a branch on values, so that tensors, dual
            numbers and the tracer that writes kernels go through the same source. Of an opening
            (x, y, *parameters) -> whether the particle passes.
        inverse: parameters -> those with which the map undoes itself; None where it has none.
        kick: adds to momenta what depends on positions alone.
        constants: parameters by which kernels take no derivative.
        array_kernels: whether kernels of its first derivatives by all parameters are written.
        undo: gives coordinates before it from those after it and the same parameters, where no
            parameters do so; on plain tensors, and checked by the map itself.
        opening: loses particles and moves none.
        noisy: takes no z, but in its place a normal number of each particle, drawn from the
            `kernels.noise.Stream` that follows its parameters where it is applied; has
            `array_kernels`.
        shapes: of parameters that are vectors or matrices.
        written: module with kernels written by hand, where the tracer cannot write them.
        numbers: parameters -> the numbers that kernels read, where these are not they in a row.
        traceable: whether there are kernels at all.
    """

    function: Callable[..., Any]
    inverse: Callable[..., Parameters] | None = None
    kick: bool = False
    constants: tuple[str, ...] = ()
    array_kernels: bool = False
    undo: Callable[..., Any] | None = None
    opening: bool = False
    noisy: bool = False
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    written: str = ""
    numbers: Callable[..., list[float]] | None = None
    traceable: bool = True

    def __call__(self, *args: Any) -> Any:
        return self.function(*args)

    def __repr__(self) -> str:
        return f"Map({self.name})"

    def __reduce__(self) -> str | tuple[Any, ...]:
        return find_map, (self.name,)

    @property
    def name(self) -> str:
        return self.function.__name__

    @property
    def is_undone(self) -> bool:
        """Return whether particles before it can be found from those after it."""
        return bool(self.inverse or self.undo) or self.opening

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Names of what it takes beside coordinates."""
        taken = inspect.signature(self.function).parameters
        return tuple(name for name in taken if name not in COORDINATES)


#: what may be said of a map
_SAID = [part.name for part in fields(Map)[1:]]


def map(*bare: Any, **known: Any) -> Callable[[Callable[..., Any]], Map]:
    """Register a map by what is known of it, see `Map`; a decorator.

    Args:
        bare: none; what stands there shows that the brackets are missing.
        known: attributes of `Map` by name.

    Example:
        >>> @map(inverse=lambda strength: (-strength,), kick=True)
        ... def cubic_kick(x, px, y, py, z, delta, strength):
        ...     return x, px - strength * x * x * x, y, py, z, delta

    Raises:
        InvalidValueError: the decorator stands without brackets; what it decorates is no function
            by `def`; another function has its name; its first arguments are not named as the
            coordinates are, by which parameters are told from them; what is said of it is not of
            its function.
        UnknownNameError: a keyword that is no attribute of `Map`.
    """
    refuse_bare(bare)
    for name in known:
        require_known("keyword of @map", name, _SAID)

    def register(function: Callable[..., Any]) -> Map:
        require_function(function)
        made = Map(function, **known)
        _require_coordinates(made)
        require_fit(made)
        former = MAPS.get(made.name)
        refuse_taken("map", made.name, function, former and former.function)
        MAPS[made.name] = made
        return made

    return register


def _require_coordinates(map: Map) -> None:
    expected = COORDINATES[:4:2] if map.opening else COORDINATES
    found = tuple(inspect.signature(map.function).parameters)[: len(expected)]
    if found != expected:
        raise InvalidValueError(
            f"a map takes {', '.join(expected)}, by these names, and its parameters after them; "
            f"{map.name} begins with {', '.join(found) or 'nothing'}"
        )


def find_map(name: str) -> Map:
    """The map of a name; UnknownNameError if there is none."""
    require_known("map", name, MAPS)
    return MAPS[name]


def reverse_length(length: Any, *rest: Any) -> Parameters:
    """Parameters for the same map with the length reversed."""
    return (-length, *rest)


def negate(*strengths: Any) -> Parameters:
    """Parameters of the opposite kick."""
    return tuple(-s for s in strengths)

"""What `transport` of an element hands back, before anything is tracked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from ..beam.reference import Reference
from ..elements import Element
from ..elements.part import WHOLE
from ..elements.placement import advance
from ..maps.base import COORDINATES, Map
from ..maps.codegen.traced import trace_map
from ..maps.state import State
from .comparison import CheckFailedError, require_true


class _Watched(State):
    """Particles that look at what each map makes of them."""

    def apply(self, map: Map | Callable[..., Any], *parameters: Any) -> State:
        if isinstance(map, Map):
            _check_traced(map)
            return _Watched(*super().apply(map, *parameters))

        def watched(*given: Any) -> Any:
            made = map(*given)
            _require_six(getattr(map, "__name__", repr(map)), made)
            return made

        return _Watched(*super().apply(watched, *parameters))


def _require_six(name: str, made: Any) -> None:
    count = len(made) if isinstance(made, (tuple, list)) else None
    gives = f"{count} of them" if count is not None else repr(made)
    require_true(
        f"the map {name} must return six coordinates, {', '.join(COORDINATES)}; it gives {gives}",
        count == len(COORDINATES),
    )


def _check_traced(map: Map) -> None:
    """Check that kernels can be written for a map, if they should be."""
    if map.opening or map.written or not map.traceable:
        return
    try:
        made = trace_map(map).outputs
    except TypeError as error:
        raise CheckFailedError(f"the map {map.name}: {error}") from error
    _require_six(map.name, made)


def check_transport(element: Element, reference: Reference, start: Tensor) -> None:
    """Check that an element moves particles, and hands them back."""
    alive = start.new_ones(len(start)).bool()
    given = _Watched(tuple(start.unbind(-1)), alive)
    end: Any = element.transport(given, reference, WHOLE)
    kind = type(element).__name__
    require_true(
        f"transport of {kind} must return the state, as in `return state.apply(map, ...)`; it "
        f"returns {end!r}",
        isinstance(end, State),
    )
    require_true(
        f"transport of {kind} must return a state of six coordinates, {', '.join(COORDINATES)}; "
        f"it has {len(end.coordinates)}",
        len(end.coordinates) == len(COORDINATES),
    )
    left = advance(element, State(given.coordinates, alive), reference, WHOLE).alive
    require_true(
        f"{kind} loses every particle; give parameters of usual size, or a smaller size=",
        left.any(),
    )

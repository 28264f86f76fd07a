"""What `transport` of an element hands back, before anything is tracked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..beam.reference import Reference
from ..core.checks import format_value
from ..elements import Element
from ..elements.part import WHOLE
from ..elements.placement import advance
from ..maps.base import COORDINATES, Map
from ..maps.codegen.traced import trace_map
from ..maps.state import State
from .comparison import CheckFailedError, require_finite, require_true

#: numbers of the coordinates that a kick leaves
_PLACES = (0, 2, 4)


class _Watched(State):
    """Particles that look at what each map makes of them."""

    def apply(self, map: Map | Callable[..., Any], *parameters: Any) -> State:
        if isinstance(map, Map):
            _check_traced(map)
            _check_kick(map, self.coordinates, parameters)
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


def _with_knobs(element: Element) -> str:
    """Name a kind with the parameters that an element of it has."""
    shown = (f"{name}={format_value(getattr(element, name))}" for name in element.knobs)
    return f"{type(element).__name__}({', '.join(shown)})"


def _check_traced(map: Map) -> None:
    """Check that kernels can be written for a map, if they should be."""
    if map.opening or map.written or not map.traceable:
        return
    try:
        made = trace_map(map).outputs
    except (TypeError, AttributeError) as error:
        raise CheckFailedError(f"the map {map.name}: {error}") from error
    _require_six(map.name, made)


def _check_kick(map: Map, coordinates: Sequence[Tensor], parameters: Sequence[Any]) -> None:
    """Check that a map which says `kick=True` adds to momenta what depends on places alone."""
    if not map.kick:
        return
    other = [c if n in _PLACES else 0.5 * c for n, c in enumerate(coordinates)]
    ends = [map(*start, *parameters) for start in (coordinates, other)]
    changes = [
        [e - c for e, c in zip(end, start, strict=True)]
        for end, start in zip(ends, (coordinates, other), strict=True)
    ]
    told = (
        f"the map {map.name} says kick=True: to add to px, py and delta what depends on x, y and z "
        "alone"
    )
    for n, name in enumerate(COORDINATES):
        one, two = (torch.nan_to_num(change[n].detach()) for change in changes)
        if n in _PLACES:
            require_true(f"{told}; it changes {name}", not one.any())
        else:
            rounding = 1e-12 * coordinates[n].detach().abs().max() + 1e-9 * one.abs().max()
            require_true(
                f"{told}; what it adds to {name} is another for other momenta",
                bool(((one - two).abs() <= rounding).all()),
            )


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
    columns = torch.stack([c.detach() for c in end.coordinates], -1).numpy()
    # some may come to no end, and are lost then
    if element.transmits_all or not np.isfinite(columns).all(1).any():
        require_finite(
            f"transport of {_with_knobs(element)}",
            columns,
            end.alive,
            "write the map without what has no value there, such as 0 / 0 or the root of a "
            "negative number, or give parameters of usual size",
        )
    left = advance(element, State(given.coordinates, alive), reference, WHOLE).alive
    require_true(
        f"{kind} loses every particle; give parameters of usual size, or a smaller size=",
        left.any(),
    )

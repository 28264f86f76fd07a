"""Objectives of `gradient`: functions of the final beam, or of both beams by their names."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from torch import Tensor

from ..beam.beam import Beam
from ..core.checks import require_callable, wrong
from .protocol import Objective

_EXPECTED = "a function of the final beam, or of `final` and `initial` by these names"


def objective_of(function: Callable[..., Tensor]) -> Objective:
    """Return a user's function as one of the final and the initial beam, in this order.

    Parameters named `final` and `initial` get these beams, in whatever order they stand; a single
    one of another name gets the final beam. Parameters with a default keep it.

    Raises:
        InvalidValueError: no function, or one whose parameters do not say which beam they are.
    """
    require_callable("objective", function, _EXPECTED, None)
    try:
        parameters = inspect.signature(function).parameters
    except ValueError:  # written in C, without a signature
        return lambda final, initial: function(final)
    named = {
        name
        for name in ("final", "initial")
        if name in parameters and parameters[name].kind in (_EITHER, inspect.Parameter.KEYWORD_ONLY)
    }
    rest = [
        p
        for p in parameters.values()
        if p.name not in named and p.default is p.empty and p.kind not in _VARIADIC
    ]
    if len(rest) > ("final" not in named) or any(p.kind not in _POSITIONAL for p in rest):
        text = ", ".join(p.name for p in parameters.values())
        raise wrong("objective", function, _EXPECTED, f"it takes ({text}): rename its parameters")
    if not rest and not named:
        name = getattr(function, "__name__", "it")
        remedy = f"it takes no beam; if it makes an objective, call it first: {name}(...)"
        raise wrong("objective", function, _EXPECTED, remedy)

    def objective(final: Beam, initial: Beam) -> Any:
        beams = {"final": final, "initial": initial}
        return function(*[final] * len(rest), **{name: beams[name] for name in named})

    return objective


_EITHER = inspect.Parameter.POSITIONAL_OR_KEYWORD
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, _EITHER)
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)

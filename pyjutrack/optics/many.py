"""Optics of many settings in one pass, some of them at a time."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar, cast

from ..core.errors import InvalidValueError, UnstableError, hold_warnings
from ..core.settings import concatenate, take
from ..lattice.batch import batch_of, choose, each_setting
from ..lattice.lattice import Lattice

P = ParamSpec("P")
R = TypeVar("R")

#: elements of all settings that are passed at once, about; more do not stay in the processor
_AT_ONCE = 40_000
#: after which each is asked
_FAILURES: tuple[type[Exception], ...] = (InvalidValueError, UnstableError)


def in_one_pass(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function of a lattice take many settings at once; a decorator.

    Where it refuses some of them, or fails, it is called for each, as `each_setting` does: that
    answers, or says what is wrong with one of them.
    """
    one_by_one, call_some = each_setting(function), cast(Any, function)

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        lattice = args[0] if args else kwargs.get("lattice")
        batch = batch_of(lattice) if isinstance(lattice, Lattice) else None
        if not batch or not isinstance(lattice, Lattice):
            return one_by_one(*args, **kwargs)  # of an energy each
        size = max(1, _AT_ONCE // max(len(lattice), 1))
        found = []
        try:
            with hold_warnings(*_FAILURES):
                for first in range(0, math.prod(batch), size):
                    of = partial(take, batch=batch, rows=slice(first, first + size))
                    some = choose(lattice, of)
                    given = {} if args else {"lattice": some}
                    found.append(call_some(*[some, *args[1:]][: len(args)], **(kwargs | given)))
        except _FAILURES:
            return one_by_one(*args, **kwargs)
        joined: R = concatenate(found, batch)
        return joined

    return call

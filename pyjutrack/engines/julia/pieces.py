"""Pieces of JuTrack's elements that Julia holds, equal ones once in a process."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from ...core.scalars import to_float
from .pack import plain
from .session import Session
from .twins import Twin

#: pieces that Julia holds at once; those of a ring that varies would be more and more
_MOST = 10_000


def pieces(session: Session, twins: Sequence[Twin]) -> Any:
    """Julia's vector of the pieces of twins; what it holds already is not made again.

    Raises:
        InvalidValueError: Julia found fault with a field.
    """
    held, keys = session.pieces, [_key(twin) for twin in twins]
    if len(held) + len(keys) > _MOST:
        held.clear()
    missing = {key: t for key, t in zip(keys, twins, strict=True) if key not in held}
    if missing:
        made = session.call(
            "pieces",
            # lists, because Julia compiles for the length of a tuple
            [t.kind for t in missing.values()],
            [{k: plain(v) for k, v in t.fields.items()} for t in missing.values()],
            [to_float(t.slip) for t in missing.values()],
            compiles="the elements",
        )
        # a vector of Julia's: what goes through Python one by one compiles for seconds
        session.store = session.main.vcat(session.store, made) if held else made
        held.update((key, n) for n, key in enumerate(missing, start=len(held) + 1))
    places = np.array([held[key] for key in keys], dtype=np.int64)
    return session.main.getindex(session.store, session.main.Vector(places))


def _key(twin: Twin) -> Hashable:
    """The same for twins of the same numbers, whatever derivatives they have."""
    fields = tuple((name, _numbers(value)) for name, value in twin.fields.items())
    return twin.kind, _numbers(twin.slip), fields


def _numbers(value: Any) -> Hashable:
    if isinstance(value, tuple):
        return tuple(map(_numbers, value))
    found: Hashable = value.item() if isinstance(value, Tensor) else value
    return found

"""Signals between threads through memory, given and awaited without the interpreter's lock.

A thread that waits spins for a short while: that catches the next kernel of a loop in a microsecond
where the system would take fifty to wake it. It never spins longer than it is told.
"""

from __future__ import annotations

from typing import Any

from numba.core import types
from numba.extending import intrinsic

from .jit import signal


def _address(context: Any, builder: Any, kind: Any, args: Any) -> Any:
    return builder.gep(context.make_array(kind)(context, builder, args[0]).data, [args[1]])


@intrinsic
def _peek(_, array, at):
    def generate(context, builder, signature, args):
        address = _address(context, builder, signature.args[0], args)
        return builder.load_atomic(address, "acquire", 8)

    return types.int64(array, at), generate


@intrinsic
def _poke(_, array, at, value):
    def generate(context, builder, signature, args):
        address = _address(context, builder, signature.args[0], args)
        builder.store_atomic(args[2], address, "release", 8)
        return context.get_dummy_value()

    return types.none(array, at, value), generate


@signal
def give(flags, at, value):
    """Set a flag."""
    _poke(flags, at, value)


@signal
def wait(flags, at, value, spins, after):
    """Spin until a flag has reached a value; False if it takes longer than `spins` looks.

    Then `after` looks more: whoever gave the signal may still hold the interpreter's lock.
    """
    for _ in range(spins):
        if _peek(flags, at) >= value:
            for _ in range(after):
                _peek(flags, at)
            return True
    return False


@signal
def give_and_wait(flags, given, value, at, awaited, spins, after):
    """Set a flag, and then `wait` for another, the interpreter's lock being free all the while."""
    _poke(flags, given, value)
    return wait(flags, at, awaited, spins, after)

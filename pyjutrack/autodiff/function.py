"""Functions of autograd that cost no look at their signature at each call."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, NamedTuple

from torch.autograd import Function

from ..core.errors import InvalidValueError


class _Bound(NamedTuple):
    """Arguments as PyTorch asks for them: bound to a signature, with its defaults."""

    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    def apply_defaults(self) -> None:
        """Apply none: there are none."""


class _AsGiven(inspect.Signature):
    """Signature of what takes its arguments by their places, and has no defaults."""

    def bind(self, /, *args: Any, **kwargs: Any) -> Any:
        return _Bound(args, kwargs)


class PositionalFunction(Function):
    """A function of autograd whose `forward` takes its arguments by their places.

    `Function.apply` reads the signature of a `forward` without `ctx` anew each time, and binds what
    it is given to it, which takes as long as the kernel of an element for some hundred particles.

    Raises:
        InvalidValueError: the `forward` of a class is no staticmethod.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        forward = vars(cls).get("forward")
        if forward is None:
            return
        if not isinstance(forward, staticmethod):
            raise InvalidValueError(
                f"{cls.__name__}.forward must be a staticmethod, got a {type(forward).__name__}; "
                "write @staticmethod in the line above it"
            )
        forward.__func__.__signature__ = _AsGiven()  # type: ignore[attr-defined]

"""Limits of PyTorch's own transforms, `torch.compile` and `torch.func`, on public calls.

`torch.compile` cannot look into compiled kernels, nor into NumPy, whose calls it would replace by
its own: the public calls are left as they are. Derivatives of `torch.func` go through tracking;
calls that look at numbers on their way, or return them as NumPy arrays, cannot be under them.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from types import CodeType
from typing import Any, ParamSpec, TypeVar

import torch

from .errors import InvalidValueError
from .scalars import is_transformed
from .tensors import tensors_in

P = ParamSpec("P")
R = TypeVar("R")


def disable_compile(function: Callable[P, R]) -> Callable[P, R]:
    """Let `torch.compile` call a function as it is, with all that it calls; a decorator.

    As `torch.compiler.disable`, which imports the compiler, for seconds.
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        return function(*args, **kwargs)

    marked: Any = call
    marked._torchdynamo_disable = marked._torchdynamo_disable_recursive = True
    marked._torchdynamo_disable_msg = "pyjutrack has compiled kernels of its own"
    _leave(marked.__code__)
    return call


def _leave(code: CodeType) -> None:
    """Keep the compiler out of the frames of some code, and of all that these call."""
    # private, as its tensors' attributes are; without it the compiler complains, of what it meets
    with suppress(Exception):  # of whatever another version of PyTorch has there
        frames: Any = torch._C._dynamo.eval_frame
        skip = frames._FrameAction.SKIP
        frames.set_code_exec_strategy(code, frames._FrameExecStrategy(skip, skip))


def numeric(function: Callable[P, R]) -> Callable[P, R]:
    """Refuse `torch.func` in a function that looks at numbers or returns arrays; a decorator.

    The function raises InvalidValueError for tensors of such a transform among its arguments.
    """

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        running = torch._C._functorch.peek_interpreter_stack() is not None
        if running and any(map(is_transformed, tensors_in((args, kwargs)))):
            raise InvalidValueError(
                f"{function.__name__} looks at numbers, which a transform of torch.func (grad, "
                "jacrev, jvp, vmap, ...) does not show. Call it without one: derivatives by knobs "
                "come from gradient, jacobian_derivatives and optics_gradient, and backward() goes "
                "through tables of optics. torch.func goes through track and the moments of its "
                "beam"
            )
        return function(*args, **kwargs)

    return disable_compile(checked)

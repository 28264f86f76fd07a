"""Derivatives of compiled functions by their twins in plain PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from .function import PositionalFunction


class Differentiated(PositionalFunction):
    """A compiled forward whose own derivatives come from `differentiable`, its plain twin."""

    differentiable: Callable[..., Any]

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.set_materialize_grads(False)
        ctx.outputs = shapes_of(output)
        ctx.places = [i for i, a in enumerate(inputs) if isinstance(a, Tensor)]
        ctx.other = [None if isinstance(a, Tensor) else a for a in inputs]
        ctx.save_for_backward(*(inputs[i] for i in ctx.places))
        ctx.save_for_forward(*(inputs[i] for i in ctx.places))

    @classmethod
    def _args(cls, ctx: Any) -> list[Any]:
        args = list(ctx.other)
        for i, t in zip(ctx.places, ctx.saved_tensors, strict=True):
            args[i] = t
        return args

    @classmethod
    def _push(cls, ctx: Any, *tangents: Tensor | None) -> Any:
        return push(cls.differentiable, cls._args(ctx), tangents)

    @classmethod
    def _pull(cls, ctx: Any, *gradients: Tensor | None) -> Any:
        args = cls._args(ctx)
        active = [i for i in ctx.places if args[i].is_floating_point()]
        found = pull(cls.differentiable, args, active, fill_zeros(gradients, ctx.outputs))
        back: list[Any] = [None] * len(args)
        for i, g in zip(active, found, strict=True):
            back[i] = g
        return tuple(back)

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.jvp = staticmethod(lambda ctx, *t: cls._push(ctx, *t))  # type: ignore[method-assign]
        cls.backward = staticmethod(lambda ctx, *g: cls._pull(ctx, *g))  # type: ignore[method-assign]


def shapes_of(outputs: tuple[Tensor, ...]) -> list[Any]:
    return [(o.shape, o.dtype) for o in outputs]


def fill_zeros(gradients: Sequence[Tensor | None], forms: list[Any]) -> tuple[Tensor, ...]:
    """Fill in zeros for gradients that are None."""
    return tuple(
        torch.zeros(shape, dtype=dtype) if g is None else g
        for g, (shape, dtype) in zip(gradients, forms, strict=True)
    )


def pull(
    function: Callable[..., Any],
    args: Sequence[Any],
    active: Sequence[int],
    gradients: tuple[Tensor, ...],
) -> tuple[Tensor, ...]:
    """Pull gradients of a function's outputs back to its active arguments."""
    _, pull = _vjp(_restrict(function, args, active), *(args[i] for i in active))
    pulled: tuple[Tensor, ...] = pull(tuple(gradients))
    return pulled


def push(
    function: Callable[..., Any], args: Sequence[Any], tangents: Sequence[Tensor | None]
) -> tuple[Tensor, ...]:
    """Push tangents (None for zero) of a function's arguments forward, by two reverse passes.

    The pull-back is linear in its argument, and its own transpose is the push-forward. Unlike
    `torch.func.jvp` it may stand inside `torch.autograd.forward_ad`, which cannot nest.
    """
    active = [i for i, t in enumerate(tangents) if t is not None]
    outputs, pull = _vjp(_restrict(function, args, active), *(args[i] for i in active))
    _, push = _vjp(lambda *u: pull(u), *(torch.zeros_like(o) for o in outputs))
    pushed: tuple[Tensor, ...] = push(tuple(tangents[i] for i in active))
    return pushed


def _vjp(function: Callable[..., Any], *primals: Tensor) -> tuple[Any, Any]:
    """`torch.func.vjp`, which has three results only with has_aux."""
    result: Any = torch.func.vjp(function, *primals)
    return result[0], result[1]


def _restrict(
    function: Callable[..., Any], args: Sequence[Any], active: Sequence[int]
) -> Callable[..., Any]:
    """Restrict a function of all arguments to the active ones."""

    def restricted(*values: Tensor) -> Any:
        full = list(args)
        for i, v in zip(active, values, strict=True):
            full[i] = v
        return function(*full)

    return restricted


def loop(function: type[Function], info: Any, in_dims: Any, args: Sequence[Any]) -> Any:
    """Map by one call per member, and stack the results: a vmap rule of last resort."""
    rows = []
    for k in range(info.batch_size):
        # for arguments that are no tensors, a dim is None or a nest of them
        one = [
            a.select(d, k) if isinstance(a, Tensor) and d is not None else a
            for a, d in zip(args, in_dims, strict=True)
        ]
        rows.append(function.apply(*one))
    outs = tuple(torch.stack(column) for column in zip(*rows, strict=True))
    return outs, tuple(0 for _ in outs)

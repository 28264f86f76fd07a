"""An operator with compiled first derivatives, closed under every PyTorch transform.

`compiled_operator` joins a plain PyTorch function with three compiled kernels: its value, its
tangent (many directions in one pass) and its cotangent. The kernels serve all first derivatives;
higher ones differentiate the plain twin, so they need no kernels of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd import Function

from ..pushforward import Pushed, common, value_of

Tensors = tuple[Tensor, ...]
Maybe = Sequence[Tensor | None]


class Kernels(Protocol):
    """What an operator is made of.

    `static` holds the non-tensor arguments. Some inputs may be boolean masks; those never carry
    derivatives. A tangent that is None is zero.
    """

    @property
    def ranks(self) -> tuple[int, ...]:
        """Dimensions of the inputs that the kernels take."""
        ...

    def plain(self, static: Any, *inputs: Tensor) -> Tensors:
        """The same operator in plain PyTorch: differentiable to any order, on any device."""
        ...

    def value(self, static: Any, inputs: Tensors) -> Tensors: ...

    def tangent(self, static: Any, inputs: Tensors, tangents: Maybe, count: int) -> Tensors:
        """`count` directions at once: tangents and results have a leading axis of that length."""
        ...

    def cotangent(self, static: Any, inputs: Tensors, gradients: Tensors) -> Tensors:
        """Gradients with respect to the floating-point inputs, in their order."""
        ...


def compiled_operator(kernels: Kernels) -> Callable[..., Tensors]:
    """The operator as a function `(static, *inputs) -> tuple of tensors`.

    CPU tensors of the kernels' ranks take the kernels, everything else (CUDA, batches of beams)
    the plain twin.
    """
    value = _value_function(kernels)
    ranks = tuple(kernels.ranks)

    def apply(static: Any, *inputs: Tensor) -> Tensors:
        if inputs[0].device.type != "cpu" or tuple(t.dim() for t in inputs) != ranks:
            return kernels.plain(static, *inputs)
        directions, tangents = common(inputs)
        if directions:
            values = tuple(value_of(t) for t in inputs)
            outs = kernels.tangent(static, values, tangents, len(directions))
            return tuple(
                Pushed.make(value, tangent, directions)
                for value, tangent in zip(kernels.value(static, values), outs, strict=True)
            )
        result: Tensors = value.apply(static, *inputs)
        return result

    return apply


def array(tensor: Tensor) -> Any:
    """A tensor as the kernels want it: a contiguous NumPy array."""
    return tensor.detach().contiguous().numpy()


def tensors(arrays: Any) -> Tensors:
    """What kernels made, one tensor a row: PyTorch forbids views as outputs of a function."""
    return tuple(torch.from_numpy(a) for a in arrays)


def _value_function(kernels: Kernels) -> type[Function]:
    tangent = _tangent_function(kernels)
    cotangent = _cotangent_function(kernels)

    class Value(Function):
        @staticmethod
        def forward(static: Any, *inputs: Tensor) -> Tensors:
            return kernels.value(static, inputs)

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.set_materialize_grads(False)
            ctx.static, ctx.outputs = inputs[0], [(o.shape, o.dtype) for o in output]
            ctx.save_for_backward(*inputs[1:])
            ctx.save_for_forward(*inputs[1:])

        @staticmethod
        def jvp(ctx: Any, _: None, *tangents: Tensor | None) -> Any:
            inputs = ctx.saved_tensors
            return tangent.apply(ctx.static, len(inputs), *inputs, *tangents)

        @staticmethod
        def backward(ctx: Any, *gradients: Tensor | None) -> Any:
            inputs = ctx.saved_tensors
            filled = [
                torch.zeros(shape, dtype=dtype) if g is None else g
                for g, (shape, dtype) in zip(gradients, ctx.outputs, strict=True)
            ]
            found = iter(cotangent.apply(ctx.static, len(inputs), *inputs, *filled))
            return None, *(next(found) if t.is_floating_point() else None for t in inputs)

        @staticmethod
        def vmap(info: Any, in_dims: Any, static: Any, *inputs: Tensor) -> Any:
            return _loop(Value, info, in_dims, (static, *inputs))

    return Value


def _tangent_function(kernels: Kernels) -> type[Function]:
    """(static, n, *n inputs, *n tangents) -> output tangents; vmap over tangents is one pass."""

    def plain(static: Any, n: int, *both: Any) -> Any:
        inputs, tangents = both[:n], both[n:]
        active = [i for i, t in enumerate(tangents) if t is not None]
        function = _of_some(lambda full: kernels.plain(static, *full), inputs, active)
        return _push(function, [inputs[i] for i in active], [tangents[i] for i in active])

    def plain_batch(static: Any, n: int, count: int, *both: Any) -> Any:
        dims = [None] * n + [None if t is None else 0 for t in both[n:]]
        return torch.func.vmap(
            lambda *args: plain(static, n, *args), in_dims=tuple(dims), randomness="error"
        )(*both)

    class Batch(_Differentiated):
        differentiable = staticmethod(plain_batch)

        @staticmethod
        def forward(static: Any, n: int, count: int, *both: Any) -> Tensors:
            return kernels.tangent(static, both[:n], both[n:], count)

        @staticmethod
        def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
            return _loop(Batch, info, in_dims, args)

    class Single(_Differentiated):
        differentiable = staticmethod(plain)

        @staticmethod
        def forward(static: Any, n: int, *both: Any) -> Tensors:
            lifted = [None if t is None else t.unsqueeze(0) for t in both[n:]]
            outs = kernels.tangent(static, both[:n], lifted, 1)
            return tuple(o.squeeze(0) for o in outs)

        @staticmethod
        def vmap(info: Any, in_dims: Any, static: Any, n: int, *both: Any) -> Any:
            dims = in_dims[2:]
            if any(d is not None for d in dims[:n]):
                return _loop(Single, info, in_dims, (static, n, *both))
            count = info.batch_size
            lifted = [
                None
                if t is None
                else t.unsqueeze(0).expand(count, *t.shape)
                if d is None
                else t.movedim(d, 0)
                for t, d in zip(both[n:], dims[n:], strict=True)
            ]
            outs = Batch.apply(static, n, count, *both[:n], *lifted)
            return outs, tuple(0 for _ in outs)

    return Single


def _cotangent_function(kernels: Kernels) -> type[Function]:
    """(static, n, *n inputs, *gradients) -> gradients of the floating-point inputs."""

    def plain(static: Any, n: int, *both: Any) -> Any:
        inputs = both[:n]
        active = [i for i, t in enumerate(inputs) if t.is_floating_point()]
        function = _of_some(lambda full: kernels.plain(static, *full), inputs, active)
        _, pull = _vjp(function, *(inputs[i] for i in active))
        return pull(tuple(both[n:]))

    class Cotangent(_Differentiated):
        differentiable = staticmethod(plain)

        @staticmethod
        def forward(static: Any, n: int, *both: Tensor) -> Tensors:
            return kernels.cotangent(static, both[:n], both[n:])

        @staticmethod
        def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
            return _loop(Cotangent, info, in_dims, args)

    return Cotangent


class _Differentiated(Function):
    """A compiled forward whose own derivatives come from `differentiable`, its plain twin."""

    differentiable: Callable[..., Any]

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.set_materialize_grads(False)
        ctx.shape = [(o.shape, o.dtype) for o in output]
        ctx.tensors = [i for i, a in enumerate(inputs) if isinstance(a, Tensor)]
        ctx.other = [None if isinstance(a, Tensor) else a for a in inputs]
        tensors = [inputs[i] for i in ctx.tensors]
        ctx.save_for_backward(*tensors)
        ctx.save_for_forward(*tensors)

    @classmethod
    def _args(cls, ctx: Any) -> tuple[list[Any], list[int]]:
        args = list(ctx.other)
        for i, t in zip(ctx.tensors, ctx.saved_tensors, strict=True):
            args[i] = t
        return args, [i for i in ctx.tensors if args[i].is_floating_point()]

    @classmethod
    def _function(cls, args: list[Any], active: list[int]) -> Callable[..., Any]:
        return _of_some(lambda full: cls.differentiable(*full), args, active)

    @classmethod
    def _pushed(cls, ctx: Any, *tangents: Tensor | None) -> Any:
        args, _ = cls._args(ctx)
        active = [i for i, t in enumerate(tangents) if t is not None]
        function = cls._function(args, active)
        return _push(function, [args[i] for i in active], [tangents[i] for i in active])

    @classmethod
    def _pulled(cls, ctx: Any, *gradients: Tensor | None) -> Any:
        args, active = cls._args(ctx)
        filled = tuple(
            torch.zeros(shape, dtype=dtype) if g is None else g
            for g, (shape, dtype) in zip(gradients, ctx.shape, strict=True)
        )
        _, pull = _vjp(cls._function(args, active), *(args[i] for i in active))
        back: list[Any] = [None] * len(args)
        for i, g in zip(active, pull(filled), strict=True):
            back[i] = g
        return tuple(back)

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.jvp = staticmethod(lambda ctx, *t: cls._pushed(ctx, *t))  # type: ignore[method-assign]
        cls.backward = staticmethod(lambda ctx, *g: cls._pulled(ctx, *g))  # type: ignore[method-assign]


def _vjp(function: Callable[..., Any], *primals: Tensor) -> tuple[Any, Any]:
    """`torch.func.vjp`, which has three results only with has_aux."""
    result: Any = torch.func.vjp(function, *primals)
    return result[0], result[1]


def _push(function: Callable[..., Tensors], primals: list[Tensor], tangents: list[Any]) -> Tensors:
    """A Jacobian-vector product by two reverse passes.

    The pull-back is linear in its argument, and its own transpose is the push-forward. Unlike
    `torch.func.jvp` it may stand inside `torch.autograd.forward_ad`, which cannot nest.
    """
    outputs, pull = _vjp(function, *primals)
    _, push = _vjp(lambda *u: pull(u), *(torch.zeros_like(o) for o in outputs))
    pushed: Tensors = push(tuple(tangents))
    return pushed


def _of_some(
    function: Callable[[list[Any]], Any], args: Sequence[Any], active: Sequence[int]
) -> Callable[..., Any]:
    """`function` of all arguments as a function of the active ones."""

    def of_active(*values: Tensor) -> Any:
        full = list(args)
        for i, v in zip(active, values, strict=True):
            full[i] = v
        return function(full)

    return of_active


def _loop(function: type[Function], info: Any, in_dims: Any, args: Sequence[Any]) -> Any:
    """A vmap rule that has no better way: one call per member, results stacked."""
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

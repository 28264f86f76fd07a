"""An operator with compiled first derivatives, closed under every PyTorch transform.

`compiled_operator` joins a plain PyTorch function with three compiled kernels: its value, the same
with tangents (many directions in one pass), and its cotangent. The kernels serve all first
derivatives; higher ones differentiate the plain twin, so they need no kernels of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function, forward_ad

from . import twins
from .dual import Pushed, collect_tangents, value_of
from .function import PositionalFunction

Tensors = tuple[Tensor, ...]
Maybe = Sequence[Tensor | None]


class Kernels(Protocol):
    """The kernels of an operator.

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

    def push(
        self, static: Any, inputs: Tensors, tangents: Maybe, count: int
    ) -> tuple[Tensors, Tensors]:
        """The value, and `count` tangents at once on a leading axis, as the given ones are."""
        ...

    def cotangent(self, static: Any, inputs: Tensors, gradients: Tensors) -> Tensors:
        """Gradients with respect to the floating-point inputs, in their order."""
        ...


def compiled_operator(kernels: Kernels) -> Callable[..., Tensors]:
    """The operator as a function `(static, *inputs) -> tuple of tensors`.

    CPU tensors of the kernels' ranks take the kernels, everything else (CUDA, batches of beams,
    graphs) the plain twin.
    """
    value = _value_function(kernels)
    ranks = tuple(kernels.ranks)

    def apply(static: Any, *inputs: Tensor) -> Tensors:
        if inputs[0].device.type != "cpu" or tuple(t.dim() for t in inputs) != ranks:
            return kernels.plain(static, *inputs)
        if _is_plain(inputs):  # spares PyTorch's bookkeeping, and ours
            return kernels.value(static, inputs)
        if any(getattr(t, "unseen", False) for t in inputs):  # without numbers, as in a graph
            return kernels.plain(static, *inputs)
        directions, tangents = collect_tangents(inputs)
        if directions:
            values = tuple(value_of(t) for t in inputs)
            outs = zip(*kernels.push(static, values, tangents, len(directions)), strict=True)
            return tuple(Pushed.make(value, tangent, directions) for value, tangent in outs)
        result: Tensors = value.apply(static, *inputs)
        return result

    return apply


def _is_plain(inputs: Tensors) -> bool:
    """Return whether no derivative of any kind can be asked for here."""
    if forward_ad._current_level >= 0 or torch._C._functorch.peek_interpreter_stack() is not None:
        return False
    asked = torch.is_grad_enabled()  # not in a backward pass that is not differentiated itself
    return all(type(t) is Tensor and not (asked and t.requires_grad) for t in inputs)


def array(tensor: Tensor) -> Any:
    """A tensor as the kernels want it: a contiguous NumPy array."""
    plain = tensor.detach() if tensor.requires_grad else tensor
    return plain.contiguous().numpy()


def copy_tangents(tangent: Tensor | None, count: int, like: Tensor) -> Any:
    """Copy tangents into an array that may be changed in place; zeros for None."""
    if tangent is None:
        return np.zeros((count, *like.shape), array(like).dtype)
    return tangent.detach().clone(memory_format=torch.contiguous_format).numpy()


def tensors(arrays: Any) -> Tensors:
    """Turn results of kernels into tensors, one a row: PyTorch forbids views as outputs."""
    return tuple(torch.from_numpy(a) for a in arrays)


def _value_function(kernels: Kernels) -> type[Function]:
    tangent = _tangent_function(kernels)
    cotangent = _cotangent_function(kernels)

    class Value(PositionalFunction):
        @staticmethod
        def forward(static: Any, *inputs: Tensor) -> Tensors:
            return kernels.value(static, inputs)

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.set_materialize_grads(False)
            ctx.static, ctx.outputs = inputs[0], twins.shapes_of(output)
            ctx.save_for_backward(*inputs[1:])
            ctx.save_for_forward(*inputs[1:])

        @staticmethod
        def jvp(ctx: Any, _: None, *tangents: Tensor | None) -> Any:
            inputs = ctx.saved_tensors
            return tangent.apply(ctx.static, len(inputs), *inputs, *tangents)

        @staticmethod
        def backward(ctx: Any, *gradients: Tensor | None) -> Any:
            inputs = ctx.saved_tensors
            filled = twins.fill_zeros(gradients, ctx.outputs)
            if _is_plain((*inputs, *filled)):
                found = iter(kernels.cotangent(ctx.static, inputs, filled))
            else:
                found = iter(cotangent.apply(ctx.static, len(inputs), *inputs, *filled))
            return None, *(next(found) if t.is_floating_point() else None for t in inputs)

        @staticmethod
        def vmap(info: Any, in_dims: Any, static: Any, *inputs: Tensor) -> Any:
            return twins.loop(Value, info, in_dims, (static, *inputs))

    return Value


def _tangent_function(kernels: Kernels) -> type[Function]:
    """(static, n, *n inputs, *n tangents) -> output tangents; vmap over tangents is one pass."""

    def plain(static: Any, n: int, *both: Any) -> Any:
        return twins.push(lambda *full: kernels.plain(static, *full), both[:n], both[n:])

    def plain_batch(static: Any, n: int, count: int, *both: Any) -> Any:
        dims = [None] * n + [None if t is None else 0 for t in both[n:]]
        return torch.func.vmap(
            lambda *args: plain(static, n, *args), in_dims=tuple(dims), randomness="error"
        )(*both)

    class Batch(twins.Differentiated):
        differentiable = staticmethod(plain_batch)

        @staticmethod
        def forward(static: Any, n: int, count: int, *both: Any) -> Tensors:
            return kernels.push(static, both[:n], both[n:], count)[1]

        @staticmethod
        def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
            return twins.loop(Batch, info, in_dims, args)

    class Single(twins.Differentiated):
        differentiable = staticmethod(plain)

        @staticmethod
        def forward(static: Any, n: int, *both: Any) -> Tensors:
            lifted = [None if t is None else t.unsqueeze(0) for t in both[n:]]
            _, outs = kernels.push(static, both[:n], lifted, 1)
            return tuple(o.squeeze(0) for o in outs)

        @staticmethod
        def vmap(info: Any, in_dims: Any, static: Any, n: int, *both: Any) -> Any:
            dims = in_dims[2:]
            if any(d is not None for d in dims[:n]):
                return twins.loop(Single, info, in_dims, (static, n, *both))
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
        active = [i for i, t in enumerate(both[:n]) if t.is_floating_point()]
        return twins.pull(lambda *full: kernels.plain(static, *full), both[:n], active, both[n:])

    class Cotangent(twins.Differentiated):
        differentiable = staticmethod(plain)

        @staticmethod
        def forward(static: Any, n: int, *both: Tensor) -> Tensors:
            return kernels.cotangent(static, both[:n], both[n:])

        @staticmethod
        def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
            return twins.loop(Cotangent, info, in_dims, args)

    return Cotangent

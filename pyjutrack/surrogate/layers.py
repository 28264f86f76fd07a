"""The layers of which networks are made: data, with one rule of evaluation each.

Each also says what stands for it in ONNX and NNlib; see `layer_base.Layer`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from .layer_base import Layer, Operator, Weights, register_layer

#: key under which a Gaussian kernel in an ONNX file states its rms
SIGMA = "pyjutrack.sigma"


@dataclass(frozen=True)
class _Weighted(Layer):
    """Common to the convolutions.

    Attributes:
        weight: name of the kernel; layers may share one.
        bias: name of the offsets (channels out,), or None.
        stride, padding: the same along x and y; the padding is with zeros.
    """

    weight: str = ""
    bias: str | None = None
    stride: int = 1
    padding: int = 0

    @property
    def linear(self) -> bool:  # type: ignore[override]
        return self.bias is None

    def weights(self) -> tuple[str, ...]:
        return (self.weight,) if self.bias is None else (self.weight, self.bias)

    def _offset(self, weights: Weights) -> Tensor | None:
        return None if self.bias is None else weights[self.bias]

    def _window(self) -> dict[str, tuple[int, ...]]:
        """Strides and pads as attributes of ONNX."""
        return {"strides": (self.stride,) * 2, "pads": (self.padding,) * 4}


@register_layer
@dataclass(frozen=True)
class Convolution(_Weighted):
    """Cross-correlation with a kernel (channels out, channels in, kx, ky)."""

    def __call__(self, weights: Weights, *values: Tensor) -> Tensor:
        kernel = weights[self.weight]
        return functional.conv2d(
            values[0], kernel, self._offset(weights), self.stride, self.padding
        )

    def operators(self, channels: int) -> Sequence[Operator]:
        return [Operator("Conv", self._window())]

    def kernels(self) -> dict[str, Tensor]:
        return {}


@register_layer
@dataclass(frozen=True)
class TransposedConvolution(_Weighted):
    """The transpose of a `Convolution` of the same kernel: (channels in, channels out, kx, ky)."""

    def __call__(self, weights: Weights, *values: Tensor) -> Tensor:
        kernel = weights[self.weight]
        return functional.conv_transpose2d(
            values[0], kernel, self._offset(weights), self.stride, self.padding
        )

    def operators(self, channels: int) -> Sequence[Operator]:
        return [Operator("ConvTranspose", self._window())]

    def kernels(self) -> dict[str, Tensor]:
        return {}


@register_layer
@dataclass(frozen=True)
class LineConvolution(Layer):
    """Cross-correlation along x with a kernel (channels out, channels in, kx, 1) of odd kx.

    Of lines, maps (batch, channels, nx, 1), which stay as long as they are: beyond their ends are
    zeros.

    Attributes:
        weight: name of the kernel.
    """

    weight: str = ""

    def weights(self) -> tuple[str, ...]:
        return (self.weight,)

    def __call__(self, weights: Weights, *values: Tensor) -> Tensor:
        kernel, line = weights[self.weight].squeeze(-1), values[0].squeeze(-1)
        nodes = line.shape[-1]
        # as one matrix of all nodes: kernels are as long as the line, for which that is faster
        reach = nodes - 1 - kernel.shape[-1] // 2
        matrix = functional.pad(kernel, (reach, reach)).unfold(-1, nodes, 1).flip(-2)
        return torch.einsum("bcj,ocij->boi", line, matrix).unsqueeze(-1)

    def operators(self, channels: int) -> Sequence[Operator]:
        return [Operator("Conv", {"auto_pad": "SAME_UPPER"})]


@register_layer
@dataclass(frozen=True)
class InstanceNorm(Layer):
    """Each channel of each map less its mean, divided by sqrt(variance + eps).

    Source: D. Ulyanov et al., Instance normalization, arXiv:1607.08022.
    """

    eps: float = 1e-5
    linear: ClassVar[bool] = False

    def __call__(self, weights: Weights, *values: Tensor) -> Tensor:
        (x,) = values
        centred = x - x.mean((-2, -1), keepdim=True)
        variance = centred.square().mean((-2, -1), keepdim=True)
        return centred * torch.rsqrt(variance + self.eps)

    def operators(self, channels: int) -> Sequence[Operator]:
        scale, bias = np.ones(channels), np.zeros(channels)
        return [Operator("InstanceNormalization", {"epsilon": self.eps}, (scale, bias))]

    def kernels(self) -> dict[str, Tensor]:
        return {}


@register_layer
@dataclass(frozen=True)
class LeakyReLU(Layer):
    """x where positive, slope x elsewhere; slope 0 is the plain rectifier."""

    slope: float = 0.0
    linear: ClassVar[bool] = False

    def __call__(self, weights: Weights, *values: Tensor) -> Tensor:
        return functional.leaky_relu(values[0], self.slope)

    def operators(self, channels: int) -> Sequence[Operator]:
        return [Operator("LeakyRelu", {"alpha": self.slope}) if self.slope else Operator("Relu")]

    def kernels(self) -> dict[str, Tensor]:
        return {}


@register_layer
@dataclass(frozen=True)
class Affine(Layer):
    """scale x + shift, with one number each; standardises what goes in and comes out."""

    scale: float = 1.0
    shift: float = 0.0

    @property
    def linear(self) -> bool:  # type: ignore[override]
        return self.shift == 0

    def __call__(self, weights: Weights, *values: Tensor) -> Tensor:
        scaled = self.scale * values[0]
        return scaled + self.shift if self.shift else scaled

    def operators(self, channels: int) -> Sequence[Operator]:
        scaled = Operator("Mul", constants=[np.array(self.scale, float)])
        shift = [np.array(self.shift, float)]
        return [scaled, Operator("Add", constants=shift)] if self.shift else [scaled]

    def kernels(self) -> dict[str, Tensor]:
        return {}


@register_layer
@dataclass(frozen=True)
class Add(Layer):
    """The sum of the inputs."""

    def __call__(self, weights: Weights, *values: Tensor) -> Tensor:
        total = values[0]
        for value in values[1:]:
            total = total + value
        return total

    def operators(self, channels: int) -> Sequence[Operator]:
        return [Operator("Sum")]

    def kernels(self) -> dict[str, Tensor]:
        return {}


@register_layer
@dataclass(frozen=True)
class Concatenate(Layer):
    """The channels of all inputs, one after another."""

    def __call__(self, weights: Weights, *values: Tensor) -> Tensor:
        return torch.cat(values, -3)

    def operators(self, channels: int) -> Sequence[Operator]:
        return [Operator("Concat", {"axis": 1})]

    def kernels(self) -> dict[str, Tensor]:
        return {}


@register_layer
@dataclass(frozen=True)
class Channels(Layer):
    """The channels from start to stop, stop excluded."""

    start: int = 0
    stop: int = 0

    def __call__(self, weights: Weights, *values: Tensor) -> Tensor:
        return values[0][..., self.start : self.stop, :, :]

    def operators(self, channels: int) -> Sequence[Operator]:
        bounds = [np.array([i], np.int64) for i in (self.start, self.stop, 1)]
        return [Operator("Slice", constants=bounds)]

    def kernels(self) -> dict[str, Tensor]:
        return {}


@register_layer
@dataclass(frozen=True)
class Smoothing(Layer):
    """A Gaussian of rms `sigma` cells on `width` x `width` cells, zero beyond the map."""

    sigma: float = 2.0
    width: int = 5

    def kernel(self) -> Tensor:
        """The kernel (1, 1, width, width); its entries sum to one."""
        place = torch.arange(self.width, dtype=torch.float64) - (self.width - 1) / 2
        profile = torch.exp(-0.5 * (place / self.sigma) ** 2)
        return (torch.outer(profile, profile) / profile.sum() ** 2)[None, None]

    def __call__(self, weights: Weights, *values: Tensor) -> Tensor:
        (x,) = values
        kernel = self.kernel().to(x.dtype).to(x.device)
        return functional.conv2d(x, kernel, padding=self.width // 2)

    def operators(self, channels: int) -> Sequence[Operator]:
        # noted, so that a reader of this package knows that the kernel is no weight
        pads, notes = (self.width // 2,) * 4, {SIGMA: repr(self.sigma)}
        return [Operator("Conv", {"pads": pads}, [self.kernel().numpy()], notes)]

    def kernels(self) -> dict[str, Tensor]:
        # stored, so that no second place needs the formula
        return {self.name: self.kernel()}

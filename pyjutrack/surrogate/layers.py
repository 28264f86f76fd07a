"""The layers of which networks are made: data, with one rule of evaluation each.

A layer reads values and weights by name and makes one value, which has the layer's own name. The
same records are what training fits, what files hold, and what is converted to ONNX and NNlib.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor
from torch.nn import functional

from ..core.errors import InvalidValueError, require_known

Weights = Mapping[str, Tensor]

Kind = TypeVar("Kind", bound="Layer")


@dataclass(frozen=True)
class Layer(ABC):
    """One step of a network.

    Attributes:
        name: of the layer and of what it makes.
        inputs: names of the values that it reads; "input" is that of the network.
    """

    name: str
    inputs: tuple[str, ...]

    #: whether the layer is linear in what it reads, without an offset
    linear: ClassVar[bool] = True

    def weights(self) -> tuple[str, ...]:
        """Names of the weights that the layer needs."""
        return ()

    @abstractmethod
    def __call__(self, weights: Weights, *values: Tensor) -> Tensor:
        """The value from those of the inputs, each (batch, channels, nx, ny)."""


#: kinds of layers that files may hold, by name
KINDS: dict[str, type[Layer]] = {}


def register_layer(kind: type[Kind]) -> type[Kind]:
    """Let files of networks hold a kind of layer; a decorator.

    For ONNX and NNlib, register its conversion with `interop.networks.onnx_export.operators` and
    `interop.networks.nnlib.arrays_of`.

    Raises:
        InvalidValueError: another kind has its name.
    """
    former = KINDS.get(kind.__name__, kind)
    if former.__module__ != kind.__module__:
        raise InvalidValueError(f"another kind of layer is named {kind.__name__}; rename one")
    KINDS[kind.__name__] = kind
    return kind


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


@register_layer
@dataclass(frozen=True)
class Convolution(_Weighted):
    """Cross-correlation with a kernel (channels out, channels in, kx, ky)."""

    def __call__(self, weights: Weights, *values: Tensor) -> Tensor:
        kernel = weights[self.weight]
        return functional.conv2d(
            values[0], kernel, self._offset(weights), self.stride, self.padding
        )


@register_layer
@dataclass(frozen=True)
class TransposedConvolution(_Weighted):
    """The transpose of a `Convolution` of the same kernel: (channels in, channels out, kx, ky)."""

    def __call__(self, weights: Weights, *values: Tensor) -> Tensor:
        kernel = weights[self.weight]
        return functional.conv_transpose2d(
            values[0], kernel, self._offset(weights), self.stride, self.padding
        )


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


@register_layer
@dataclass(frozen=True)
class LeakyReLU(Layer):
    """x where positive, slope x elsewhere; slope 0 is the plain rectifier."""

    slope: float = 0.0
    linear: ClassVar[bool] = False

    def __call__(self, weights: Weights, *values: Tensor) -> Tensor:
        return functional.leaky_relu(values[0], self.slope)


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


@register_layer
@dataclass(frozen=True)
class Add(Layer):
    """The sum of the inputs."""

    def __call__(self, weights: Weights, *values: Tensor) -> Tensor:
        total = values[0]
        for value in values[1:]:
            total = total + value
        return total


@register_layer
@dataclass(frozen=True)
class Concatenate(Layer):
    """The channels of all inputs, one after another."""

    def __call__(self, weights: Weights, *values: Tensor) -> Tensor:
        return torch.cat(values, -3)


@register_layer
@dataclass(frozen=True)
class Channels(Layer):
    """The channels from start to stop, stop excluded."""

    start: int = 0
    stop: int = 0

    def __call__(self, weights: Weights, *values: Tensor) -> Tensor:
        return values[0][..., self.start : self.stop, :, :]


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


def record(layer: Layer) -> dict[str, Any]:
    """A layer as plain data, with its kind under "kind"."""
    return {"kind": type(layer).__name__, **dataclasses.asdict(layer)}


def from_record(data: Mapping[str, Any]) -> Layer:
    """The layer of a record.

    Raises:
        UnknownNameError: no such kind of layer.
        InvalidValueError: fields that the kind does not have, or lacks.
    """
    fields = dict(data)
    kind = fields.pop("kind", None)
    require_known("kind of layer", str(kind), KINDS)
    try:
        fields["inputs"] = tuple(fields["inputs"])
        return KINDS[str(kind)](**fields)
    except (TypeError, KeyError) as error:
        raise InvalidValueError(f"not a record of a {kind} layer: {dict(data)}") from error

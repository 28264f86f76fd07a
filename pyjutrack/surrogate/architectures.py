"""The networks that stand for a space-charge solver."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..errors import InvalidValueError
from .layers import (
    Add,
    Affine,
    Channels,
    Concatenate,
    Convolution,
    InstanceNorm,
    Layer,
    LeakyReLU,
    Smoothing,
    TransposedConvolution,
)
from .network import INPUT, Network


@dataclass(frozen=True)
class Standardisation:
    """Means and standard deviations of what goes in and what comes out, over the data."""

    input_mean: float = 0.0
    input_std: float = 1.0
    output_mean: float = 0.0
    output_std: float = 1.0

    def linear(self) -> Standardisation:
        """Without the means: what is zero stays zero."""
        return replace(self, input_mean=0.0, output_mean=0.0)


@dataclass(frozen=True)
class UNet:
    """A U-Net: 4 x 4 convolutions of stride 2 down, their transposes up, skips between.

    Attributes:
        channels: after each step down; a map of n cells a side allows log2(n) steps.
        activated: with biases, instance norms and rectifiers, an output convolution and a
            smoothing, as published; else linear, which makes it a learned multigrid cycle.

    Sources: P. Isola et al., Image-to-image translation with conditional adversarial networks,
    CVPR 2017 (pix2pix); J. Wan, J. Qiang, Y. Hao, PRAB 28 (2025) 074602 (space charge).
    """

    channels: tuple[int, ...]
    activated: bool

    def __post_init__(self) -> None:
        if len(self.channels) < 2 or min(self.channels) < 1:
            raise InvalidValueError(f"a U-Net needs two positive widths at least: {self.channels}")

    def build(self, standard: Standardisation, seed: int) -> Network:
        """The network with random weights."""
        standard = standard if self.activated else standard.linear()
        layers: list[Layer] = [
            Affine(
                "standardised",
                (INPUT,),
                1 / standard.input_std,
                -standard.input_mean / standard.input_std,
            )
        ]
        weights: dict[str, Tensor] = {}
        generator = torch.Generator().manual_seed(seed)
        depth = len(self.channels)
        value, width, skips = "standardised", 1, []

        def convolve(
            kind: type[Convolution] | type[TransposedConvolution],
            name: str,
            out: int,
            size: int,
            stride: int,
        ) -> None:
            nonlocal value, width
            shape = (out, width) if kind is Convolution else (width, out)
            key = f"{name}.weight"
            weights[key] = _kernel(shape, width, size, stride, kind is Convolution, generator)
            if self.activated:
                weights[f"{name}.bias"] = torch.zeros(out)
            bias = f"{name}.bias" if self.activated else None
            layers.append(kind(name, (value,), key, bias, stride, 1))
            value, width = name, out

        def activate(slope: float, *, norm: bool) -> None:
            nonlocal value
            if not self.activated:
                return
            base = value
            if norm:
                layers.append(InstanceNorm(f"{base}.norm", (value,)))
                value = f"{base}.norm"
            layers.append(LeakyReLU(f"{base}.relu", (value,), slope))
            value = f"{base}.relu"

        for i, out in enumerate(self.channels):
            convolve(Convolution, f"down{i + 1}", out, 4, 2)
            activate(0.2, norm=0 < i < depth - 1)
            skips.append((value, width))
        rising = self.channels[::-1] if self.activated else (*self.channels[-2::-1], 1)
        for i, out in enumerate(rising):
            if i > 0:
                skip, more = skips[depth - 1 - i]
                layers.append(Concatenate(f"join{i + 1}", (value, skip)))
                value, width = f"join{i + 1}", width + more
            convolve(TransposedConvolution, f"up{i + 1}", out, 4, 2)
            activate(0.0, norm=True)
        if self.activated:
            convolve(Convolution, "output", 1, 3, 1)
        layers.append(Affine("potential", (value,), standard.output_std, standard.output_mean))
        if self.activated:
            layers.append(Smoothing("smoothed", ("potential",)))
        return Network(tuple(layers), weights)


def symmetric(network: Network) -> Network:
    """The gradient of the energy E(rho) = <rho, N rho> / 2 of a linear network N.

    It is (N + transpose of N) rho / 2, by layers that share the weights of N: its Jacobian is
    symmetric whatever these are, and the kicks of a beam on itself are symplectic.

    Raises:
        InvalidValueError: the network is not linear.
    """
    for layer in network.layers:
        if not layer.linear:
            raise InvalidValueError(
                f"the energy needs a linear network, and layer {layer.name!r} is not linear"
            )
    widths = _widths(network)
    layers = list(network.layers)
    pending: dict[str, list[str]] = {network.layers[-1].name: [INPUT]}

    def gathered(name: str) -> str:
        parts = pending[name]
        if len(parts) == 1:
            return parts[0]
        layers.append(Add(f"{name}.sum", tuple(parts)))
        return f"{name}.sum"

    for layer in reversed(network.layers):
        back = gathered(layer.name)
        for transposed, source in _transposed(layer, back, widths):
            layers.append(transposed)
            pending.setdefault(source, []).append(transposed.name)
    half = gathered(INPUT)
    layers.append(Add("both", (network.layers[-1].name, half)))
    layers.append(Affine("gradient", ("both",), 0.5))
    return Network(tuple(layers), network.weights)


def _transposed(layer: Layer, back: str, widths: dict[str, int]) -> list[tuple[Layer, str]]:
    """The layers that carry a value back through a layer, each with the input it belongs to."""
    name, sources = f"{layer.name}.back", layer.inputs
    if isinstance(layer, Convolution):
        made: Layer = TransposedConvolution(
            name, (back,), layer.weight, None, layer.stride, layer.padding
        )
        return [(made, sources[0])]
    if isinstance(layer, TransposedConvolution):
        made = Convolution(name, (back,), layer.weight, None, layer.stride, layer.padding)
        return [(made, sources[0])]
    if isinstance(layer, Concatenate):
        found: list[tuple[Layer, str]] = []
        start = 0
        for i, source in enumerate(sources):
            stop = start + widths[source]
            found.append((Channels(f"{name}{i + 1}", (back,), start, stop), source))
            start = stop
        return found
    if isinstance(layer, (Affine, Smoothing)):
        return [(replace(layer, name=name, inputs=(back,)), sources[0])]
    raise InvalidValueError(f"no transpose of {type(layer).__name__} layers is known")


def _widths(network: Network) -> dict[str, int]:
    """Channels of every value."""
    widths = {INPUT: 1}
    for layer in network.layers:
        first = widths[layer.inputs[0]]
        if isinstance(layer, Convolution):
            first = network.weights[layer.weight].shape[0]
        elif isinstance(layer, TransposedConvolution):
            first = network.weights[layer.weight].shape[1]
        elif isinstance(layer, Concatenate):
            first = sum(widths[i] for i in layer.inputs)
        elif isinstance(layer, Channels):
            first = layer.stop - layer.start
        widths[layer.name] = first
    return widths


def _kernel(
    shape: tuple[int, int],
    width: int,
    size: int,
    stride: int,
    down: bool,
    generator: torch.Generator,
) -> Tensor:
    """A random mix of channels, nearly the same smooth profile in all of them.

    From smooth maps training is on its way at once; from white kernels it first unlearns noise.
    """
    profile = torch.tensor([math.comb(size - 1, i) for i in range(size)], dtype=torch.float32)
    profile = torch.outer(profile, profile) / profile.sum() ** 2
    mix = torch.randn(*shape, 1, 1, generator=generator) / math.sqrt(width)
    taps = size if down else size / stride
    noise = torch.randn(*shape, size, size, generator=generator) / (math.sqrt(width) * taps)
    gain = 1 if down else stride**2
    return gain * mix * profile + 0.1 * noise

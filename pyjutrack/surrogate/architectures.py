"""Networks that stand for a space-charge solver, and the architectures that are known by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from ..core.checks import require_callable, require_kind, require_text
from ..core.errors import InvalidValueError
from ..core.registry import refuse_taken
from ..core.scalars import is_whole
from .layer_base import Layer
from .layers import (
    Add,
    Affine,
    Concatenate,
    Convolution,
    InstanceNorm,
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

    def __post_init__(self) -> None:
        if not (self.input_std > 0 and self.output_std > 0):
            raise InvalidValueError(
                f"standard deviations are positive, got {self.input_std} and {self.output_std}"
            )

    def linear(self) -> Standardisation:
        """Return the same without the means: what is zero stays zero."""
        return replace(self, input_mean=0.0, output_mean=0.0)


def unet(
    channels: tuple[int, ...], standard: Standardisation, seed: int, *, activated: bool
) -> Network:
    """A U-Net: 4 x 4 convolutions of stride 2 down, their transposes up, skips between.

    Args:
        channels: after each step down; a map of n cells a side allows log2(n) steps.
        standard: of the data; without `activated` its means are left out.
        seed: of the weights, which are random.
        activated: with biases, instance norms and rectifiers, an output convolution and a
            smoothing, as published; else linear, which makes it a learned multigrid cycle.

    Sources: P. Isola et al., Image-to-image translation with conditional adversarial networks,
    CVPR 2017 (pix2pix); J. Wan, J. Qiang, Y. Hao, PRAB 28 (2025) 074602 (space charge).
    """
    check_channels(channels)
    standard = standard if activated else standard.linear()
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
    depth = len(channels)
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
        if activated:
            weights[f"{name}.bias"] = torch.zeros(out)
        bias = f"{name}.bias" if activated else None
        layers.append(kind(name, (value,), key, bias, stride, 1))
        value, width = name, out

    def activate(slope: float, *, norm: bool) -> None:
        nonlocal value
        if not activated:
            return
        base = value
        if norm:
            layers.append(InstanceNorm(f"{base}.norm", (value,)))
            value = f"{base}.norm"
        layers.append(LeakyReLU(f"{base}.relu", (value,), slope))
        value = f"{base}.relu"

    for i, out in enumerate(channels):
        convolve(Convolution, f"down{i + 1}", out, 4, 2)
        activate(0.2, norm=0 < i < depth - 1)
        skips.append((value, width))
    rising = channels[::-1] if activated else (*channels[-2::-1], 1)
    for i, out in enumerate(rising):
        if i > 0:
            skip, more = skips[depth - 1 - i]
            layers.append(Concatenate(f"join{i + 1}", (value, skip)))
            value, width = f"join{i + 1}", width + more
        convolve(TransposedConvolution, f"up{i + 1}", out, 4, 2)
        activate(0.0, norm=True)
    if activated:
        convolve(Convolution, "output", 1, 3, 1)
    layers.append(Affine("potential", (value,), standard.output_std, standard.output_mean))
    if activated:
        layers.append(Smoothing("smoothed", ("potential",)))
    return Network(tuple(layers), weights)


def energy_gradient(channels: tuple[int, ...], standard: Standardisation, seed: int) -> Network:
    """A linear network that is the gradient of an energy of the density, as the potential is.

    E(rho) = sum over levels of |K_l D_l ... D_1 rho|^2 / 2, with strided convolutions D down and
    plain ones K on each level. Its gradient runs the same kernels transposed on the way up: a U-Net
    whose Jacobian is symmetric and not negative whatever the weights, so that the kicks of a beam
    on itself are symplectic in all its particles, and its self-energy is never negative.

    Args:
        channels: after each step down.
        standard, seed: as for `unet`.
    """
    check_channels(channels)
    # half of each scale before and half after leaves the whole symmetric
    scale = math.sqrt(standard.output_std / standard.input_std)
    layers: list[Layer] = [Affine("scaled", (INPUT,), scale)]
    weights: dict[str, Tensor] = {}
    generator = torch.Generator().manual_seed(seed)
    value, width = "scaled", 1
    for i, out in enumerate(channels, 1):
        # twice the usual gain: four are needed between down and up again
        weights[f"down{i}.weight"] = 2 * _kernel((out, width), width, 4, 2, True, generator)
        layers.append(Convolution(f"down{i}", (value,), f"down{i}.weight", None, 2, 1))
        value, width = f"down{i}", out
    risen = None
    for i in range(len(channels), 0, -1):
        width, key = channels[i - 1], f"mix{i}.weight"
        mix = _kernel((width, width), width, 3, 1, True, generator)
        # the coarsest level outweighs the finest by 4 to the power of the levels between
        weights[key] = mix / 2.0 ** (len(channels) - 2)
        layers.append(Convolution(f"mix{i}", (f"down{i}",), key, None, 1, 1))
        layers.append(TransposedConvolution(f"unmix{i}", (f"mix{i}",), key, None, 1, 1))
        value = f"unmix{i}"
        if risen is not None:
            layers.append(Add(f"join{i}", (value, risen)))
            value = f"join{i}"
        risen = f"up{i}"
        layers.append(TransposedConvolution(risen, (value,), f"down{i}.weight", None, 2, 1))
    layers.append(Affine("potential", ("up1",), scale))
    return Network(tuple(layers), weights)


def check_channels(channels: tuple[int, ...]) -> None:
    """Raise InvalidValueError unless these can be the channels of a U-Net."""
    several = isinstance(channels, (tuple, list)) and len(channels) >= 2
    if not several or not all(is_whole(c) and c > 0 for c in channels):
        raise InvalidValueError(f"a U-Net needs two positive widths at least: {channels}")


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


@dataclass(frozen=True)
class Architecture:
    """A kind of network that can be trained, under a name.

    Networks are made of the layers that `pyjutrack.surrogate.layers` has, so that files, ONNX and
    NNlib need not know of it.

    Attributes:
        name: for `Recipe` and `pyjutrack train`.
        description: one line.
        channels: the widths that are taken unless others are asked for.
        build: the network with random weights, of channels, standardisation and seed.
        require: raises InvalidValueError unless channels and the numbers of cells fit.
    """

    name: str
    description: str
    channels: tuple[int, ...]
    build: Callable[[tuple[int, ...], Standardisation, int], Network]
    require: Callable[[tuple[int, ...], tuple[int, int]], None]


_ARCHITECTURES: dict[str, Architecture] = {}


def register_architecture(architecture: Architecture) -> Architecture:
    """Let recipes know an architecture of one's own; returns it.

    Raises:
        InvalidValueError: no Architecture, one whose functions take other arguments, or of the name
            of another; the same again, from the same module, takes the place of the former.
    """
    require_kind("an architecture", architecture, Architecture, "an Architecture")
    require_text("the name of an architecture", architecture.name)
    for what, count in (("build", 3), ("require", 2)):
        function = getattr(architecture, what)
        label = f"{what} of the architecture {architecture.name!r}"
        require_callable(label, function, f"a function of {count} arguments", count)
    former = known_architectures().get(architecture.name)
    refuse_taken("architecture", architecture.name, architecture.build, former and former.build)
    _ARCHITECTURES[architecture.name] = architecture
    return architecture


def known_architectures() -> dict[str, Architecture]:
    """The architectures that are known, by name."""
    return {**{a.name: a for a in _SHIPPED}, **_ARCHITECTURES}


def require_unet(channels: tuple[int, ...], shape: tuple[int, int]) -> None:
    """Raise InvalidValueError unless a U-Net may have these channels on so many cells."""
    check_channels(channels)
    factor = 2 ** len(channels)
    if any(n % factor for n in shape):
        raise InvalidValueError(
            f"{len(channels)} steps down need cells in multiples of {factor}, got {shape}; take "
            + _remedy(channels, shape)
        )


def _remedy(channels: tuple[int, ...], shape: tuple[int, int]) -> str:
    """What a U-Net of so many cells may have, or how many cells one of these channels."""
    factor = 2 ** len(channels)
    cells = tuple(-(-n // factor) * factor for n in shape)
    depth = next(d for d in range(len(channels), -1, -1) if not any(n % 2**d for n in shape))
    fewer = f"channels {channels[:depth]}, or " if depth >= 2 else ""
    return f"{fewer}{cells} cells"


_SHIPPED = (
    Architecture(
        "linear",
        "a linear U-Net, a learned multigrid cycle",
        (16, 32, 64, 64, 64, 64),
        partial(unet, activated=False),
        require_unet,
    ),
    Architecture(
        "variational",
        "the gradient of an energy of the density: symmetric, and not negative",
        (16, 32, 64, 64, 64, 64),
        energy_gradient,
        require_unet,
    ),
    Architecture(
        "pix2pix",
        "a U-Net with norms and rectifiers, as published",
        (16, 32, 64, 128, 128, 128, 128),
        partial(unet, activated=True),
        require_unet,
    ),
)

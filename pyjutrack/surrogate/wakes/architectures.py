"""Networks that give the wake of a line density, known by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..architectures import Standardisation
from ..layer_base import Layer
from ..layers import Affine, Convolution, LeakyReLU, LineConvolution, TransposedConvolution
from ..network import INPUT, Network


def convolution(
    nodes: int, hidden: tuple[int, ...], standard: Standardisation, seed: int
) -> Network:
    """Convolutions as long as the line: of one layer a learned function of the distance alone.

    Args:
        nodes: that the network sees.
        hidden: channels between convolutions, with rectifiers where there are any; without, the
            network is linear in the density, as wakes are.
        standard: of the data; its means are left out.
        seed: of the weights, which are random but for the last.
    """
    generator = torch.Generator().manual_seed(seed)
    weights: dict[str, Tensor] = {}
    layers: list[Layer] = [Affine("scaled", (INPUT,), 1 / standard.input_std)]
    width = 1
    for n, out in enumerate((*hidden, 1), 1):
        shape = (out, width, 2 * nodes - 1, 1)
        # the last is zero: what no bunch of training has asked for stays so
        size = (n <= len(hidden)) / math.sqrt(width * nodes)
        weights[f"kernel{n}"] = size * torch.randn(shape, generator=generator)
        layers.append(LineConvolution(f"convolved{n}", (layers[-1].name,), f"kernel{n}"))
        if n <= len(hidden):
            layers.append(LeakyReLU(f"rectified{n}", (layers[-1].name,), 0.2))
        width = out
    layers.append(Affine("wake", (layers[-1].name,), standard.output_std))
    return Network(tuple(layers), weights)


def perceptron(
    nodes: int, hidden: tuple[int, ...], standard: Standardisation, seed: int
) -> Network:
    """Matrices from all nodes to hidden values and on to all nodes, rectifiers between.

    One hidden width alone has no rectifier, and makes a linear map of that rank. Arguments are
    those of `convolution`.
    """
    generator = torch.Generator().manual_seed(seed)
    weights: dict[str, Tensor] = {}
    layers: list[Layer] = [Affine("scaled", (INPUT,), 1 / standard.input_std)]
    # matrices are kernels that cover a line at once, or one value of many channels
    size, width = nodes, 1
    for n, out in enumerate(hidden, 1):
        fan_in = size * width
        shape = (out, width, size, 1)
        weights[f"matrix{n}"] = torch.randn(shape, generator=generator) / math.sqrt(fan_in)
        layers.append(Convolution(f"hidden{n}", (layers[-1].name,), f"matrix{n}"))
        if len(hidden) > 1:
            layers.append(LeakyReLU(f"rectified{n}", (layers[-1].name,), 0.2))
        size, width = 1, out
    last = torch.randn((width, 1, nodes, 1), generator=generator) / math.sqrt(width)
    weights["last"] = last
    layers.append(TransposedConvolution("line", (layers[-1].name,), "last"))
    layers.append(Affine("wake", ("line",), standard.output_std))
    return Network(tuple(layers), weights)


@dataclass(frozen=True)
class LineArchitecture:
    """A kind of network from a line to a line.

    Attributes:
        name: for `WakeRecipe`.
        hidden: widths that are taken unless others are asked for.
        build: the network with random weights, of nodes, hidden widths, standardisation and seed.
        least: fewest hidden widths.
        linear_in_weights: whether it is that without hidden widths, as one kernel alone; least
            squares then find the weights.
    """

    name: str
    hidden: tuple[int, ...]
    build: Callable[[int, tuple[int, ...], Standardisation, int], Network]
    least: int
    linear_in_weights: bool


#: by name
LINE_ARCHITECTURES = {
    a.name: a
    for a in (
        LineArchitecture("convolution", (), convolution, 0, linear_in_weights=True),
        LineArchitecture("perceptron", (64,), perceptron, 1, linear_in_weights=False),
    )
}

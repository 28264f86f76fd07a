"""Surrogates of all kinds of layers, to be converted to NNlib."""

import torch

from pyjutrack.collective import CATMULL_ROM, Grid, Mesh
from pyjutrack.surrogate import Domain, Network, Surrogate
from pyjutrack.surrogate.architectures import Standardisation, energy_gradient, unet
from pyjutrack.surrogate.layers import (
    Add,
    Affine,
    Channels,
    Concatenate,
    Convolution,
    InstanceNorm,
    Smoothing,
    TransposedConvolution,
)

SHAPE = (16, 24)
STANDARD = Standardisation(0.003, 0.012, 1.5, 0.7)
DOMAIN = Domain((0.0003, 0.003), 5.0, 0.002, (0.009, 0.008), 2000)


def randomised(network, seed=5):
    """The same network with random offsets too, which are zero before training."""
    generator = torch.Generator().manual_seed(seed)
    return network.replace(
        {
            name: torch.randn(w.shape, generator=generator) if w.dim() == 1 else w
            for name, w in network.weights.items()
        }
    )


def of_all_kinds():
    """Kernels that are not square, one of them used both ways, and the layers that U-Nets lack."""
    generator = torch.Generator().manual_seed(7)
    weights = {
        "k": torch.randn(4, 1, 3, 5, generator=generator),
        "up": torch.randn(3, 1, 3, 5, generator=generator),
        "b": torch.randn(1, generator=generator),
    }
    return Network(
        (
            Affine("scaled", ("input",), 3.0, 0.25),
            Convolution("wide", ("scaled",), "k", None, 1, 2),
            InstanceNorm("norm", ("wide",)),
            Channels("some", ("norm",), 1, 3),
            Channels("one", ("wide",), 0, 1),
            Concatenate("joined", ("one", "some")),
            TransposedConvolution("back", ("wide",), "k", None, 1, 2),
            TransposedConvolution("up", ("joined",), "up", "b", 1, 2),
            Add("sum", ("back", "up", "input")),
            Smoothing("smooth", ("sum",), 1.5, 3),
        ),
        weights,
    )


NETWORKS = {
    "linear": lambda: unet((3, 5, 4), STANDARD, 1, activated=False),
    "variational": lambda: energy_gradient((3, 5, 4), STANDARD, 2),
    "pix2pix": lambda: randomised(unet((3, 5, 4), STANDARD, 3, activated=True)),
    "all kinds": of_all_kinds,
}


def surrogate(kind, dtype="float32"):
    mesh = Mesh(Grid((0.02, 0.03), SHAPE), CATMULL_ROM)
    about = {"command": "none", "held_out": {"mean": 0.01}}
    network = NETWORKS[kind]().to(getattr(torch, dtype))
    return Surrogate(network, mesh, DOMAIN, about=about)

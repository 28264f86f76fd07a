"""Networks and surrogates to be written as ONNX."""

import torch
from surrogate_cases import build

from pyjutrack.collective import BSPLINE, Grid, Mesh
from pyjutrack.surrogate import Surrogate

CELLS = (32, 48)


def network_of(architecture):
    """In single precision, with random offsets: before training they are zero."""
    network = build(architecture, (4, 8, 8), dtype=torch.float32)
    return network.replace(
        {k: torch.randn_like(w) if w.dim() == 1 else w for k, w in network.weights.items()}
    )


def surrogate_of(network, cells=CELLS, **options):
    return Surrogate(network, Mesh(Grid((0.02, 0.03), cells), BSPLINE), **options)

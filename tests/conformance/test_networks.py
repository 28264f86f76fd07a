"""The networks that ship, evaluated by NNlib in Julia and by PyTorch."""

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack.engines.julia import border


def shares_and_tangent(surrogate):
    """A beam with particles in the ghosts and a share that is lost, and a tangent of it."""
    rng = np.random.default_rng(0)
    rows, columns = surrogate.mesh.grid.padded_shape
    x, y = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, columns), indexing="ij")
    shares = np.exp(-((x - 0.2) ** 2) / 0.1 - y**2 / 0.05) * (1 + 0.1 * rng.random((rows, columns)))
    shares *= 0.9 / shares.sum()
    return shares, shares * rng.standard_normal(shares.shape)


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)], ids=["64", "32"]
)
@pytest.mark.parametrize("name", ["linear", "variational", "pix2pix"])
def test_value_and_derivatives(name, dtype, tolerance, julia):
    surrogate = pj.Surrogate.load(name, outside="ignore", dtype=dtype)
    if name == "pix2pix" and dtype == torch.float32:
        tolerance = 3e-5  # single precision itself is that far from double here
    shares, tangent = shares_and_tangent(surrogate)
    potential = border.potential(julia.session, surrogate)

    def run(function, *arguments):
        return np.asarray(julia.session.call(function, potential, *arguments))

    inputs = [torch.from_numpy(a).to(dtype) for a in (shares, tangent)]
    h, dh = torch.func.jvp(surrogate.solve, (inputs[0],), (inputs[1],))
    (back,) = torch.func.vjp(surrogate.solve, inputs[0])[1](inputs[1])
    for ours, theirs in (
        (h, run("value", shares)),
        (dh, run("tangent", shares, tangent)),
        (back, run("cotangent", shares, tangent)),
    ):
        expected = ours.double().numpy()
        assert np.abs(theirs - expected).max() < tolerance * np.abs(expected).max()

"""The networks that ship, evaluated by NNlib in Julia and by PyTorch."""

import numpy as np
import pytest
import torch

import pyjutrack as pj
from julia import run_julia
from pyjutrack.surrogate.conversion import to_nnlib

PROGRAM = """
using PyJuTrack: potential, read_network
folder, file, columns = ARGS[1], ARGS[2], parse(Int, ARGS[3])
data = reinterpret(Float64, read(file))
network = read_network(joinpath(folder, "network.nnlib"))
shares, tangent = (permutedims(reshape(part, columns, :)) for part in
    (data[1:end÷2], data[end÷2+1:end]))
h, dh = potential(network, shares, tangent)
write(joinpath(folder, "out"), permutedims(h), permutedims(dh))
"""


@pytest.mark.parametrize("name", ["linear", "variational", "pix2pix"])
def test_potential_and_its_derivative(name, tmp_path):
    """A beam with particles in the ghosts and a share that is lost, and a tangent of it."""
    surrogate = pj.Surrogate.load(name, outside="ignore")
    # in double precision for the smoothing's kernel: the weights themselves are single
    to_nnlib(surrogate, tmp_path / "network.nnlib", "float64")
    rng = np.random.default_rng(0)
    rows, columns = surrogate.mesh.grid.padded_shape
    x, y = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, columns), indexing="ij")
    shares = np.exp(-((x - 0.2) ** 2) / 0.1 - y**2 / 0.05) * (1 + 0.1 * rng.random((rows, columns)))
    shares *= 0.9 / shares.sum()
    tangent = shares * rng.standard_normal(shares.shape)
    np.stack([shares, tangent]).tofile(tmp_path / "in")
    run_julia(PROGRAM, tmp_path, tmp_path / "in", columns)
    found = np.fromfile(tmp_path / "out").reshape(2, rows, columns)
    ours = torch.func.jvp(
        surrogate.solve, (torch.from_numpy(shares),), (torch.from_numpy(tangent),)
    )
    for theirs, expected in zip(found, ours, strict=True):
        assert np.abs(theirs - expected.numpy()).max() < 1e-12 * np.abs(expected.numpy()).max()

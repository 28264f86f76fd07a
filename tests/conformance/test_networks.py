"""The networks that ship, evaluated by NNlib in Julia and by PyTorch."""

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack.engines.julia import effects


def shares_and_tangent(surrogate):
    """A beam with particles in the ghosts and a share that is lost, and a tangent of it."""
    rng = np.random.default_rng(0)
    rows, columns = surrogate.mesh.grid.padded_shape
    x, y = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, columns), indexing="ij")
    shares = np.exp(-((x - 0.2) ** 2) / 0.1 - y**2 / 0.05) * (1 + 0.1 * rng.random((rows, columns)))
    shares *= 0.9 / shares.sum()
    return shares, shares * rng.standard_normal(shares.shape)


def by_both(name, dtype, julia):
    """H, its derivative along a tangent and along a cotangent: by PyTorch, and by Julia."""
    surrogate = pj.Surrogate.load(name, outside="ignore", dtype=dtype)
    shares, tangent = shares_and_tangent(surrogate)
    potential = effects.potential(julia.session, surrogate)
    inputs = [torch.from_numpy(a).to(dtype) for a in (shares, tangent)]
    h, dh = torch.func.jvp(surrogate.solve, (inputs[0],), (inputs[1],))
    (back,) = torch.func.vjp(surrogate.solve, inputs[0])[1](inputs[1])
    ours = [t.double().numpy() for t in (h, dh, back)]
    theirs = [
        np.asarray(julia.session.call(function, potential, *arguments))
        for function, arguments in (
            ("value", (shares,)),
            ("tangent", (shares, tangent)),
            ("cotangent", (shares, tangent)),
        )
    ]
    return ours, theirs


def off(a, b):
    return np.abs(a - b).max() / np.abs(b).max()


NAMES = ["linear", "variational", "pix2pix"]


@pytest.mark.parametrize("name", NAMES)
def test_in_double_precision(name, julia):
    for ours, theirs in zip(*by_both(name, torch.float64, julia), strict=True):
        assert off(theirs, ours) < 1e-12


@pytest.mark.parametrize("name", NAMES)
def test_in_single_precision(name, julia):
    """The output as PyTorch's; derivatives no farther from exact ones than PyTorch's own."""
    exact, _ = by_both(name, torch.float64, julia)
    ours, theirs = by_both(name, torch.float32, julia)
    assert off(theirs[0], ours[0]) < 1e-6
    for exactly, single, found in zip(exact, ours, theirs, strict=True):
        assert 0 < off(found, exactly) < 2 * off(single, exactly) + 1e-6


def test_weights_that_are_changed_are_sent_again(julia):
    """By whatever way: of what is done to `data` tensors do not count the changes."""
    surrogate = pj.Surrogate.load("linear", outside="ignore", dtype=torch.float64)
    shares, _ = shares_and_tangent(surrogate)

    def by_julia():
        potential = effects.potential(julia.session, surrogate)
        return np.array(julia.session.call("value", potential, shares))

    before = by_julia()
    weights = list(surrogate.network.weights.values())
    weights[-1].mul_(2.0)
    np.testing.assert_allclose(by_julia(), 2 * before, rtol=1e-12)
    weights[-1].data.mul_(2.0)
    np.testing.assert_allclose(by_julia(), 4 * before, rtol=1e-12)

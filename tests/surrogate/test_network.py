"""Networks as pure functions, and the three architectures."""

from functools import partial

import pytest
import torch
from surrogate_cases import build

import pyjutrack as pj
from pyjutrack.surrogate import Network
from pyjutrack.surrogate.architectures import Standardisation, energy_gradient, unet
from pyjutrack.surrogate.layers import Add, Affine, Convolution


def maps(batch=2, cells=(16, 24), seed=0):
    return torch.rand(
        batch, *cells, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )


def test_maps_to_maps_of_the_same_shape(network):
    x = maps()
    assert network(x).shape == x.shape
    assert torch.allclose(network(x[0]), network(x)[0])
    assert torch.allclose(network(x[None]), network(x)[None])


def test_linear_is_linear(network):
    x, y = maps(1, seed=1), maps(1, seed=2)
    assert network.linear == torch.allclose(network(x - 2 * y), network(x) - 2 * network(y))


@pytest.mark.parametrize(
    ("architecture", "is_symmetric"), [("linear", False), ("variational", True)]
)
def test_the_variational_jacobian_is_symmetric(architecture, is_symmetric):
    network = build(architecture, channels=(3, 4))
    x = maps(1, (8, 12))[0]
    jacobian = torch.func.jacrev(network)(x).reshape(96, 96)
    assert torch.allclose(jacobian, jacobian.T, atol=1e-12) == is_symmetric


def test_the_variational_map_is_the_gradient_of_its_energy():
    """The sum of squares after the inner convolutions, by autograd."""
    network = build("variational", channels=(3, 4))
    x = maps(1, (8, 12))[0].requires_grad_()

    def energy(rho):
        values = {"input": rho[None, None]}
        for layer in network.layers:
            values[layer.name] = layer(network.weights, *(values[i] for i in layer.inputs))
        return sum(values[name].square().sum() for name in ("mix1", "mix2")) / 2

    assert network.weights.keys() == {"down1.weight", "down2.weight", "mix1.weight", "mix2.weight"}
    (slope,) = torch.autograd.grad(energy(x), x)
    assert torch.allclose(network(x), slope, atol=1e-12)


def test_the_self_energy_is_never_negative():
    network = build("variational")
    for seed in range(10):
        x = maps(1, (16, 16), seed)[0] - 0.5
        assert float((x * network(x)).sum()) > 0


def test_derivatives_by_weights(network):
    x = maps(1, (8, 8))

    def figure(weights):
        return network.replace(weights)(x).square().sum()

    gradients = torch.func.grad(figure)(dict(network.weights))
    name = "down2.weight"
    rel = 1e-6 if network.linear else 1e-4  # a difference may step over the kink of a rectifier
    step = torch.zeros_like(network.weights[name])
    step[1, 1, 2, 1] = 1e-5
    ahead, behind = (
        figure({**network.weights, name: network.weights[name] + sign * step}) for sign in (1, -1)
    )
    assert float(gradients[name][1, 1, 2, 1]) == pytest.approx(
        float(ahead - behind) / 2e-5, rel=rel
    )


def test_published_layout():
    """The channels and the count of JuTrack's published network."""
    network = unet((64, 128, 256, 512, 512, 512, 512), Standardisation(), 0, activated=True)
    kinds = [type(layer).__name__ for layer in network.layers]
    assert kinds.count("InstanceNorm") == 5 + 7
    assert kinds.count("LeakyReLU") == 14
    assert kinds[-3:] == ["Convolution", "Affine", "Smoothing"]
    down = sum(
        16 * a * b + b for a, b in [(1, 64), (64, 128), (128, 256), (256, 512), *[(512, 512)] * 3]
    )
    up = sum(
        16 * a * b + b
        for a, b in [(512, 512), *[(1024, 512)] * 3, (768, 256), (384, 128), (192, 64)]
    )
    assert network.count == down + up + 64 * 9 + 1


def test_the_same_seed_gives_the_same_weights():
    a, b, c = (build("linear", seed=s).weights["up1.weight"] for s in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


@pytest.mark.parametrize(
    ("layers", "weights", "said"),
    [
        ((), {}, "at least one layer"),
        ((Affine("a", ("b",)),), {}, "'b'"),
        ((Affine("a", ("input",)), Affine("a", ("input",))), {}, "two values"),
        ((Convolution("c", ("input",), "w"),), {}, "lacks its weight 'w'"),
        ((Add("s", ("input",)),), {"w": torch.ones(1)}, "no layer uses the weight 'w'"),
        (
            (Convolution("c", ("input",), "w"),),
            {"w": torch.full((1, 1, 3, 3), float("nan"))},
            "'w' holds NaN",
        ),
    ],
)
def test_what_is_no_network_is_named(layers, weights, said):
    with pytest.raises(pj.errors.InvalidValueError, match=said):
        Network(layers, weights)


@pytest.mark.parametrize("make", [partial(unet, activated=False), energy_gradient])
def test_a_unet_needs_two_steps(make):
    with pytest.raises(pj.errors.InvalidValueError, match="two positive widths"):
        make((8,), Standardisation(), 0)

"""An architecture and a layer of a user's own: trained, saved, and converted like ours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

import pyjutrack as pj
from pyjutrack.interop import networks
from pyjutrack.surrogate import Network, Recipe, known_architectures, layers, train
from pyjutrack.surrogate.architectures import (
    Architecture,
    Standardisation,
    register_architecture,
)


def build(channels: tuple[int, ...], standard: Standardisation, seed: int) -> Network:
    """One convolution of wide kernels after another."""
    generator = torch.Generator().manual_seed(seed)
    found: list[layers.Layer] = [layers.Affine("scaled", ("input",), 1 / standard.input_std)]
    weights, width = {}, 1
    for i, out in enumerate((*channels, 1)):
        weights[f"w{i}"] = 0.1 * torch.randn(out, width, 3, 3, generator=generator)
        found.append(layers.Convolution(f"c{i}", (found[-1].name,), f"w{i}", None, 1, 1))
        width = out
    return Network(tuple(found), weights)


def require(channels: tuple[int, ...], shape: tuple[int, int]) -> None:
    if not channels:
        raise pj.errors.InvalidValueError("plain networks need a width at least")


PLAIN = Architecture("plain", "convolutions in a row", (4,), build, require)


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registries that are put back after the test."""
    monkeypatch.setattr(layers, "KINDS", dict(layers.KINDS))
    monkeypatch.setattr("pyjutrack.surrogate.architectures._ARCHITECTURES", {})


def test_it_is_trained_saved_and_converted(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    with pytest.raises(pj.errors.UnknownNameError, match="plain"):
        Recipe("plain")
    assert register_architecture(PLAIN) is PLAIN
    recipe = Recipe("plain", shape=(30, 30), samples=8, steps=3, batch=4)
    assert recipe.channels == (4,)
    surrogate = train(recipe).replace(outside="ignore")
    surrogate.save(tmp_path / "a.safetensors")
    x = torch.rand(1, 1, 30, 30, dtype=torch.float32)
    expected = surrogate.network.to(torch.float32)(x)
    for name in ("a.safetensors", "a.onnx", "a.nnlib"):
        networks.write(surrogate, tmp_path / name)
        found = networks.read(tmp_path / name).network.to(torch.float32)
        torch.testing.assert_close(found(x), expected, rtol=1e-5, atol=1e-7)


def test_what_does_not_fit_is_refused() -> None:
    register_architecture(PLAIN)
    with pytest.raises(pj.errors.InvalidValueError, match="a width at least"):
        Recipe("plain", channels=())
    with pytest.raises(pj.errors.InvalidValueError, match="'linear'; rename"):
        register_architecture(replace(PLAIN, name="linear"))
    with pytest.raises(pj.errors.InvalidValueError, match="must be an Architecture"):
        register_architecture(build)  # type: ignore[arg-type]
    assert list(known_architectures()) == ["linear", "variational", "pix2pix", "plain"]


def test_layers_are_known_by_name() -> None:
    @layers.register_layer
    @dataclass(frozen=True)
    class Mirror(layers.Layer):
        def __call__(self, weights: layers.Weights, *values: torch.Tensor) -> torch.Tensor:
            return values[0].flip(-1)

    mirror = Mirror("m", ("input",))
    assert layers.from_record(layers.record(mirror)) == mirror
    with pytest.raises(pj.errors.InvalidValueError, match="another kind of layer is named Affine"):
        layers.register_layer(type("Affine", (layers.Layer,), {}))

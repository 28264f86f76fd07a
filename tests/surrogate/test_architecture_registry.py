"""An architecture and a layer of a user's own: trained, saved, and converted like ours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

import pyjutrack as pj
from pyjutrack.collective import BSPLINE, Grid, Mesh
from pyjutrack.interop import networks
from pyjutrack.surrogate import (
    Network,
    Recipe,
    Surrogate,
    known_architectures,
    layer_base,
    layers,
    train,
)
from pyjutrack.surrogate.architectures import (
    Architecture,
    Standardisation,
    register_architecture,
)


def build(channels: tuple[int, ...], standard: Standardisation, seed: int) -> Network:
    """One convolution of wide kernels after another."""
    generator = torch.Generator().manual_seed(seed)
    found: list[layer_base.Layer] = [layers.Affine("scaled", ("input",), 1 / standard.input_std)]
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
    monkeypatch.setattr(layer_base, "KINDS", dict(layer_base.KINDS))
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
    with pytest.raises(pj.errors.InvalidValueError, match=r"'linear', that of .*unet; rename"):
        register_architecture(replace(PLAIN, name="linear"))
    with pytest.raises(pj.errors.InvalidValueError, match="must be an Architecture"):
        register_architecture(build)  # type: ignore[arg-type]
    assert list(known_architectures()) == ["linear", "variational", "pix2pix", "plain"]


def test_layers_are_known_by_name() -> None:
    @layer_base.register_layer
    @dataclass(frozen=True)
    class Mirror(layer_base.Layer):
        def __call__(self, weights: layer_base.Weights, *values: torch.Tensor) -> torch.Tensor:
            return values[0].flip(-1)

    mirror = Mirror("m", ("input",))
    assert layer_base.from_record(layer_base.record(mirror)) == mirror
    with pytest.raises(
        pj.errors.InvalidValueError, match="another kind of layer is named 'Affine'"
    ):
        layer_base.register_layer(type("Affine", (layer_base.Layer,), {}))


def convert(layer: layer_base.Layer, folder: Path) -> dict[str, Surrogate]:
    """A surrogate of one layer, converted and read back, by format."""
    mesh = Mesh(Grid((0.02, 0.02), (32, 32)), BSPLINE)
    weights = {name: torch.full((1, 1, 3, 3), 0.1) for name in layer.weights()}
    ours = Surrogate(Network((layer,), weights), mesh)
    found = {}
    for suffix in ("onnx", "nnlib"):
        networks.write(ours, folder / f"it.{suffix}")
        found[suffix] = networks.read(folder / f"it.{suffix}")
    return found


class Doubled(layers.Convolution):
    """Computes otherwise than what it derives from."""

    def __call__(self, weights: layer_base.Weights, *values: torch.Tensor) -> torch.Tensor:
        return 2 * super().__call__(weights, *values)


class Twice:
    """Another way to compute otherwise."""

    def __call__(self, weights: layer_base.Weights, *values: torch.Tensor) -> torch.Tensor:
        return 2 * values[0]


class Mixed(Twice, layers.Add):
    pass


class Renamed(layers.Affine):
    """The same under a name that NNlib's readers have no rule for."""


@pytest.mark.parametrize(
    "layer",
    [Doubled("it", ("input",), "w", None, 1, 1), Mixed("it", ("input",))],
    ids=lambda layer: type(layer).__name__,
)
def test_a_kind_does_not_pass_for_the_one_that_it_derives_from(
    layer: layer_base.Layer, tmp_path: Path
) -> None:
    layer_base.register_layer(type(layer))
    with pytest.raises(pj.errors.InvalidValueError, match=f"of kind {type(layer).__name__}"):
        layer.operators(1)
    with pytest.raises(pj.errors.InvalidValueError, match=f"of {type(layer).__name__} in NNlib"):
        layer.kernels()


def test_a_registered_kind_is_no_kind_of_nnlib(tmp_path: Path) -> None:
    """Registered or not: the rules of the layers are on the page, and this one is not."""
    layer_base.register_layer(Renamed)
    pytest.importorskip("onnx")
    with pytest.raises(pj.errors.InvalidValueError, match="'it': no counterpart of Renamed"):
        convert(Renamed("it", ("input",), 2.0), tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["it.onnx"]


class Shifted(layers.Convolution):
    """Says itself what stands for it elsewhere, with a list where files have tuples."""

    def __call__(self, weights: layer_base.Weights, *values: torch.Tensor) -> torch.Tensor:
        return super().__call__(weights, *values)

    def operators(self, channels: int) -> list[layer_base.Operator]:
        return [layer_base.Operator("Conv", {"pads": [1, 1, 1, 1], "strides": [1, 1]})]

    def kernels(self) -> dict[str, torch.Tensor]:
        return {"constant": torch.ones(2)}


def test_a_kind_says_what_stands_for_it(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    layer_base.register_layer(Shifted)
    found = convert(Shifted("it", ("input",), "w", None, 1, 1), tmp_path)
    (plain,) = found["onnx"].network.layers
    assert plain == layers.Convolution("it", ("input",), "w", None, 1, 1)
    assert type(found["nnlib"].network.layers[0]) is Shifted


class Nothing(layers.Add):
    def operators(self, channels: int) -> list[layer_base.Operator]:
        return []


def test_a_kind_of_no_operator_is_named(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    with pytest.raises(pj.errors.InvalidValueError, match="'it': Nothing has no operator"):
        convert(Nothing("it", ("input",)), tmp_path)

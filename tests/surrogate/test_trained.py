"""What networks for fields and for wakes do alike: files of before, copies, sources."""

from __future__ import annotations

import pytest
import torch

import pyjutrack as pj
from pyjutrack.core import tensorfile
from pyjutrack.surrogate import Surrogate, WakeSurrogate

CONVOLUTIONS = [
    {"kind": "LineConvolution", "name": "b", "inputs": ["input"], "weight": "z"},
    {"kind": "LineConvolution", "name": "a", "inputs": ["b"], "weight": "a"},
]
ABOUT = {"why": "a test"}
#: descriptions as files have held them from the first on
FILES = {
    Surrogate: {
        "layers": [
            {"kind": "Affine", "name": "a", "inputs": ["input"], "scale": 2.0, "shift": 0.0}
        ],
        "size": [0.02, 0.03],
        "shape": [16, 8],
        "assignment": "bspline",
        "domain": {"size": [1e-3, 2e-3], "aspect": 4.0, "offset": 1e-3, "reach": [4e-3, 5e-3],
                   "particles": 100},
        "about": ABOUT,
    },
    WakeSurrogate: {
        "layers": CONVOLUTIONS,
        "cells": 8,
        "window": 0.3,
        "power": 0.0,
        "domain": {"length": [0.1, 0.2], "offset": 0.1, "skewness": 0.5, "roughness": 1.0,
                   "particles": 100, "beta": 0.99},
        "about": ABOUT,
    },
}  # fmt: skip
HOLDS = {Surrogate: "surrogate", WakeSurrogate: "wake"}
KINDS = pytest.mark.parametrize("kind", FILES, ids=lambda kind: kind.__name__)


@pytest.fixture
def written(tmp_path):
    def write(kind, **changes):
        weights = {"a": torch.ones(1, 1, 5, 1), "z": torch.full((1, 1, 3, 1), 2.0)}
        path = tmp_path / "network.safetensors"
        held = {} if kind is Surrogate else weights
        mark = tensorfile.write(path, {**FILES[kind], **changes}, held, holds=HOLDS[kind])
        return path, mark

    return write


@KINDS
def test_files_of_before_load_and_are_written_the_same(kind, written, tmp_path):
    path, mark = written(kind)
    found = kind.load(path, outside="raise")
    assert found.outside == "raise"
    assert found.about == {**ABOUT, "digest": mark}
    assert tensorfile.plain(found.description()) == FILES[kind]
    assert found.save(tmp_path / "again.safetensors") == mark


def test_weights_stand_in_the_order_of_the_layers(written):
    """A file has them in that of their names, and those of a wake are one vector."""
    found = WakeSurrogate.load(written(WakeSurrogate)[0])
    assert found.weights.tolist() == [2.0] * 3 + [1.0] * 5


@KINDS
@pytest.mark.parametrize("source", [None, b"linear", 3])
def test_a_source_that_is_none(kind, source):
    with pytest.raises(pj.errors.InvalidValueError, match="is a name or a path, not"):
        kind.load(source)


@KINDS
def test_a_device_that_is_not_there(kind, written):
    with pytest.raises(pj.errors.InvalidValueError, match="'cdua' cannot be used"):
        kind.load(written(kind)[0], device="cdua")


@KINDS
def test_a_description_that_lacks_something(kind):
    weights = {"a": torch.ones(1, 1, 5, 1), "z": torch.ones(1, 1, 3, 1)}
    for lacks in FILES[kind]:
        described = {k: v for k, v in FILES[kind].items() if k != lacks}
        with pytest.raises(pj.errors.InvalidValueError, match=rf"does not describe.*'{lacks}'"):
            kind.from_description(described, {} if kind is Surrogate else weights)


@KINDS
def test_a_poor_card_warns(kind, written):
    path, _ = written(kind, about={"held_out": {"mean": 0.16}})
    with pytest.warns(pj.errors.AccuracyWarning, match="states a mean error of the .* of 16%"):
        kind.load(path)


@KINDS
def test_a_domain_of_other_fields(kind, written):
    path, _ = written(kind, domain={"size": 1})
    with pytest.raises(pj.errors.InvalidValueError, match="a domain has"):
        kind.load(path)


def test_another_network_brings_its_weights(written):
    """Kept, those of the former would count, and the new network's would not."""
    found = WakeSurrogate.load(written(WakeSurrogate)[0])
    network = found.network.replace({k: 3 * w for k, w in found.network.weights.items()})
    assert torch.equal(found.replace(network=network).weights, 3 * found.weights)
    tuned = found.replace(network=network, weights=7 * found.weights)
    assert torch.equal(tuned.weights, 7 * found.weights)

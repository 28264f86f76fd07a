"""Converted surrogates on disk: replaced whole or not at all, and refused when damaged."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from nnlib_cases import surrogate

from pyjutrack.core.errors import InvalidValueError, UnknownNameError
from pyjutrack.interop.networks import from_nnlib, to_nnlib
from pyjutrack.surrogate import Network
from pyjutrack.surrogate.layer_base import Layer
from pyjutrack.surrogate.layers import Smoothing


@pytest.fixture
def folder(tmp_path):
    """A converted surrogate, and nothing beside it."""
    path = tmp_path / "net.nnlib"
    to_nnlib(surrogate("pix2pix"), path)
    return path


def change(folder, edit):
    """Edit the manifest in place."""
    file = folder / "manifest.json"
    manifest = json.loads(file.read_text())
    edit(manifest)
    file.write_text(json.dumps(manifest))


def test_a_former_result_is_replaced_and_nothing_stays_beside_it(folder):
    to_nnlib(surrogate("linear"), folder)
    assert from_nnlib(folder).network.linear
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]
    (folder / "weights.bin").unlink()  # half of one is replaced too
    to_nnlib(surrogate("linear"), folder)
    from_nnlib(folder)


@pytest.mark.parametrize("step", ["write_bytes", "rename"])
def test_a_failure_leaves_the_former_result(step, folder, monkeypatch):
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    usual = getattr(Path, step)

    def fail(self, *arguments):
        if self.name in ("weights.bin", "new"):
            raise OSError("the disk is full")
        return usual(self, *arguments)

    monkeypatch.setattr(Path, step, fail)
    with pytest.raises(OSError, match="disk is full"):
        to_nnlib(surrogate("linear"), folder)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]


def test_what_is_no_result_is_not_replaced(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    for taken in (tmp_path, tmp_path / "thesis.tex"):
        with pytest.raises(InvalidValueError, match="no converted surrogate"):
            to_nnlib(surrogate("linear"), taken)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_what_cannot_be_converted(tmp_path):
    with pytest.raises(UnknownNameError, match=r"precision.*float32"):
        to_nnlib(surrogate("linear"), tmp_path / "net", "float23")

    @dataclass(frozen=True)
    class Wavelet(Layer):
        def __call__(self, weights, *values):
            return values[0]

    ours = surrogate("linear")
    odd = Network((*ours.network.layers, Wavelet("w", ("potential",))), ours.network.weights)
    with pytest.raises(InvalidValueError, match="'w': no counterpart of Wavelet"):
        to_nnlib(ours.replace(network=odd), tmp_path / "net")
    same = (*ours.network.layers, Smoothing("down1.weight", ("potential",)))
    with pytest.raises(InvalidValueError, match=r"two arrays .* 'down1.weight'"):
        to_nnlib(ours.replace(network=Network(same, ours.network.weights)), tmp_path / "net")
    large = surrogate("linear", "float64")
    weights = {name: 1e300 * w for name, w in large.network.weights.items()}
    with pytest.raises(InvalidValueError, match="NaN or infinite"):
        to_nnlib(large.replace(network=large.network.replace(weights)), tmp_path / "net")
    assert list(tmp_path.iterdir()) == []


def flip_a_bit(folder):
    data = bytearray((folder / "weights.bin").read_bytes())
    data[100] ^= 1
    (folder / "weights.bin").write_bytes(data)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "manifest.json").unlink(), "lacks manifest.json"),
        (lambda folder: (folder / "manifest.json").write_text('{"format": "py'), "no whole JSON"),
        (lambda folder: (folder / "manifest.json").write_text("[1]"), "another format"),
        (lambda folder: (folder / "manifest.json").write_bytes(b"\xff"), "no whole JSON"),
        (lambda folder: (folder / "weights.bin").unlink(), r"no weights at .*weights\.bin"),
        (
            lambda folder: (folder / "weights.bin").write_bytes(b"\0" * 400),
            r"weights\.bin is 400 bytes long, its arrays are \d+: it is truncated",
        ),
        (flip_a_bit, r"weights\.bin was changed"),
    ],
)
def test_damaged_files(damage, said, folder):
    damage(folder)
    with pytest.raises(InvalidValueError, match=said):
        from_nnlib(folder)


@pytest.mark.parametrize(
    ("name", "said"), [("down1.weight", "'down1.weight' holds NaN"), ("smoothed", "'smoothed'")]
)
def test_weights_written_elsewhere_are_checked_too(name, said, folder):
    """A digest that is right says nothing of the numbers."""

    def sign(manifest):
        data = bytearray((folder / "weights.bin").read_bytes())
        offset = manifest["arrays"][name]["offset"]
        data[offset : offset + 4] = np.float32(np.nan).tobytes()
        (folder / "weights.bin").write_bytes(data)
        manifest["sha256"] = hashlib.sha256(data).hexdigest()

    change(folder, sign)
    with pytest.raises(InvalidValueError, match=said):
        from_nnlib(folder)


def _layer(manifest, name):
    return next(layer for layer in manifest["layers"] if layer["name"] == name)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda m: m.update(version=2), "another format"),
        (lambda m: m.update(format="onnx"), "another format"),
        (lambda m: m.pop("size"), "does not describe a surrogate"),
        (lambda m: m.update(arrays=[]), "does not describe a surrogate"),
        (lambda m: m["arrays"]["up2.weight"].pop("dims"), "does not describe a surrogate"),
        (lambda m: m.update(linear=True), "says linear is True"),
        (lambda m: m.update(shape=[18, 24]), "does not fit"),
        (lambda m: m["arrays"]["up2.weight"].update(dims=[4, 4, 6, -10]), "'up2.weight' has dims"),
        (lambda m: m["arrays"]["down2.weight"].update(dims=[4, 4, 3, 6]), "do not belong together"),
        (lambda m: m["arrays"]["down2.weight"].update(dims=[4, 4, 5, 3]), "does not fit"),
        (lambda m: m["arrays"]["down2.weight"].update(dims=[4, 4, 15]), "does not fit"),
        (lambda m: m["arrays"]["down2.weight"].update(offset=4), "do not belong together"),
        (
            lambda m: m["arrays"]["smoothed"].update(dims=[25, 1, 1, 1]),
            r"'smoothed' with dims \(25",
        ),
        (lambda m: _layer(m, "smoothed").update(sigma=1.0), "'smoothed'"),
        (lambda m: _layer(m, "smoothed").update(name="other"), "differ in other, smoothed"),
        (lambda m: _layer(m, "up2").update(weight="none"), "'up2' lacks its weight 'none'"),
        (lambda m: _layer(m, "up2").update(bias=None), "differ in up2.bias"),
        (lambda m: _layer(m, "up2").update(stride="two"), "does not fit"),
        (lambda m: _layer(m, "up2").update(dilation=2), "not a record of a"),
    ],
)
def test_a_manifest_that_is_wrong(edit, said, folder):
    change(folder, edit)
    with pytest.raises(InvalidValueError, match=said):
        from_nnlib(folder)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda m: _layer(m, "up2").update(kind="Convolutoin"), "did you mean 'Convolution'"),
        (lambda m: m.update(dtype="float16"), "precision"),
        (lambda m: m.update(assignment="bspine"), "did you mean 'bspline'"),
    ],
)
def test_unknown_names(edit, said, folder):
    change(folder, edit)
    with pytest.raises(UnknownNameError, match=said):
        from_nnlib(folder)

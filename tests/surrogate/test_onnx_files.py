"""ONNX files of ours that were damaged, changed, or saved by another program."""

import json
import sys

import pytest
import torch
from onnx_cases import edited, onnx
from onnx_networks import network_of, surrogate_of

from pyjutrack.core.errors import InvalidValueError, PyJuTrackError
from pyjutrack.interop.networks import from_onnx, to_onnx


@pytest.fixture
def file(tmp_path):
    return tmp_path / "network.onnx"


@pytest.mark.parametrize("keep", [0, 1, 0.3, 0.6, 0.9, 0.999])
def test_a_truncated_file(keep, file):
    to_onnx(surrogate_of(network_of("linear")), file)
    content = file.read_bytes()
    file.write_bytes(content[: keep if keep == 1 else int(keep * len(content))])
    with pytest.raises(InvalidValueError, match=r"network\.onnx cannot be read: it is no"):
        from_onnx(file)


@pytest.mark.parametrize("content", [b"not a network\n" * 20, b"{}", bytes(range(256)) * 4])
def test_no_onnx_file(content, file):
    file.write_bytes(content)
    with pytest.raises(InvalidValueError, match=r"network\.onnx cannot be read: it is no"):
        from_onnx(file)


def test_no_file(tmp_path):
    for path in (tmp_path / "none.onnx", tmp_path):
        with pytest.raises(InvalidValueError, match="no ONNX file at"):
            from_onnx(path)


def test_a_changed_weight_is_noticed(file):
    """One byte in the middle of the weights, where no structure is hurt."""
    to_onnx(surrogate_of(network_of("linear")), file)
    content = bytearray(file.read_bytes())
    assert from_onnx(file)
    weight = network_of("linear").weights["up3.weight"].to(torch.float32).numpy().tobytes()
    at = content.index(weight) + len(weight) // 2
    content[at] ^= 1
    file.write_bytes(content)
    with pytest.raises(InvalidValueError, match=r"network\.onnx cannot be read: it was changed"):
        from_onnx(file)


def test_another_program_may_save_our_file_again(file):
    to_onnx(surrogate_of(network_of("linear")), file)
    onnx.save_model(onnx.load(file), file)
    assert from_onnx(file).mesh.grid.size == (0.02, 0.03)


def test_weights_in_another_file(file):
    to_onnx(surrogate_of(network_of("linear")), file)
    onnx.save_model(
        onnx.load(file), file, save_as_external_data=True, location="w.bin", size_threshold=0
    )
    assert (file.parent / "w.bin").exists()
    with pytest.raises(InvalidValueError, match=r"'down1\.weight' lie in another file"):
        from_onnx(file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no JSON"),
        ("[1]", "not a JSON object"),
        ('{"size": 3}', "does not describe a surrogate"),
        ('{"size": [0.02]}', "positive finite sides"),
        ('{"domain": {"size": [1, 2]}}', "a domain has"),
        (json.dumps({"shape": [64, 64]}), r"shape is \(64, 64\), not \(32, 48\)"),
    ],
)
def test_damaged_descriptions(text, message, file):
    to_onnx(surrogate_of(network_of("linear")), file)

    def damage(model):
        model.metadata_props[0].value = text

    with pytest.raises(InvalidValueError, match=message):
        from_onnx(edited(file, damage))


@pytest.mark.parametrize("call", [lambda p: to_onnx(network_of("linear"), p), from_onnx])
def test_without_the_package(call, file, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(PyJuTrackError, match=r'pip install "\.\[onnx\]"'):
        call(file)

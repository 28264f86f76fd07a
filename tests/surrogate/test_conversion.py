"""`pyjutrack convert`, and reading and writing by suffix."""

import pytest
import torch

import pyjutrack as pj
from pyjutrack.cli import main
from pyjutrack.interop.networks import from_onnx, read, to_onnx, write


def same(a, b):
    weights = a.network.weights
    assert weights.keys() == b.network.weights.keys()
    assert all(torch.equal(w.float(), b.network.weights[k].float()) for k, w in weights.items())
    assert (a.mesh, a.domain) == (b.mesh, b.domain)


@pytest.mark.parametrize("suffix", [".safetensors", ".onnx", ".nnlib"])
def test_the_command_there_and_back(suffix, tmp_path, capsys):
    there, back = tmp_path / f"a{suffix}", tmp_path / "b.safetensors"
    assert main(["convert", "linear", str(there)]) == 0
    assert main(["convert", str(there), str(back)]) == 0
    assert f"wrote {back}" in capsys.readouterr().out
    same(pj.Surrogate.load("linear"), pj.Surrogate.load(back))


def test_a_generator_from_elsewhere(make_surrogate, tmp_path):
    """JuTrack's standardisation and smoothing are put around an ONNX file."""
    from pyjutrack.interop.networks import JUTRACK

    bare = make_surrogate("pix2pix", domain=None).to(torch.float32)
    to_onnx(bare.network, tmp_path / "a.onnx")
    argv = ["convert", str(tmp_path / "a.onnx"), str(tmp_path / "b.safetensors"), "--jutrack"]
    assert main(argv) == 1  # the cells are open
    assert main([*argv, "--shape", "64", "64"]) == 0
    found = pj.Surrogate.load(tmp_path / "b.safetensors", dtype=torch.float32)
    x = torch.rand(64, 64)
    inner = bare.network((x - JUTRACK.input_mean) / JUTRACK.input_std)
    raw = inner * JUTRACK.output_std + JUTRACK.output_mean
    kernel = found.network.layers[-1].kernel().float()
    expected = torch.nn.functional.conv2d(raw[None, None], kernel, padding=2)[0, 0]
    assert torch.allclose(found.network(x), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["linear", "x.onxn"], "'.onnx'"),
        (["lineal", "x.onnx"], "no network named 'lineal'; did you mean 'linear'?"),
        (["my/lineal", "x.onnx"], "suffix"),
        (["none.onnx", "x.nnlib"], "no ONNX file"),
        (["linear", "x.onnx", "--jutrack"], "ONNX files only"),
        (["linear", "x.onnx", "--standardise", "0", "1", "0", "0"], "standard deviations"),
    ],
)
def test_bad_conversions(argv, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["convert", *argv]) == 1
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_what_is_standardised_already(make_surrogate, tmp_path):
    write(make_surrogate(), tmp_path / "a.onnx")
    assert main(["convert", str(tmp_path / "a.onnx"), str(tmp_path / "b.nnlib"), "--jutrack"]) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["a.onnx"]
    with pytest.raises(pj.errors.InvalidValueError, match="standardised already"):
        from_onnx(tmp_path / "a.onnx", smoothing=(2.0, 5))


def test_a_precision_that_the_format_has_not(make_surrogate, tmp_path):
    with pytest.raises(pj.errors.InvalidValueError, match="single precision"):
        write(make_surrogate(), tmp_path / "a.onnx", dtype="float64")


def test_read_takes_what_ships(tmp_path):
    same(read("linear"), pj.Surrogate.load("linear"))

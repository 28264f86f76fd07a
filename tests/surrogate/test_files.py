"""Files of surrogates, and everything else that may be wrong with one."""

import json
import struct

import numpy as np
import pytest
import torch
from surrogate_cases import shares

import pyjutrack as pj
from pyjutrack.surrogate import Surrogate


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(pj.errors.InvalidValueError, match="no file of a surrogate"):
        Surrogate.load(tmp_path / "none.safetensors")
    with pytest.raises(pj.errors.UnknownNameError, match="did you mean 'linear'"):
        Surrogate.load("liner")


def test_a_truncated_file(make_surrogate, tmp_path):
    path = tmp_path / "n.safetensors"
    make_surrogate().save(path)
    whole = path.read_bytes()
    for kept in (0, 4, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:kept])
        with pytest.raises(pj.errors.InvalidValueError, match=r"n\.safetensors"):
            Surrogate.load(path)


def test_a_tampered_file(make_surrogate, tmp_path):
    path = tmp_path / "n.safetensors"
    make_surrogate().save(path)
    whole = bytearray(path.read_bytes())
    whole[-5] ^= 1  # a weight
    path.write_bytes(whole)
    with pytest.raises(pj.errors.InvalidValueError, match="changed after it was written"):
        Surrogate.load(path)
    whole[-5] ^= 1
    place = whole.index(b"0.0003")  # the domain
    whole[place : place + 6] = b"0.0001"
    path.write_bytes(whole)
    with pytest.raises(pj.errors.InvalidValueError, match="changed after it was written"):
        Surrogate.load(path)


def rewritten(path, change):
    """A file of the same format with another description and a digest that fits."""
    from pyjutrack.core import tensorfile

    description, weights, _ = tensorfile.read(path)
    change(description, weights)
    tensorfile.write(path, description, weights)


def test_weights_of_another_architecture(make_surrogate, tmp_path):
    path = tmp_path / "n.safetensors"

    def wider(description, weights):
        weights["down2.weight"] = torch.ones(5, 4, 4, 4)

    def poisoned(description, weights):
        weights["down2.weight"][0, 0, 0, 0] = float("nan")

    def renamed(description, weights):
        weights["down7.weight"] = weights.pop("down2.weight")

    def undescribed(description, weights):
        del description["layers"]

    for change, said in (
        (wider, "does not fit"),
        (poisoned, "'down2.weight' holds NaN"),
        (renamed, "lacks its weight 'down2.weight'"),
        (undescribed, "does not describe a surrogate"),
    ):
        make_surrogate().save(path)
        rewritten(path, change)
        with pytest.raises(pj.errors.InvalidValueError, match=said):
            Surrogate.load(path)


def test_a_file_of_something_else(tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / "n.safetensors"
    save_file({"w": torch.ones(3)}, path)
    with pytest.raises(pj.errors.InvalidValueError, match="no surrogate of this package"):
        Surrogate.load(path)
    path.write_bytes(b"\x80\x04\x95pickle")
    with pytest.raises(pj.errors.InvalidValueError, match="no whole safetensors file"):
        Surrogate.load(path)


def test_no_pickle(make_surrogate, tmp_path):
    """The file is a JSON header and numbers: nothing that could run."""
    path = tmp_path / "n.safetensors"
    make_surrogate().save(path)
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    stop = max(v["data_offsets"][1] for k, v in header.items() if k != "__metadata__")
    assert len(raw) == 8 + length + stop


def test_another_grid(make_surrogate):
    with pytest.raises(
        pj.errors.InvalidValueError, match=r"trained on \(64, 64\) cells.*\(132, 132\)"
    ):
        make_surrogate(outside="ignore").solve(torch.zeros(132, 132, dtype=torch.float64))


def test_cells_that_the_steps_do_not_divide(make_surrogate):
    with pytest.raises(pj.errors.InvalidValueError, match="does not fit"):
        make_surrogate("linear", cells=(36, 36))


def test_a_choice_that_does_not_exist(make_surrogate):
    with pytest.raises(pj.errors.UnknownNameError, match="'raise'"):
        make_surrogate(outside="raises")


def test_batches_of_densities(make_surrogate):
    surrogate = make_surrogate()
    stack = torch.stack([shares(seed=s) for s in range(3)])
    assert torch.allclose(
        surrogate.solve(stack)[1], surrogate.replace(outside="ignore").solve(stack[1])
    )
    assert np.isfinite(surrogate.solve(stack).numpy()).all()


def test_a_device_that_is_not_there():
    with pytest.raises(pj.errors.InvalidValueError, match="'cdua' cannot be used"):
        Surrogate.load("linear", device="cdua")
    if not torch.cuda.is_available():
        with pytest.raises(pj.errors.InvalidValueError, match="'cuda' cannot be used"):
            pj.surrogate.train(pj.surrogate.Recipe(steps=1, samples=1), device="cuda")


@pytest.mark.parametrize("source", [None, b"linear", 3])
def test_a_source_that_is_none(source):
    with pytest.raises(pj.errors.InvalidValueError, match="a name or a path"):
        Surrogate.load(source)


@pytest.mark.parametrize("dtype", [torch.float16, torch.complex64, "float32"])
def test_a_precision_that_is_none(dtype):
    with pytest.raises(pj.errors.InvalidValueError, match="float32 or float64"):
        Surrogate.load("linear", dtype=dtype)

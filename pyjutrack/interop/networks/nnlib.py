"""Surrogates as folders for NNlib, Julia's library of layers, and back.

`weights.bin` holds the arrays as Julia lays them out, `manifest.json` all else. A JSON reader and
Julia's standard library read them; `docs/nnlib.md` gives the schema and the rule of each layer.
"""

from __future__ import annotations

import hashlib
import json
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...core.atomic import write_json, writing
from ...core.errors import InvalidValueError, require_known
from ...surrogate.layer_base import Layer, Weights, from_record
from ...surrogate.network import Network
from ...surrogate.surrogate import Surrogate

Array = NDArray[Any]

_FORMAT = {"format": "pyjutrack-nnlib", "version": 1}
_MANIFEST, _BINARY = "manifest.json", "weights.bin"
_PRECISIONS = {"float32": torch.float32, "float64": torch.float64}


def to_nnlib(surrogate: Surrogate, path: str | Path, dtype: str = "float32") -> None:
    """Write a surrogate as a folder, whole or not at all; a former one there is replaced.

    Args:
        surrogate: any of ours; what it does with beams outside its domain is not kept.
        path: the folder, by custom `NAME.nnlib`.
        dtype: precision of the arrays, "float32" or "float64".

    Raises:
        UnknownNameError: another precision.
        InvalidValueError: a network for a wake, a layer that has no counterpart, weights too large
            for the precision, or something else at `path`.
        WriteError: the disk is full, say; a former folder is kept.
    """
    require_known("precision", dtype, _PRECISIONS)
    if not isinstance(surrogate, Surrogate):
        raise InvalidValueError(
            f"folders for NNlib hold networks for fields, and no {type(surrogate).__name__}; ONNX "
            "files hold both"
        )
    network = surrogate.network.to(_PRECISIONS[dtype], "cpu")
    stored = _little_endian(dtype)
    places: dict[str, dict[str, Any]] = {}
    binary = bytearray()
    for name, array in _lay_out(network).items():
        places[name] = {"dims": array.shape, "offset": len(binary)}
        binary += array.astype(stored).tobytes(order="F")
    manifest = {
        **_FORMAT,
        **surrogate.description(),
        "linear": network.linear,
        "dtype": dtype,
        "sha256": hashlib.sha256(binary).hexdigest(),
        "arrays": places,
    }

    def fill(folder: Path) -> None:
        (folder / _BINARY).write_bytes(binary)
        write_json(folder / _MANIFEST, manifest)

    _write_folder(Path(path), fill)


def from_nnlib(path: str | Path) -> Surrogate:
    """The surrogate of a folder of `to_nnlib`, in the precision that it is stored in.

    Raises:
        UnknownNameError: a layer of a kind that does not exist here.
        InvalidValueError: no such folder, a file that is missing, truncated or changed, or arrays
            that do not fit the layers.
    """
    path = Path(path)
    manifest = _manifest(path / _MANIFEST)
    try:
        found = _arrays_in(path / _BINARY, manifest)
        needed = {w for layer in map(from_record, manifest["layers"]) for w in layer.weights()}
        weights = {name: _weight(array) for name, array in found.items() if name in needed}
        linear = manifest["linear"]
    except (KeyError, TypeError, AttributeError) as error:
        raise InvalidValueError(f"{path} does not describe a surrogate: {error!r}") from error
    surrogate = Surrogate.from_description(manifest, weights, str(path))
    if linear != surrogate.network.linear:
        raise InvalidValueError(f"{path} says linear is {linear}, and its layers the opposite")
    _check_arrays(path, found, surrogate.network)
    return surrogate


def _little_endian(dtype: str) -> np.dtype[Any]:
    """Little-endian whatever the machine."""
    return np.dtype(dtype).newbyteorder("<")


def _lay_out(network: Network) -> dict[str, Array]:
    """All arrays in Julia's dims by name; one that several layers use stands once."""
    arrays: dict[str, Array] = {}
    for layer in network.layers:
        for name, array in _arrays_of(layer, network.weights).items():
            if not np.array_equal(arrays.setdefault(name, array), array):
                raise InvalidValueError(f"two arrays of the network are named {name!r}")
    return arrays


def _arrays_of(layer: Layer, weights: Weights) -> dict[str, Array]:
    """The arrays by name that NNlib needs for a layer, in Julia's dims."""
    tensors = {name: weights[name] for name in layer.weights()} | layer.kernels()
    return {name: _julia(tensor) for name, tensor in tensors.items()}


def _julia(weight: Tensor) -> Array:
    """Kernels as (kx, ky, channels in, out), flipped as NNlib's `conv` takes them; others as are.

    One form for both convolutions: `∇conv_data` takes the kernel of the one that it transposes.
    """
    if weight.dim() == 4:
        weight = weight.flip(-2, -1).permute(2, 3, 1, 0)
    return weight.detach().numpy()


def _weight(array: Array) -> Tensor:
    """A weight as layers here take it: kernels flipped back, offsets as they are."""
    weight = torch.from_numpy(array)
    if weight.dim() != 4:
        return weight
    return weight.permute(3, 2, 0, 1).flip(-2, -1).contiguous()


def _manifest(file: Path) -> dict[str, Any]:
    """The description in a folder."""
    if not file.is_file():
        raise InvalidValueError(f"no converted surrogate at {file.parent}: it lacks {file.name}")
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError, OSError) as error:
        raise InvalidValueError(f"{file} is no whole JSON: {error}") from error
    held = {k: manifest.get(k) for k in _FORMAT} if isinstance(manifest, dict) else None
    if held != _FORMAT:
        raise InvalidValueError(f"{file} is of another format: {held}, expected {_FORMAT}")
    return manifest


def _arrays_in(file: Path, manifest: dict[str, Any]) -> dict[str, Array]:
    """The arrays of a binary file, in Julia's dims."""
    dtype = manifest["dtype"]
    require_known("precision", dtype, _PRECISIONS)
    stored = _little_endian(dtype)
    places = sorted(manifest["arrays"].items(), key=lambda item: item[1]["offset"])
    total = 0
    for name, place in places:
        dims = place["dims"]
        if not all(isinstance(n, int) and n > 0 for n in dims):
            raise InvalidValueError(f"{file.parent}: the array {name!r} has dims {dims}")
        if place["offset"] != total:
            raise InvalidValueError(
                f"{file.parent}: the array {name!r} starts at byte {place['offset']}, and those "
                f"before it end at {total}; dims and offsets do not belong together"
            )
        total += math.prod(dims) * stored.itemsize
    if not file.is_file():
        raise InvalidValueError(f"no weights at {file}; convert the surrogate again")
    try:
        data = file.read_bytes()
    except OSError as error:
        raise InvalidValueError(f"{file} cannot be read: {error.strerror or error}") from error
    if len(data) != total:
        raise InvalidValueError(
            f"{file} is {len(data)} bytes long, its arrays are {total}: it is truncated, or of "
            "another network; convert the surrogate again"
        )
    if hashlib.sha256(data).hexdigest() != manifest["sha256"]:
        raise InvalidValueError(
            f"{file} was changed after it was written: its digest does not match; "
            "convert the surrogate again"
        )
    return {
        name: np.frombuffer(data, stored, math.prod(place["dims"]), place["offset"])
        .reshape(place["dims"], order="F")
        .astype(dtype)
        for name, place in places
    }


def _check_arrays(path: Path, found: dict[str, Array], network: Network) -> None:
    """Raise InvalidValueError unless these are the arrays that the network is written with."""
    expected = _lay_out(network)
    if found.keys() != expected.keys():
        odd = ", ".join(sorted(found.keys() ^ expected.keys()))
        raise InvalidValueError(f"{path}: the layers and the arrays differ in {odd}")
    for name, array in found.items():
        # fixed kernels of another machine may differ in their last digits
        same = array.shape == expected[name].shape
        if not same or not np.allclose(array, expected[name], rtol=1e-6, atol=0):
            raise InvalidValueError(
                f"{path}: the array {name!r} with dims {array.shape} is not that of its layer, "
                f"with dims {expected[name].shape}"
            )


def _temporary_folder(path: Path) -> tempfile.TemporaryDirectory[str]:
    """A temporary folder beside `path`, whose own folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-")


def _write_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` fill a temporary folder beside `path`, then rename it to `path`.

    A former folder moves aside first and comes back if that fails: one of the two is always whole.
    """
    path = path.resolve()
    ours = {_MANIFEST, _BINARY}
    if path.exists() and not (path.is_dir() and {p.name for p in path.iterdir()} <= ours):
        raise InvalidValueError(f"{path} is there and no converted surrogate; take another name")
    with writing(path), _temporary_folder(path) as name:
        new, old = Path(name) / "new", Path(name) / "old"
        new.mkdir()
        fill(new)
        try:
            if path.exists():
                path.rename(old)
            new.rename(path)
        finally:
            if old.exists() and not path.exists():
                old.rename(path)

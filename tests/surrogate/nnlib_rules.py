"""NNlib's documented rules, written out in NumPy.

The evaluator reads nothing but the two files and knows nothing of PyTorch. Arrays are
(x, y, channels, batch), as in Julia; indices count from zero here.
"""

import json
from itertools import product

import numpy as np


def conv(x, w, stride, pad):
    """y[i, o] = sum_k xpad[i stride + k] w[K - 1 - k]: NNlib's `conv`, flipped = false."""
    kx, ky = w.shape[:2]
    padded = np.pad(x, [(pad, pad), (pad, pad), (0, 0), (0, 0)])
    nx, ny = ((n - k) // stride + 1 for n, k in zip(padded.shape[:2], w.shape[:2], strict=True))
    y = np.zeros((nx, ny, w.shape[3], x.shape[3]), x.dtype)
    for i, j in product(range(kx), range(ky)):
        seen = padded[i : i + stride * nx : stride, j : j + stride * ny : stride]
        y += np.einsum("xycn,co->xyon", seen[:nx, :ny], w[kx - 1 - i, ky - 1 - j])
    return y


def grad_conv_data(dy, w, size, stride, pad):
    """NNlib's `∇conv_data`: each dy goes back to every x that `conv` took for it, same weight."""
    kx, ky = w.shape[:2]
    nx, ny = dy.shape[:2]
    assert (nx, ny) == tuple(
        (n + 2 * pad - k) // stride + 1 for n, k in zip(size, (kx, ky), strict=True)
    )
    padded = np.zeros((size[0] + 2 * pad, size[1] + 2 * pad, w.shape[2], dy.shape[3]), dy.dtype)
    for i, j in product(range(kx), range(ky)):
        seen = padded[i : i + stride * nx : stride, j : j + stride * ny : stride]
        seen[:nx, :ny] += np.einsum("xyon,co->xycn", dy, w[kx - 1 - i, ky - 1 - j])
    return padded[pad : pad + size[0], pad : pad + size[1]]


def _offset(layer, arrays):
    bias = layer["bias"]
    return 0 if bias is None else arrays[bias].reshape(1, 1, -1, 1)


def _convolution(layer, arrays, x):
    w = arrays[layer["weight"]]
    return conv(x, w, layer["stride"], layer["padding"]) + _offset(layer, arrays)


def _transposed(layer, arrays, x):
    w, stride, pad = arrays[layer["weight"]], layer["stride"], layer["padding"]
    size = tuple((n - 1) * stride - 2 * pad + k for n, k in zip(x.shape, w.shape[:2], strict=False))
    return grad_conv_data(x, w, size, stride, pad) + _offset(layer, arrays)


def _instance_norm(layer, arrays, x):
    mean = x.mean((0, 1), keepdims=True)
    variance = ((x - mean) ** 2).mean((0, 1), keepdims=True)
    return (x - mean) / np.sqrt(variance + x.dtype.type(layer["eps"]))


RULES = {
    "Convolution": _convolution,
    "TransposedConvolution": _transposed,
    "InstanceNorm": _instance_norm,
    "LeakyReLU": lambda layer, arrays, x: np.where(x > 0, x, x.dtype.type(layer["slope"]) * x),
    "Affine": lambda layer, arrays, x: (
        x.dtype.type(layer["scale"]) * x + x.dtype.type(layer["shift"])
    ),
    "Add": lambda layer, arrays, *x: sum(x[1:], x[0]),
    "Concatenate": lambda layer, arrays, *x: np.concatenate(x, 2),
    "Channels": lambda layer, arrays, x: x[:, :, layer["start"] : layer["stop"]],
    "Smoothing": lambda layer, arrays, x: conv(x, arrays[layer["name"]], 1, layer["width"] // 2),
}


def evaluate(folder, maps):
    """Maps (nx, ny, 1, batch) from maps in their own precision, by what stands in the folder."""
    manifest = json.loads((folder / "manifest.json").read_text())
    dtype = np.dtype({"float32": "<f4", "float64": "<f8"}[manifest["dtype"]])
    arrays = {}
    for name, place in manifest["arrays"].items():
        count, offset = int(np.prod(place["dims"])), place["offset"]
        flat = np.fromfile(folder / "weights.bin", dtype, count, offset=offset)
        arrays[name] = flat.reshape(place["dims"], order="F").astype(maps.dtype)
    values = {"input": maps}
    for layer in manifest["layers"]:
        read = [values[name] for name in layer["inputs"]]
        values[layer["name"]] = RULES[layer["kind"]](layer, arrays, *read)
    return values[manifest["layers"][-1]["name"]]

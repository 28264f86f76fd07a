"""Convert convolutions of ONNX to layers, with the borders of zeros that belong to them."""

from __future__ import annotations

import numpy as np
import torch

from ...surrogate.layers import SIGMA, Convolution, Smoothing, TransposedConvolution
from ..onnx.model import Node
from .onnx_layers import NO_PADS, LayerGraph, Map, Pads

_AUTOMATIC = ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")


def convolve(node: Node, graph: LayerGraph) -> None:
    """Conv, with what a Pad before it asks for."""
    source, border = graph.read_padded(node, 0)
    kernel, bias, stride = _operands(node, graph)
    window, (_, nx, ny) = _sides(graph, kernel), graph.shape(source)
    inner = (nx + border[0] + border[2], ny + border[1] + border[3])
    pads = _sum(border, _own_pads(node, inner, window, stride))
    padding = pads[0]
    for cells, side, before, after in zip((nx, ny), window, pads[:2], pads[2:], strict=True):
        places = (cells + before + after - side) // stride
        # zeros after the last place that the kernel reaches make no difference
        same = before == padding and places == (cells + 2 * padding - side) // stride
        if not same or padding < 0:
            node.refuse(f"pads {pads} are not supported; supported are equal ones")
    if bias is None and stride == 1 and padding == window[0] // 2:
        smoothing = Smoothing(node.name, (source,), _sigma(node), window[0])
        if _is_kernel(smoothing, graph.weights[kernel]):
            graph.make(node, smoothing)
            return
    graph.make(node, Convolution(node.name, (source,), kernel, bias, stride, padding))


def convolve_transposed(node: Node, graph: LayerGraph) -> None:
    """ConvTranspose."""
    source = graph.map(node, 0)
    kernel, bias, stride = _operands(node, graph)
    node.require("output_padding", node.get("output_padding", (0, 0)), (0, 0))
    node.require("output_shape", node.get("output_shape", None), None)
    auto = node.get("auto_pad", "NOTSET")
    node.require("auto_pad", auto, *_AUTOMATIC)
    pads = node.get("pads", NO_PADS) if auto == "NOTSET" else NO_PADS
    if auto.startswith("SAME"):
        # the result is to have `stride` times the cells; the rest is cut off on both sides
        x, y = (side - stride for side in _sides(graph, kernel))
        pads = (x // 2, y // 2, x - x // 2, y - y // 2)
    if len(set(pads)) > 1 or pads[0] < 0:
        node.refuse(f"pads {pads} are not supported; supported are equal ones")
    graph.make(node, TransposedConvolution(node.name, (source,), kernel, bias, stride, pads[0]))


def pad(node: Node, graph: LayerGraph) -> None:
    """Pad with zeros: left to the convolution that reads it."""
    source, border = graph.read_padded(node, 0)
    node.require("mode", node.get("mode", "constant"), "constant")
    value = graph.constant(node, 2).array if node.has(2) else node.get("value", 0.0)
    node.require("value", float(np.asarray(value)), 0.0)
    pads = graph.integers(node, "pads", 1) or ()
    axes = graph.integers(node, "axes", 3) or (0, 1, 2, 3)
    if len(pads) != 2 * len(axes):
        node.refuse(f"it has {len(pads)} pads for {len(axes)} axes")
    sides = dict.fromkeys(range(4), (0, 0))
    for i, axis in enumerate(axes):
        sides[axis % 4] = (pads[i], pads[len(axes) + i])
    if any(sides[0] + sides[1]) or min(pads) < 0:
        node.refuse(f"pads {pads} are not supported; supported are zeros along x and y")
    (x0, x1), (y0, y1) = sides[2], sides[3]
    graph.known[node.outputs[0]] = Map(source, _sum(border, (x0, y0, x1, y1)))


def _operands(node: Node, graph: LayerGraph) -> tuple[str, str | None, int]:
    """Kernel, bias and stride of a convolution, after what layers do not have is refused."""
    node.require("group", node.get("group", 1), 1)
    node.require("dilations", node.get("dilations", (1, 1)), (1, 1))
    strides = node.get("strides", (1, 1))
    if len(strides) != 2 or strides[0] != strides[1]:
        node.refuse(f"strides {strides} are not supported; supported are two equal ones")
    kernel = graph.weight(node, 1)
    shape = tuple(graph.weights[kernel].shape)
    if len(shape) != 4:
        node.refuse(f"a kernel of shape {shape} is not supported; supported are four axes")
    return kernel, graph.weight(node, 2) if node.has(2) else None, strides[0]


def _own_pads(node: Node, cells: tuple[int, int], window: tuple[int, int], stride: int) -> Pads:
    """The border that a Conv adds by itself."""
    auto = node.get("auto_pad", "NOTSET")
    node.require("auto_pad", auto, *_AUTOMATIC)
    if auto == "NOTSET":
        x0, y0, x1, y1 = node.get("pads", NO_PADS)
        return x0, y0, x1, y1
    if auto == "VALID":
        return NO_PADS
    # the result is to have the cells over `stride`, rounded up
    x, y = (
        max((-(-n // stride) - 1) * stride + side - n, 0)
        for n, side in zip(cells, window, strict=True)
    )
    less, more = (x // 2, y // 2), (x - x // 2, y - y // 2)
    return (*less, *more) if auto == "SAME_UPPER" else (*more, *less)


def _sides(graph: LayerGraph, kernel: str) -> tuple[int, int]:
    """Cells of a kernel along x and y."""
    _, _, x, y = graph.weights[kernel].shape
    return x, y


def _sigma(node: Node) -> float:
    """The rms of the Gaussian that this package wrote as the kernel; zero for other kernels."""
    try:
        return float(node.notes.get(SIGMA, "0"))
    except ValueError:
        return 0.0


def _is_kernel(smoothing: Smoothing, kernel: torch.Tensor) -> bool:
    """Return whether a kernel is still that of a smoothing."""
    if smoothing.sigma <= 0:
        return False
    made = smoothing.kernel()
    return made.shape == kernel.shape and torch.allclose(made, kernel.double(), 1e-6, 0.0)


def _sum(a: Pads, b: Pads) -> Pads:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]

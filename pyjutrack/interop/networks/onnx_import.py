"""Networks from ONNX files of this package and of others.

A file holds numbers and the names of operators; reading one runs nothing. It needs the package
`onnx`, which is imported when a function here is called, not before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...core.errors import InvalidValueError
from ...core.tensorfile import plain
from ...mesh.shapes import BSPLINE, Shape
from ...surrogate.architectures import Standardisation
from ...surrogate.layer_base import Layer, record
from ...surrogate.layers import Affine, Smoothing
from ...surrogate.network import INPUT, Network
from ...surrogate.surrogate import Surrogate
from ..onnx.model import DESCRIPTION, Model, Node, Value, read, require_package
from .onnx_layers import LayerGraph, Map
from .onnx_operators import RULES

#: What goes into and comes out of JuTrack's published generator. It reads the shares of the beam in
#: 128 x 128 cells of 20 mm x 20 mm: `from_onnx(path, standardisation=JUTRACK, smoothing=(2.0, 5))`.
#: Source: JuTrack.jl, src/MLmodel/emit_growth_withSC_ML.jl: x_mean, x_std, y_mean, y_std.
JUTRACK = Standardisation(
    input_mean=6.102458832397462e-05,
    input_std=0.0004449417922594988,
    output_mean=0.02980841330718319,
    output_std=0.46651152626100306,
)

#: box of files that do not state theirs [m]
_SIZE = (0.02, 0.02)
#: types of inputs, and the precision in which their networks work here
_PRECISIONS = {
    np.dtype(np.float16): torch.float32,
    np.dtype(np.float32): torch.float32,
    np.dtype(np.float64): torch.float64,
}


def from_onnx(
    path: str | Path,
    *,
    size: tuple[float, float] | None = None,
    shape: tuple[int, int] | None = None,
    assignment: str | Shape | None = None,
    standardisation: Standardisation | None = None,
    smoothing: tuple[float, int] | None = None,
    outside: str = "warn",
) -> Surrogate:
    """The surrogate that an ONNX file holds, of this package or of another, in its precision.

    Args:
        path: of a file whose graph maps (batch, 1, nx, ny) to the same shape, by convolutions,
            norms, rectifiers, sums and joins; an error names any operator that is not known.
        size: full width and height of the box [m]; None takes what the file states, else 20 mm.
        shape: cells in x and y, for a file that leaves them open.
        assignment: shape function of the particles; None takes the file's, else "bspline".
        standardisation: put before and after the graph, for a network that works on standardised
            maps and was stored without that step.
        smoothing: rms [cells] and width of a Gaussian put after all; None puts none.
        outside: what to do with a beam unlike those of training: "warn", "raise" or "ignore".

    Raises:
        InvalidValueError: no such file; no whole ONNX file, or one of ours that was changed since;
            weights in other files; an operator or attribute that no layer stands for; another box,
            shape function or number of cells than the file states.
        MissingPackageError: the package `onnx` is missing.
    """
    require_package()
    path = Path(path)
    if not path.is_file():
        raise InvalidValueError(f"no ONNX file at {path}")
    try:
        model = read(path.read_bytes(), RULES)
        stated = _read_description(model)
        if stated and (standardisation is not None or smoothing is not None):
            raise InvalidValueError("it holds a whole surrogate: it is standardised already")
        cells = _agree("shape", shape, _cells(model))
        if cells is None:
            raise InvalidValueError("it leaves the number of cells open; give it as `shape`")
        before, after = _surround(standardisation, smoothing)
        network = _network(model, cells, before, after)
        surrogate = _surrogate(network, cells, size, assignment, stated)
    # RuntimeError comes of maps beyond all memory
    except (InvalidValueError, RuntimeError, OSError) as error:
        raise InvalidValueError(f"{path} cannot be read: {error}") from error
    return surrogate.replace(outside=outside)


def _surround(
    standard: Standardisation | None, smoothing: tuple[float, int] | None
) -> tuple[list[Layer], list[Layer]]:
    """Make the layers before and after a graph; what they read is filled in later."""
    before: list[Layer] = []
    after: list[Layer] = []
    if standard is not None:
        mean, std = standard.input_mean, standard.input_std
        before.append(Affine("standardised", (), 1 / std, -mean / std))
        after.append(Affine("potential", (), standard.output_std, standard.output_mean))
    if smoothing is not None:
        after.append(Smoothing("smoothed", (), *smoothing))
    return before, after


def _surrogate(
    network: Network,
    cells: tuple[int, int],
    size: tuple[float, float] | None,
    assignment: str | Shape | None,
    stated: Mapping[str, Any],
) -> Surrogate:
    name = assignment.name if isinstance(assignment, Shape) else assignment
    described = {
        "domain": None,
        "about": {},
        **stated,
        "size": _agree("size", size, stated.get("size")) or _SIZE,
        "shape": _agree("shape", cells, stated.get("shape")),
        "assignment": _agree("assignment", name, stated.get("assignment")) or BSPLINE.name,
        "layers": [record(layer) for layer in network.layers],
    }
    return Surrogate.from_description(described, network.weights, "its description")


def _agree(what: str, asked: Any, stated: Any) -> Any:
    """Return what was asked, or what the file states, lists as tuples; None if neither says."""
    asked, stated = (tuple(v) if isinstance(v, list) else v for v in (asked, stated))
    if asked is not None and stated is not None and plain(asked) != plain(stated):
        raise InvalidValueError(f"its {what} is {stated}, not {asked}")
    return stated if asked is None else asked


def _read_description(model: Model) -> dict[str, Any]:
    """Return what a file of this package states besides its network; empty for others."""
    try:
        found = json.loads(model.notes.get(DESCRIPTION) or "{}")
    except (ValueError, RecursionError) as error:
        raise InvalidValueError(f"its description is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise InvalidValueError(f"its description is {found!r}, not a JSON object")
    return found


def _cells(model: Model) -> tuple[int, int] | None:
    """Cells in x and y of the declared input, or None where they are open.

    Raises:
        InvalidValueError: the input is not one of shape (batch, 1, nx, ny), of floating point.
    """
    _, dtype, shape = _input(model)
    dimensions = list(shape)
    if len(dimensions) != 4 or dimensions[1] != 1:
        raise InvalidValueError(
            f"its input has the shape {dimensions}; supported is (batch, 1, nx, ny)"
        )
    if dtype not in _PRECISIONS:
        raise InvalidValueError(
            f"its input is of type {dtype.name.upper()}; supported is floating point"
        )
    nx, ny = dimensions[2:]
    return (nx, ny) if isinstance(nx, int) and isinstance(ny, int) else None


def _network(
    model: Model, cells: tuple[int, int], before: Sequence[Layer], after: Sequence[Layer]
) -> Network:
    """The network of a model for maps of some cells, in double precision if the file is.

    Args:
        model: of a file.
        cells: in x and y.
        before, after: layers to put before and after; what they read is filled in here.

    Raises:
        InvalidValueError: what no layer stands for, or a result that is no map of these cells.
    """
    outputs = [o.name for o in model.outputs]
    if len(outputs) != 1:
        raise InvalidValueError(f"it has the outputs {outputs}; supported is one")
    graph = LayerGraph(cells, model.constants)
    result = _append(graph, INPUT, before)
    graph.known[_input(model).name] = Map(result)
    for node in model.nodes:
        RULES[node.operator](node, graph)
    last = Node("output", outputs[0], (outputs[0],), ())
    result = _append(graph, graph.map(last, 0), after)
    if graph.shape(result) != (1, *cells):
        raise InvalidValueError(
            f"it makes (channels, x, y) of {graph.shape(result)} from {(1, *cells)}; supported is "
            "the same shape"
        )
    return graph.network(result).to(_PRECISIONS[_input(model).dtype])


def _append(graph: LayerGraph, source: str, layers: Sequence[Layer]) -> str:
    """Put layers in a row after a value; returns the last value."""
    for layer in layers:
        source = graph.add(replace(layer, inputs=(source,)))
    return source


def _input(model: Model) -> Value:
    if len(model.inputs) != 1:
        names = [i.name for i in model.inputs]
        raise InvalidValueError(f"it has the inputs {names}; supported is one")
    return model.inputs[0]

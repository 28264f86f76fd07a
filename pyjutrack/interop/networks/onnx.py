"""Networks to and from ONNX, the format that other frameworks and languages read and write.

It needs the package `onnx`, which is imported when a function here is called, not before. A file
holds numbers and the names of operators; reading one runs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ...core.atomic import write_bytes
from ...core.errors import InvalidValueError
from ...core.tensorfile import plain
from ...mesh.shapes import BSPLINE, Shape
from ...surrogate.architectures import Standardisation
from ...surrogate.layers import Affine, Layer, Smoothing, record
from ...surrogate.network import Network
from ...surrogate.surrogate import Surrogate
from ..onnx.model import require_package

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


def to_onnx(source: Surrogate | Network, path: str | Path) -> None:
    """Write an ONNX file in single precision, whole or not at all.

    It maps "input" (batch, 1, nx, ny) to "output" of the same shape. Of a surrogate it also states
    cells, box, shape function, domain and training; of a network it leaves nx and ny open. A digest
    of all of it stands in the file, and `from_onnx` checks it.

    Raises:
        WriteError: the disk is full, say.
        InvalidValueError: a layer of a kind for which there is no operator.
        MissingPackageError: the package `onnx` is missing.
    """
    require_package()
    from . import onnx_export

    if isinstance(source, Surrogate):
        network, cells = source.network, source.mesh.grid.shape
        stated = {k: v for k, v in source.description().items() if k != "layers"}
    else:
        network, cells, stated = source, None, {}
    write_bytes(Path(path), onnx_export.content(network.to(torch.float32, "cpu"), cells, stated))


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
    from . import onnx_import

    path = Path(path)
    if not path.is_file():
        raise InvalidValueError(f"no ONNX file at {path}")
    try:
        model = onnx_import.model(path.read_bytes())
        stated = onnx_import.description(model)
        if stated and (standardisation is not None or smoothing is not None):
            raise InvalidValueError("it holds a whole surrogate: it is standardised already")
        cells = _reconcile("shape", shape, onnx_import.cells(model))
        if cells is None:
            raise InvalidValueError("it leaves the number of cells open; give it as `shape`")
        before, after = _layers_around(standardisation, smoothing)
        network = onnx_import.network(model, cells, before, after)
        surrogate = _surrogate(network, cells, size, assignment, stated)
    # RuntimeError comes of maps beyond all memory
    except (InvalidValueError, RuntimeError, OSError) as error:
        raise InvalidValueError(f"{path} cannot be read: {error}") from error
    return surrogate.replace(outside=outside)


def _layers_around(
    standard: Standardisation | None, smoothing: tuple[float, int] | None
) -> tuple[list[Layer], list[Layer]]:
    """Layers before and after a graph; what they read is filled in later."""
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
        "size": _reconcile("size", size, stated.get("size")) or _SIZE,
        "shape": _reconcile("shape", cells, stated.get("shape")),
        "assignment": _reconcile("assignment", name, stated.get("assignment")) or BSPLINE.name,
        "layers": [record(layer) for layer in network.layers],
    }
    return Surrogate.from_description(described, network.weights, "its description")


def _reconcile(what: str, asked: Any, stated: Any) -> Any:
    """Reconcile what was asked with what the file states, lists as tuples; None without both."""
    asked, stated = (tuple(v) if isinstance(v, list) else v for v in (asked, stated))
    if asked is not None and stated is not None and plain(asked) != plain(stated):
        raise InvalidValueError(f"its {what} is {stated}, not {asked}")
    return stated if asked is None else asked

"""Twins as ONNX graphs: settings in, readings out, for places without this package.

The whole tracking is written down as it runs, every slice and every kick, for the particles of the
twin's beam: there is nothing to choose when the graph is evaluated but the settings.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..errors import InvalidValueError, MissingPackageError
from ..files import write_whole
from ..knobs import values
from ..stations import stations
from .graph import Graph, Node, Symbol

if TYPE_CHECKING:
    from .model import Twin

#: versions of the operators and of the format: reductions take their axes as inputs
_OPSET, _FORMAT = 18, 8
#: what a file in one piece may have [byte]
_LARGEST = 2**31


def export(twin: Twin, path: str | Path, settings: Sequence[str]) -> None:
    """Write what a twin predicts as a function of some settings; see `Twin.export_onnx`."""
    _require_package()
    outputs, graph = traced(twin, settings)
    content = _model(twin, outputs, graph, settings)
    if content.ByteSize() >= _LARGEST:
        raise InvalidValueError(
            f"the graph has {content.ByteSize() / 1e9:.1f} GB, and ONNX files at most 2; take "
            "fewer particles"
        )

    def fill(temporary: Path) -> None:
        temporary.write_bytes(content.SerializeToString())

    write_whole(Path(path), fill)


def traced(twin: Twin, settings: Sequence[str]) -> tuple[dict[str, str], Graph]:
    """The graph of the readings, and the name of the value of each.

    Raises:
        UnknownNameError: no such knob. InvalidValueError: none, one twice, or something that has
            no counterpart in a graph.
    """
    values(twin, settings)  # that each is there, and once
    graph = Graph()
    try:
        with torch.no_grad():
            task = twin.machine({address: graph.input(address) for address in settings})
            # with an axis in front, operators take their plain way, which can be written down
            beam = task.beam.replace(
                coordinates=task.beam.coordinates.unsqueeze(0), alive=task.beam.alive.unsqueeze(0)
            )
            task = dataclasses.replace(task, beam=beam, adjoint="store")
            beams = stations(task, [d.at for d in twin.diagnostics])
            read = {d.name: d.read(beams[d.at])[0] for d in twin.diagnostics}
    except RuntimeError as error:
        raise InvalidValueError(
            f"these settings cannot be exported, since tracking depends on their numbers: {error}"
        ) from error
    return {
        name: r.label if isinstance(r, Symbol) else graph.constant(r.numpy())
        for name, r in read.items()
    }, graph


def _model(twin: Twin, outputs: dict[str, str], graph: Graph, settings: Sequence[str]) -> Any:
    from onnx import checker, helper, numpy_helper

    from .. import __version__

    nodes, constants = graph.needed(outputs.values())
    made = [_node(node) for node in nodes]
    made += [helper.make_node("Identity", [value], [name]) for name, value in outputs.items()]
    info, double = helper.make_tensor_value_info, _attribute(torch.float64)
    shapes = {d.name: d.shape for d in twin.diagnostics}
    content = helper.make_graph(
        made,
        "twin",
        [info(address, double, ()) for address in settings],
        [info(name, double, shapes[name]) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(
        content,
        producer_name="pyjutrack",
        producer_version=__version__,
        opset_imports=[helper.make_opsetid("", _OPSET)],
    )
    model.ir_version = _FORMAT
    design = dict(zip(settings, values(twin, settings).tolist(), strict=True))
    noise = {d.name: d.noise for d in twin.diagnostics}
    told = {"settings": json.dumps(design), "noise": json.dumps(noise)}
    helper.set_model_props(model, told)
    checker.check_model(model)
    return model


def _node(node: Node) -> Any:
    from onnx import helper

    attributes = {k: _attribute(v) for k, v in node.attributes}
    return helper.make_node(node.operation, node.reads, [node.makes], **attributes)


def _attribute(value: Any) -> Any:
    from onnx import helper

    if isinstance(value, torch.dtype):
        return helper.np_dtype_to_tensor_dtype(torch.empty((), dtype=value).numpy().dtype)
    return value


def _require_package() -> None:
    try:
        import onnx  # noqa: F401
    except ImportError as error:
        raise MissingPackageError(
            'ONNX files need the package onnx: pip install "pyjutrack[onnx]"'
        ) from error

"""Twins as ONNX graphs: settings in, readings out, for places without this package.

The whole tracking is written down as it runs, every slice and every kick, for the particles of the
twin's beam: there is nothing to choose when the graph is evaluated but the settings.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..core.atomic import write_bytes
from ..core.errors import InvalidValueError
from ..interop.onnx import RULES
from ..interop.onnx.model import Value, require_package
from ..interop.onnx.trace import Graph, Symbol
from ..lattice.knobs import parts, values
from ..tracking.adjoints import Store
from ..tracking.observation import observe_beams

if TYPE_CHECKING:
    from ..beam.beam import Beam
    from .model import Twin

#: version of the operators: reductions take their axes as inputs
_OPSET = 18
_DOUBLE = np.dtype(np.float64)
#: errors of what cannot be written down: a number was looked at, or an operation is missing
_CLOSED = (RuntimeError, InvalidValueError)


def export(twin: Twin, path: str | Path, settings: Sequence[str]) -> None:
    """Write what a twin predicts as a function of some settings; see `Twin.export_onnx`."""
    require_package()
    outputs, graph = _trace_readings(twin, settings)
    inputs = [Value(address, _DOUBLE, ()) for address in settings]
    design = dict(zip(settings, values(twin, settings).tolist(), strict=True))
    noise = {d.name: d.noise for d in twin.diagnostics}
    notes = {"settings": json.dumps(design), "noise": json.dumps(noise)}
    write_bytes(Path(path), graph.model(inputs, outputs, _OPSET, notes).content("twin"))


def _trace_readings(twin: Twin, settings: Sequence[str]) -> tuple[dict[Value, str], Graph]:
    """The graph of the readings, and the name there of each.

    Raises:
        UnknownNameError: no such knob. InvalidValueError: none, one twice, a vector, or something
            that has no counterpart in a graph.
    """
    _require_numbers(twin, settings)
    graph = Graph(RULES, taken=[*settings, *(d.name for d in twin.diagnostics)])
    with torch.no_grad():
        try:
            beams = _track_readings(twin, settings, graph)
        except _CLOSED as error:
            bad = [address for address in settings if _fails(twin, address)]
            if isinstance(error, InvalidValueError) and len(bad) == len(settings):
                raise  # whatever the settings are
            said = ", ".join(map(repr, bad)) if bad else f"{list(settings)} together"
            raise InvalidValueError(
                f"{said} cannot be exported: {error}; leave it out of settings"
            ) from error
        outputs = {}
        for diagnostic in twin.diagnostics:
            try:
                reading = diagnostic.read(beams[diagnostic.at])[0]
            except _CLOSED as error:
                raise InvalidValueError(
                    f"diagnostic {diagnostic.name!r} cannot be exported: {error}; leave it "
                    "out by twin.replace(diagnostics=...)"
                ) from error
            outputs[Value(diagnostic.name, _DOUBLE, tuple(diagnostic.shape))] = (
                reading.label if isinstance(reading, Symbol) else graph.constant(reading.numpy())
            )
    return outputs, graph


def _require_numbers(twin: Twin, settings: Sequence[str]) -> None:
    """Raise unless settings are names of knobs, each of one number."""
    if isinstance(settings, str):
        raise InvalidValueError(
            f"settings must be a list of addresses, got the string {settings!r}; write "
            f"[{settings!r}]"
        )
    if not settings:
        raise InvalidValueError("settings is empty; name at least one knob")
    vectors = [a for a, v in zip(settings, parts(twin, settings), strict=True) if v.dim()]
    if vectors:
        raise InvalidValueError(
            f"{vectors[0]!r} is a vector, and settings are numbers; leave it out of settings"
        )


def _track_readings(twin: Twin, settings: Sequence[str], graph: Graph) -> dict[str, Beam]:
    """The beam at each diagnostic, as a function of settings."""
    task = twin.machine({address: graph.input(address) for address in settings})
    # with a leading axis, operators take their plain form, which can be written down
    weights = task.beam.weights
    beam = task.beam.replace(
        coordinates=task.beam.coordinates.unsqueeze(0),
        alive=task.beam.alive.unsqueeze(0),
        weights=None if weights is None else weights.unsqueeze(0),
    )
    task = dataclasses.replace(task, beam=beam, adjoint=Store())
    return observe_beams(task, [d.at for d in twin.diagnostics])


def _fails(twin: Twin, address: str) -> bool:
    """Return whether tracking cannot be written down as a function of this setting alone."""
    try:
        _track_readings(twin, [address], Graph(RULES))
    except _CLOSED:
        return True
    return False

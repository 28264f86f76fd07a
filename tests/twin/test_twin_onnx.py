"""Twins as ONNX graphs, evaluated by a runtime that knows nothing of this package."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from live_cases import QUADRUPOLES, beam, line, scan, small, wires

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack.interop.onnx import RULES
from pyjutrack.interop.onnx.trace import Graph
from pyjutrack.twin import Twin


def outside(path: Path, scanned: list[dict[str, float]]) -> list[dict[str, np.ndarray]]:
    """What a runtime makes of a file at some settings."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    found = (session.run(None, {a: np.array(v) for a, v in s.items()}) for s in scanned)
    return [dict(zip(names, readings, strict=True)) for readings in found]


def assert_alike(twin: Twin, path: Path, scanned: list[dict[str, float]]) -> None:
    twin.export_onnx(path, list(scanned[0]))
    for settings, found in zip(scanned, outside(path, scanned), strict=True):
        expected = twin.predict(settings)
        assert list(found) == list(expected)
        for name, reading in expected.items():
            assert found[name].dtype == np.float64
            scale = np.abs(reading).max()
            np.testing.assert_allclose(found[name], reading, rtol=0, atol=1e-12 * scale)


def test_space_charge_a_learned_field_and_errors(tmp_path: Path) -> None:
    twin = small()
    assert_alike(twin, tmp_path / "twin.onnx", scan(3))
    moved = [twin.predict(s)["end.wire_x"] for s in scan(2)]
    assert np.abs(moved[0] - moved[1]).max() > 1e-3  # the settings do something


def test_losses_and_those_lost_before(tmp_path: Path) -> None:
    scraper = pj.Aperture(half_width=2.5e-3, half_height=3e-3, shape="racetrack", corner_x=1e-3)
    lattice = pj.Lattice([line()[i] for i in range(6)] + [scraper, line()[6], line()[7]])
    bunch = beam(400)
    coordinates, alive = bunch.coordinates.clone(), torch.arange(400) % 9 > 0
    coordinates[0] = torch.nan  # one that is lost
    bunch = bunch.replace(coordinates=coordinates, alive=alive)
    twin = small(
        lattice=lattice,
        beam=bunch,
        diagnostics=[*wires(), dg.LossCount("end"), dg.BeamSize("end"), dg.BeamPosition("end")],
    )
    lost = [float(twin.predict(s)["end.loss"]) for s in scan(2)]
    assert 0.15 < lost[0] != lost[1] < 0.9
    assert_alike(twin, tmp_path / "twin.onnx", scan(2))


def test_elements_of_all_kinds(tmp_path: Path) -> None:
    form = pj.elements.potentials.Perceptron((5,), scales=(3e-3, 3e-3, 0.1))
    elements = [
        pj.SBend(0.3, 0.1, e1=0.02, k1=0.5, name="b"),
        pj.RBend(0.2, 0.05, name="r", dx=1e-4),
        pj.Quadrupole(0.2, 3.0, name="q", tilt=0.1, y_rot=1e-3),
        pj.Sextupole(0.1, 40.0, name="s"),
        pj.Octupole(0.1, 1e3, name="o"),
        pj.Multipole(knl=(1e-4, 0.1, 2.0), ksl=(0.0, 0.05), name="m"),
        pj.Kicker(hkick=1e-4, vkick=-2e-4, name="k"),
        pj.Solenoid(0.2, 0.3, name="sol"),
        pj.RFCavity(0.1, 1e5, frequency=1e8, phase=0.3, name="rf"),
        pj.HamiltonianKick(form, form.start().cumsum(0) / 30, name="net"),
        pj.Marker(name="end"),
    ]
    instruments = [dg.Screen("end", size=(0.02, 0.02), shape=(10, 12), resolution=1e-3)]
    twin = Twin(pj.Lattice(elements), beam(200), instruments)
    design = {
        "b.k1": 0.5,
        "q.k1": 3.0,
        "s.k2": 40.0,
        "m.knl[2]": 2.0,
        "k.hkick": 1e-4,
        "sol.ks": 0.3,
    }
    others = [{a: v * f for a, v in design.items()} for f in (1.0, -0.7, 20.0)]
    assert_alike(twin, tmp_path / "twin.onnx", others)


def test_settings_of_the_beam(tmp_path: Path) -> None:
    settings = {"beam.current": 30.0, "beam.x": 1e-4, "beam.beta_y": 1.2}
    scale, height = (("effects[0].perveance_scale", 0.5), ("beam.y", 1e-4))
    twin = small(unknowns=[pj.twin.Unknown(a, value=v) for a, v in (scale, height)])
    assert_alike(twin, tmp_path / "twin.onnx", [settings, {a: v / 2 for a, v in settings.items()}])


def test_a_network_in_single_precision(tmp_path: Path, make_surrogate) -> None:
    network = make_surrogate("linear", size=(0.024, 0.024)).replace(outside="ignore")
    kick = pj.SpaceCharge(network.to(torch.float32), max_step=0.3)
    twin, bare = small(effects=[kick]), small(effects=[])
    twin.export_onnx(tmp_path / "twin.onnx", ["q1.k1"])
    scanned = [{"q1.k1": 18.0}, {"q1.k1": 21.0}]
    for settings, found in zip(scanned, outside(tmp_path / "twin.onnx", scanned), strict=True):
        expected = twin.predict(settings)
        for name, reading in expected.items():
            moved = np.abs(reading - bare.predict(settings)[name]).max()
            assert moved > 1e-5 * np.abs(reading).max()
            np.testing.assert_allclose(found[name], reading, rtol=0, atol=1e-4 * moved)


def test_what_settings_do_not_reach_is_constant(tmp_path: Path) -> None:
    assert_alike(small(), tmp_path / "twin.onnx", [{"q2.k1": -18.0}, {"q2.k1": -22.0}])


def test_readings_may_have_names_that_the_graph_gives(tmp_path: Path) -> None:
    (wire, *_), names = wires(), ("v3", "c1", "v4")
    twin = small(diagnostics=[dataclasses.replace(wire, name=name) for name in names])
    assert_alike(twin, tmp_path / "twin.onnx", scan(1))


def test_the_file_tells_its_settings(tmp_path: Path) -> None:
    small().export_onnx(tmp_path / "twin.onnx", list(QUADRUPOLES))
    model = onnx.load(tmp_path / "twin.onnx")
    told = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
    assert told["settings"] == QUADRUPOLES
    assert told["noise"] == {d.name: d.noise for d in small().diagnostics}
    assert [entry.name for entry in model.graph.input] == list(QUADRUPOLES)
    assert model.graph.node[0].name == ""


def test_what_cannot_be_exported_is_named(tmp_path: Path, make_surrogate) -> None:
    path = tmp_path / "twin.onnx"
    twin = small()
    for settings, error, word in (
        ([], pj.errors.InvalidValueError, "settings is empty; name at least one knob"),
        ("q1.k1", pj.errors.InvalidValueError, r"settings must be a list.*write \['q1.k1'\]"),
        (["q1.k1", "field.weights"], pj.errors.InvalidValueError, "'field.weights' is a vector"),
        (["q1.k1", "q1.k1"], pj.errors.InvalidValueError, "named twice"),
        (["q1.k2"], pj.errors.UnknownNameError, "q1.k2"),
    ):
        with pytest.raises(error, match=word):
            twin.export_onnx(path, settings)
    network = make_surrogate("linear", size=(0.024, 0.024)).replace(outside="ignore")
    with pytest.raises(pj.errors.InvalidValueError, match=r"^no runtime.*torch.float32"):
        small(effects=[pj.SpaceCharge(network)]).export_onnx(path, ["q1.k1"])
    opening = pj.Aperture(half_width=3e-3, half_height=3e-3)
    soft = dg.LossCount("end", opening=opening, smoothing=1e-3)
    with pytest.raises(pj.errors.InvalidValueError, match=r"'end.loss' cannot .* aten.erfc"):
        small(diagnostics=[*wires(), soft]).export_onnx(path, ["q1.k1"])
    for knob, said in (
        ("perveance_scale", r"^'effects\[0\].perveance_scale' cannot .* out of"),
        ("max_step", r"effects\[0\].max_step decides how many slices there are"),
    ):
        with pytest.raises(pj.errors.InvalidValueError, match=said):
            twin.export_onnx(path, ["q1.k1", f"effects[0].{knob}"])
    assert not path.exists()


def test_without_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(pj.errors.MissingPackageError, match=r"pip install \"\.\[onnx\]\""):
        small().export_onnx(tmp_path / "twin.onnx", ["q1.k1"])


def _evaluated(graph: Graph, label: str, **inputs: float) -> np.ndarray:
    """A graph by the reference implementation of ONNX, operation by operation."""
    from onnx import helper, numpy_helper
    from onnx.reference import ReferenceEvaluator

    from pyjutrack.interop.onnx.model import _proto

    nodes, constants = graph.find_needed([label])
    body = helper.make_graph(
        [_proto(node) for node in nodes],
        "function",
        [helper.make_tensor_value_info(n, onnx.TensorProto.DOUBLE, ()) for n in inputs],
        [helper.make_value_info(label, onnx.TypeProto())],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 18)])
    with np.errstate(over="ignore"):
        return ReferenceEvaluator(model).run(None, {n: np.array(v) for n, v in inputs.items()})[0]


TABLE = torch.tensor([[0.3, -1.2, 2.0], [0.7, 0.0, -0.4]], dtype=torch.float64)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: (TABLE * x).atan(),
        lambda x: (1e8 * TABLE * x).atan(),
        lambda x: (TABLE * x).tan(),
        lambda x: (TABLE.abs() + x).cosh() + (TABLE.abs() + x).sinh(),
        lambda x: (TABLE * x).clamp(min=-0.5, max=0.6),
        lambda x: (TABLE * x)[:, 1:] - (TABLE + x)[:, -1:],
        lambda x: torch.stack([TABLE * x, TABLE], -1).flatten(1),
        lambda x: torch.cat([TABLE * x, TABLE]).mT @ TABLE.repeat(2, 1),
        lambda x: torch.nn.functional.pad(TABLE * x, (1, 0, 2, 1), value=3.0),
        lambda x: (TABLE * x).sum(-1, keepdim=True) + (TABLE * x).sum() + (TABLE * x).sum((0, 1)),
        lambda x: ((TABLE * x > 0) & (x > TABLE) | ~(x == TABLE)).sum(0) / 2,
        lambda x: (TABLE * x > 0).all(0).to(torch.float64) + (TABLE * x > 0).any(1).sum(),
        lambda x: torch.where(TABLE > 0, TABLE * x, x) + torch.where(TABLE * x > 0, 1.0, x),
        lambda x: (2 * x).expand(2, 3) + 1 / (x + 2) + (3 - x) ** 2 + x.abs() ** 0.5,
        lambda x: torch.ones_like(TABLE * x) * x + TABLE.new_full((3,), 2.0) * x,
        lambda x: torch.isfinite((TABLE * x * 1e200).square()).sum(),
        lambda x: (TABLE * x).flip(1).flip((0, 1)),
    ],
)
def test_operations_are_those_of_pytorch(function) -> None:
    graph = Graph(RULES)
    found = function(graph.input("x"))
    for x in (0.8, -1.3):
        expected = function(torch.tensor(x, dtype=torch.float64))
        value = _evaluated(graph, found.label, x=x)
        assert value.shape == tuple(found.shape) == tuple(expected.shape)
        np.testing.assert_allclose(value, expected.numpy(), rtol=4e-15, atol=1e-15)


def test_the_same_stands_once_and_what_is_known_is_computed() -> None:
    graph = Graph(RULES)
    x = graph.input("x")
    assert (2 * x).label == (2.0 * x).label
    known = torch.zeros_like(x) + 3
    assert type(known) is torch.Tensor
    assert float(torch.where(torch.tensor(True), known, x)) == 3
    (2 * x + known).sin()
    nodes, constants = graph.find_needed([(2 * x).label])
    assert [node.operator for node in nodes] == ["Mul"]
    assert [float(c) for c in constants.values()] == [2.0]
    with pytest.raises(RuntimeError, match="known only when the graph is evaluated"):
        bool(x > 0)
    with pytest.raises(pj.errors.InvalidValueError, match=r"aten.lgamma.*no counterpart"):
        x.lgamma()
    assert "aten.lgamma.default" not in RULES

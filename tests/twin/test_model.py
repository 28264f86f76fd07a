"""Twins: what they read is what tracking gives, with errors where they were put."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from twin_cases import OPTICS, SPLINE, beam, line, small, space_charge, wires

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack.twin import Twin, Unknown


def test_readings_are_those_of_a_tracked_beam() -> None:
    instruments = [dg.BeamSize("q2"), *wires()]
    read = small(instruments=instruments).predict({"q1.k1": 18.0})
    lattice = line().with_values({"q1.k1": 18.0})
    whole = pj.track(lattice, beam(), effects=[space_charge()])
    for wire in wires():
        np.testing.assert_allclose(read[wire.name], wire.read(whole).numpy(), rtol=0, atol=1e-14)
    front = pj.Lattice(lattice[: lattice.names.index("q2")])
    part = pj.track(front, beam(), effects=[space_charge()])
    np.testing.assert_allclose(read["q2.size"], pj.moments.sizes(part)[[0, 2]].numpy(), rtol=1e-12)


@pytest.mark.parametrize(
    ("unknown", "settings"),
    [
        (Unknown("q1.k1", relative=True, value=0.05), {"q1.k1": 18.9, "q2.k1": -22.0}),
        (Unknown("q1.k1", value=-0.5), {"q1.k1": 17.5, "q2.k1": -22.0}),
        (Unknown("q2.dx", value=1e-3), {"q1.k1": 18.0, "q2.k1": -22.0, "q2.dx": 1e-3}),
        (
            Unknown("beam.current", relative=True, value=-0.5),
            {"q1.k1": 18.0, "q2.k1": -22.0, "beam.current": 25.0},
        ),
    ],
    ids=lambda x: x.address if isinstance(x, Unknown) else "",
)
def test_an_error_is_a_setting_elsewhere(unknown: Unknown, settings: dict[str, float]) -> None:
    bare = small()
    wrong = bare.replace(unknowns=(unknown,)).predict({"q1.k1": 18.0, "q2.k1": -22.0})
    wanted = bare.predict(settings)
    as_set = bare.predict({"q1.k1": 18.0, "q2.k1": -22.0})
    for name, reading in wrong.items():
        np.testing.assert_allclose(reading, wanted[name], rtol=0, atol=1e-13)
    assert max(np.abs(wrong[n] - as_set[n]).max() for n in wrong) > 1e-4


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_weights_are_added_to_those_of_the_model(dtype: torch.dtype) -> None:
    first, more = torch.randn(2, SPLINE.count, dtype=torch.float64)
    twin = small(lattice=line(first.to(dtype)), unknowns=(Unknown("field.weights", value=more),))
    together = small(lattice=line(first.to(dtype).to(torch.float64) + more))
    for name, reading in twin.predict().items():
        np.testing.assert_allclose(reading, together.predict()[name], rtol=0, atol=1e-13)


def test_weights_as_settings_in_any_form() -> None:
    weights = torch.randn(SPLINE.count, dtype=torch.float64)
    twin = small()
    wanted = small(lattice=line(weights)).predict()
    for given in (weights, weights.numpy(), weights.tolist(), tuple(weights.tolist())):
        found = twin.predict({"field.weights": given})
        for name, reading in wanted.items():
            np.testing.assert_array_equal(found[name], reading)


@pytest.mark.parametrize(
    ("address", "value", "message"),
    [
        ("field.weights", ["a"] * SPLINE.count, "field.weights must be a vector of numbers"),
        ("field.weights", [torch.tensor(1.0)] * SPLINE.count, r"one tensor.*torch\.stack"),
        ("field.weights", [1.0, 2.0], "weights, got shape"),
        ("beam.current", [1.0, 2.0], "beam.current must be a number.*give torch.as_tensor"),
    ],
)
def test_settings_that_are_no_such_vector(address: str, value: object, message: str) -> None:
    with pytest.raises(pj.errors.InvalidValueError, match=message):
        small().predict({address: value})  # type: ignore[dict-item]


def test_errors_of_kicks() -> None:
    wrong = small(unknowns=(Unknown("effects[0].perveance_scale", value=0.5),)).predict()
    stronger = small(beam=beam(current=75.0)).predict()
    for name, reading in wrong.items():
        np.testing.assert_allclose(reading, stronger[name], rtol=0, atol=1e-13)


def test_errors_of_the_incoming_beam() -> None:
    size = dg.BeamSize("d1")
    twin = small(instruments=[size], unknowns=(Unknown("beam.beta_x", relative=True, value=0.21),))
    grown = twin.predict()["d1.size"] / small(instruments=[size]).predict()["d1.size"]
    np.testing.assert_allclose(grown, [1.1, 1.0], rtol=1e-12)


def test_the_machine_is_the_lattice_with_its_errors() -> None:
    twin = small(unknowns=(Unknown("q1.k1", relative=True, value=0.1),))
    machine = twin.machine({"q1.k1": 10.0})
    assert float(machine.lattice.value("q1.k1")) == pytest.approx(11.0)
    assert float(machine.lattice.value("q2.k1")) == -20.0


def test_what_cannot_be_a_twin() -> None:
    wire = wires()[0]
    with pytest.raises(pj.errors.InvalidValueError, match="predicts nothing; give it some"):
        small(instruments=[])
    with pytest.raises(pj.errors.InvalidValueError, match=r"instruments of .*diagnostics.*'end'"):
        small(instruments=["end"])
    with pytest.raises(
        pj.errors.InvalidValueError, match=r"two .* named 'end.wire_x'; give each its own"
    ):
        small(instruments=[wire, wire])
    with pytest.raises(
        pj.errors.UnknownNameError, match="no element named 'edn'; did you mean 'end'"
    ):
        small(instruments=[dg.BeamPosition("edn")])
    with pytest.raises(
        pj.errors.InvalidValueError, match=r"2 elements are named 'a'.*Marker or Monitor"
    ):
        Twin(pj.Lattice([pj.Marker(name="a")] * 2), beam(), (dg.BeamPosition("a"),))
    with pytest.raises(
        pj.errors.UnknownNameError, match=r"diagnostic named 'end.wire_z'.*'end.wire_"
    ):
        small().diagnostic("end.wire_z")


def test_what_cannot_be_unknown() -> None:
    with pytest.raises(pj.errors.UnknownNameError, match=r"'q1.k9'; did you mean 'q1.k"):
        small(unknowns=(Unknown("q1.k9"),))
    with pytest.raises(pj.errors.UnknownNameError, match=r"'beam.beta_w'"):
        small(unknowns=(Unknown("beam.beta_w"),))
    with pytest.raises(pj.errors.InvalidValueError, match=r"effects\[3\].*there are 1 effects"):
        small(unknowns=(Unknown("effects[3].perveance_scale"),))
    with pytest.raises(pj.errors.InvalidValueError, match=r"'q1.k1' is named twice"):
        small(unknowns=(Unknown("q1.k1"), Unknown("q1.k1", relative=True)))
    with pytest.raises(
        pj.errors.InvalidValueError, match=r"field.weights has shape \(3,\).*\(16,\)"
    ):
        small(unknowns=(Unknown("field.weights", value=torch.zeros(3)),))
    with pytest.raises(pj.errors.InvalidValueError, match=r"list of Unknown, got .*'q1.k1'"):
        small(unknowns=("q1.k1",))
    for prior in (0.0, -1.0, float("nan")):
        with pytest.raises(
            pj.errors.InvalidValueError, match=r"prior of q1.k1 must be a positive rms"
        ):
            Unknown("q1.k1", prior=prior)


def test_optics_of_the_cases() -> None:
    # quiet beams: the moments are near those asked for, however few the particles
    assert float(pj.moments.sizes(beam())[0]) == pytest.approx(
        (OPTICS.beta_x * 2e-6) ** 0.5, rel=0.03
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"beam.beta_x": -1.0}, "beam.beta_x must be positive, got -1"),
        ({"beam.emittance_y": 0.0}, "beam.emittance_y must be positive"),
        ({"beam.x": float("inf")}, "beam.x must be finite"),
        ({"beam.current": float("nan")}, "beam.current must be finite and not negative"),
        ({"beam.current": -50.0}, "beam.current must be finite and not negative, got -50"),
        ({"q1.k1": "twenty"}, "q1.k1 must be a number, got 'twenty'"),
        ({"q1.k1": None}, "q1.k1 must be a number"),
        (["q1.k1"], "settings must be a dict"),
        ({"effects[1].perveance_scale": 1.0}, r"there are 1 effects, counted from 0"),
        ({"effects[0].potential": 0.0}, r"effects\[0\].potential is no number"),
        ({"effects[0].potential.size": 0.0}, "no number"),
    ],
)
def test_settings_that_no_machine_has(settings: object, message: str) -> None:
    with pytest.raises(pj.errors.InvalidValueError, match=message):
        small().predict(settings)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"diagnostics": wires()[0]}, "diagnostics must be a list"),
        ({"effects": space_charge()}, "effects must be a list"),
        ({"effects": ["sc"]}, "each entry of effects must be an effect, such as SpaceCharge"),
        ({"beam": None}, "beam must be a Beam, got None"),
        ({"unknowns": pj.Unknown("q1.k1")}, "unknowns must be a list"),
    ],
)
def test_what_makes_no_twin(changes: dict[str, object], message: str) -> None:
    with pytest.raises(pj.errors.InvalidValueError, match=message):
        small(**changes)


def test_diagnostics_are_found_by_name():
    twin = small()
    assert all(twin.diagnostic(d.name) is d for d in twin.diagnostics)


def test_a_gradient_that_is_asked_for_later() -> None:
    """What was read before holds nothing fixed."""
    k1 = torch.tensor(2.0, dtype=torch.float64)
    reference = pj.Reference.from_kinetic("proton", 1e9)
    beam = pj.Beam(reference, 1e-3 * torch.ones(3, 6, dtype=torch.float64))
    line = pj.Lattice([pj.Quadrupole(0.2, k1, name="q"), pj.Marker(name="end")])
    twin = pj.Twin(line, beam, (pj.diagnostics.BeamPosition(at="end", name="place"),))
    assert not twin.read({})["place"].requires_grad
    k1.requires_grad_()
    (slope,) = torch.autograd.grad(twin.read({})["place"].reshape(-1)[0], k1)
    assert float(slope) == pytest.approx(-1e-3 * 0.2**2 / 2, rel=0.2)

"""Warnings of calibrations that should not be believed."""

from __future__ import annotations

import numpy as np
import pytest
from twin_cases import LINEAR, hidden_field, linear, measured, scan, small, unknowns, wires

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack.twin import Measurements, Unknown, calibrate

Q1 = [Unknown("q1.k1", prior=0.1, relative=True)]


def truth() -> pj.Twin:
    return small(unknowns=[Unknown("q1.k1", relative=True, value=0.05)])


def test_counts_in_place_of_shares_warn() -> None:
    data = measured(truth(), scan(3))
    counts = Measurements(data.settings, {n: 1e5 * r for n, r in data.readings.items()})
    with pytest.warns(pj.errors.MisfitWarning, match=r"1e\+05 times what the twin reads.*`scaled`"):
        calibrate(small(), counts, Q1, held_out=0)
    scaled = Measurements(data.settings, counts.readings, scaled=list(counts.readings))
    found, plain = (calibrate(small(), d, Q1, held_out=0) for d in (scaled, data))
    np.testing.assert_allclose(found.values, plain.values, atol=0.2 * plain.sigma[0])
    assert found.mean_square() == pytest.approx(plain.mean_square(), rel=0.1)


@pytest.mark.filterwarnings(
    "ignore::pyjutrack.errors.LossWarning"
)  # such a fit throws the beam away
def test_millimetres_warn() -> None:
    twin = small(instruments=[dg.BeamPosition("end", noise=1e-5)])
    data = measured(twin.replace(unknowns=[Unknown("q1.dx", value=1e-3)]), scan(3))
    wrong = Measurements(data.settings, {n: 1e3 * r for n, r in data.readings.items()})
    with pytest.warns(pj.errors.MisfitWarning, match=r"of end.position is .* \(metres"):
        calibrate(twin, wrong, [Unknown("q1.dx", prior=1e-3)], held_out=0)


def test_a_field_that_is_not_in_the_model_is_no_matter_of_units() -> None:
    fine = wires(noise=1e-5)
    data = measured(hidden_field(30.0, instruments=fine), scan(3))
    with pytest.warns(pj.errors.MisfitWarning, match="does not fit") as told:
        calibrate(small(instruments=fine), data, Q1, held_out=0)
    assert "times what the twin reads" not in str(told[0].message)


def test_fewer_readings_than_unknowns_warn_whatever_the_priors() -> None:
    data = measured(linear(places=["c1"]), [{}])
    with pytest.warns(pj.errors.IdentifiabilityWarning) as told:
        calibrate(linear(places=["c1"]), data, unknowns(1e-3), held_out=0)
    messages = " ".join(str(t.message) for t in told)
    assert "3 readings do not determine 4 unknown numbers" in messages
    # of a wire at the first kicker only the place of the beam is known
    assert "say nothing of c1.hkick, c2.hkick, c1.vkick" in messages
    assert LINEAR[3] == "beam.x"


def test_a_magnet_downstream_of_all_diagnostics_is_named() -> None:
    twin = small(instruments=wires("q2"))
    data = measured(twin, scan(3))
    both = [*Q1, Unknown("q2.k1", prior=0.1, relative=True)]
    with pytest.warns(pj.errors.IdentifiabilityWarning, match=r"say nothing of q2\.k1:"):
        found = calibrate(twin, data, both, held_out=0)
    assert found["q2.k1"] == (0.0, pytest.approx(0.1))


@pytest.mark.parametrize("address", ["q1.k1s", "field.weights"])
def test_a_relative_error_of_nothing_is_refused(address: str) -> None:
    data = measured(small(), scan(2))
    with pytest.raises(pj.errors.InvalidValueError, match=f"{address} is zero at all settings"):
        calibrate(small(), data, [*Q1, Unknown(address, prior=0.1, relative=True)])


def test_one_that_is_set_in_some_shots_is_not() -> None:
    settings = [{"q1.k1": 20.0, "q1.k1s": k} for k in (0.0, 1.0)]
    data = measured(small(), settings)
    found = calibrate(small(), data, [Unknown("q1.k1s", prior=0.1, relative=True)], held_out=0)
    assert found.converged

"""Calibrations: what they find, what they say of it, what they leave symplectic."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from calibration_cases import QUADRUPOLES, TRUE, hidden
from element_cases import SYMPLECTIC
from twin_cases import (
    LINEAR,
    SPLINE,
    beam,
    line,
    linear,
    measured,
    scan,
    small,
    space_charge,
    unknowns,
)

import pyjutrack as pj
from pyjutrack.twin import Calibration, Twin, Unknown, calibrate

WEIGHTS = torch.randn(SPLINE.count, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def symplectic_error(twin: Twin) -> float:
    """Of the 6 x 6 Jacobian of a particle off the axis, in the field of the beam."""
    machine = twin.machine({"q1.k1": 21.0})
    m = torch.from_numpy(
        pj.jacobian(
            machine.lattice.detach(),
            machine.beam,
            effects=[space_charge()],
            at=[1e-3, 1e-3, -2e-3, 5e-4, 0.01, 1e-3],
        )
    )
    return float((m.mT @ SYMPLECTIC @ m - SYMPLECTIC).abs().max())


@pytest.fixture(scope="module")
def hybrid() -> Calibration:
    """Errors of quadrupoles and a hidden field, found together."""
    data = measured(hidden(Unknown("field.weights", value=WEIGHTS)), scan(8))
    wanted = [*QUADRUPOLES, Unknown("field.weights", prior=1.0)]
    return calibrate(small(), data, wanted, held_out=0.25)


def test_errors_and_weights_together(hybrid: Calibration) -> None:
    assert hybrid.converged
    assert hybrid.message == "converged"
    truth = np.concatenate([list(TRUE.values()), WEIGHTS.numpy()])
    pulls = (hybrid.values - truth) / hybrid.sigma
    assert np.abs(pulls).max() < 4
    assert np.sqrt((pulls**2).mean()) < 1.5
    assert (hybrid.sigma[:2] < 0.03).all()
    # chi square of 6 and of 2 shots with 48 readings
    assert 0.8 < hybrid.mean_square() < 1.2
    assert 0.6 < hybrid.mean_square(held_out=True) < 1.5
    costs = [step.cost for step in hybrid.history]
    assert costs == sorted(costs, reverse=True)
    assert costs[0] > 10 * costs[-1]
    assert [step.step for step in hybrid.history] == list(range(len(costs)))


def test_what_a_calibration_says(hybrid: Calibration) -> None:
    assert len(hybrid.held_out) == 2
    off = hybrid.residuals()
    trained = [i for i in range(8) if i not in hybrid.held_out]
    whole = np.concatenate([r[trained].ravel() for r in off.values()])
    assert hybrid.mean_square() == pytest.approx((whole**2).mean())
    assert hybrid.scalar.tolist() == [True, True] + [False] * SPLINE.count
    assert hybrid.labels[1:3] == ["q2.k1", "field.weights[0]"]
    row = hybrid.table()[0]
    assert (row["unknown"], row["prior"], row["relative"]) == ("q1.k1", 0.1, True)
    assert hybrid["q1.k1"] == (row["value"], row["sigma"])
    said = str(hybrid)
    assert said.startswith("converged, ")
    assert f"q1.k1 {row['value']:+.6g} +- {row['sigma']:.2g}" in said
    assert said.endswith("16 weights")
    with pytest.raises(pj.errors.UnknownNameError, match=r"'q1.k2'; did you mean 'q1.k1'"):
        hybrid["q1.k2"]


def test_the_learned_machine_is_symplectic_all_the_way(hybrid: Calibration) -> None:
    middle = calibrate(
        small(), hybrid.data, [*QUADRUPOLES, Unknown("field.weights", prior=1.0)], max_steps=1
    )
    assert middle.history[-1].step == 1
    assert np.abs(middle.values[2:]).max() > 0.1
    twins = [small(), middle.twin, hybrid.twin]
    assert max(map(symplectic_error, twins)) < 1e-12


@pytest.mark.parametrize(
    ("address", "relative", "value", "prior"),
    [
        ("q1.k1", True, 0.03, 0.1),
        ("q1.k1", False, -0.7, 2.0),
        ("q2.dx", False, 3e-4, 1e-3),
        ("beam.beta_x", True, 0.2, 0.5),
        ("beam.alpha_y", False, -0.15, 0.5),
        ("beam.emittance_y", True, 0.1, 0.5),
        ("beam.current", True, 0.4, 1.0),
        ("effects[0].perveance_scale", False, -0.3, 1.0),
    ],
)
def test_unknowns_of_all_kinds(address: str, relative: bool, value: float, prior: float) -> None:
    strong = small(beam=beam(current=400.0), instruments=None)
    truth = strong.replace(unknowns=(Unknown(address, relative=relative, value=value),))
    data = measured(truth, scan(3), seed=2)
    found = calibrate(strong, data, [Unknown(address, prior, relative)], held_out=0)
    best, sigma = found[address]
    assert abs(best - value) < 3.5 * sigma
    assert sigma < abs(value) / 2
    assert found.held_out == ()
    assert np.isnan(found.mean_square(held_out=True))
    assert "none held out" in str(found)
    assert all(step.held_out is None for step in found.history)


@pytest.mark.parametrize("kind", ["weights", "particles"])
def test_single_precision_of_weights_or_beam(kind: str) -> None:
    twin, data = small(), measured(hidden(), scan(1))
    if kind == "weights":
        twin = twin.replace(lattice=line(torch.zeros(SPLINE.count, dtype=torch.float32)))
    else:
        single = twin.beam.replace(coordinates=twin.beam.coordinates.to(torch.float32))
        twin = twin.replace(beam=single)
    wanted = [*QUADRUPOLES, Unknown("field.weights", prior=1.0)]
    found, whole = (calibrate(t, data, wanted, held_out=0, max_steps=2) for t in (twin, small()))
    assert np.abs((found.values - whole.values) / whole.sigma).max() < 0.02
    one = calibrate(twin, data, wanted, held_out=0, method="adam", max_steps=1)
    assert np.abs(one.values).min() > 0


def test_both_methods_end_at_the_same_place() -> None:
    pairs = zip(LINEAR, [1e-4, -2e-4, 5e-5, 3e-4], strict=True)
    truth = linear().replace(unknowns=tuple(Unknown(a, value=v) for a, v in pairs))
    data = measured(truth, [{"c2.hkick": 0.0}, {"c2.hkick": 1e-4}])
    newton, adam = (
        calibrate(
            linear(), data, unknowns(2e-4), method=m, held_out=0, max_steps=n, rate=0.1, shots=2
        )
        for m, n in (("gauss-newton", 20), ("adam", 150))
    )
    assert not adam.converged
    assert adam.message == "not converged"
    assert np.abs((adam.values - newton.values) / newton.sigma).max() < 0.1
    np.testing.assert_allclose(adam.sigma, newton.sigma, rtol=1e-6)


def test_many_weights_go_by_gradients() -> None:
    form = pj.elements.potentials.Spline((0.02, 0.02), (30, 30))
    field = pj.HamiltonianKick(form, name="field")
    lattice = pj.Lattice([field if e.name == "field" else e for e in line()])
    twin = small(lattice=lattice)
    wanted = [*QUADRUPOLES, Unknown("field.weights", prior=1.0)]
    data = measured(hidden(), scan(3))
    with pytest.warns(
        pj.errors.IdentifiabilityWarning, match="96 readings do not determine 678 unknown"
    ):
        found = calibrate(twin, data, wanted, max_steps=2, shots=1)
    assert found.posterior is None
    assert np.isnan(found.sigma).all()
    assert len(found.values) == 2 + 26**2
    # the first step of Adam is one rate long, in units of the priors, where there is any slope
    assert np.abs(found.values[:2]).max() == pytest.approx(0.1 * 0.04, rel=0.2)
    assert all(np.isnan(e).all() for e in found.predict()[1].values())
    assert "676 weights" in str(found)


def test_curvature_of_fewer_particles_changes_nothing_that_is_found() -> None:
    data = measured(hidden(), scan(2))
    whole, part = (
        calibrate(small(), data, QUADRUPOLES, held_out=0, tolerance=1e-9, slope_particles=n)
        for n in (None, 60)
    )
    assert part.history[1].cost != whole.history[1].cost
    np.testing.assert_allclose(part.values, whole.values, rtol=0, atol=2e-2 * whole.sigma.min())
    np.testing.assert_allclose(part.sigma, whole.sigma, rtol=1e-2)


def test_what_cannot_be_asked() -> None:
    data = measured(small(), scan(2))
    with pytest.raises(
        pj.errors.UnknownNameError, match="method named 'newton'; did you mean 'gauss-"
    ):
        calibrate(small(), data, QUADRUPOLES, method="newton")
    with pytest.raises(
        pj.errors.UnknownNameError, match="loss named 'gauss'; did you mean 'gaussian'"
    ):
        calibrate(small(), data, QUADRUPOLES, loss="gauss")
    with pytest.raises(
        pj.errors.InvalidValueError, match=r"q2.k1 has none; give it a\s+finite prior"
    ):
        calibrate(small(), data, [QUADRUPOLES[0], Unknown("q2.k1")], method="adam")
    for name, bad in (
        ("max_steps", -1),
        ("patience", 0),
        ("shots", 1.5),
        ("max_steps", True),
        ("seed", -1),
    ):
        with pytest.raises(
            pj.errors.InvalidValueError, match=f"{name} must be a whole number of [01]"
        ):
            calibrate(small(), data, QUADRUPOLES, **{name: bad})
    for name in ("tolerance", "rate"):
        with pytest.raises(
            pj.errors.InvalidValueError, match=f"{name} must be a finite number above 0, got 0"
        ):
            calibrate(small(), data, QUADRUPOLES, **{name: 0})
    with pytest.raises(
        pj.errors.InvalidValueError, match="unknowns must be a list of Unknown, got "
    ):
        calibrate(small(), data, [])

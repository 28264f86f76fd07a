"""Calibrations: what they find, when they end, what they leave symplectic."""

from __future__ import annotations

import dataclasses
import logging

import numpy as np
import pytest
import torch
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
from pyjutrack import diagnostics as dg
from pyjutrack.twin import Calibration, Measurements, Twin, Unknown, calibrate
from pyjutrack.twin.optimizers import Problem, levenberg_marquardt, start
from pyjutrack.twin.residuals import Residuals
from pyjutrack.twin.robust_losses import find_loss

QUADRUPOLES = [Unknown(f"q{i}.k1", prior=0.1, relative=True) for i in (1, 2)]
TRUE = {"q1.k1": 0.05, "q2.k1": -0.04}
WEIGHTS = torch.randn(SPLINE.count, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def hidden(*more: Unknown, **changes: object) -> Twin:
    errors = [Unknown(a, relative=True, value=v) for a, v in TRUE.items()]
    return small(unknowns=(*errors, *more), **changes)


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


def flexible() -> Twin:
    """With a field of far too many weights."""
    form = pj.elements.potentials.Spline((0.016, 0.016), (12, 12), unit=1e-5)
    field = pj.HamiltonianKick(form, name="field")
    return small(lattice=pj.Lattice([field if e.name == "field" else e for e in line()]))


@pytest.mark.parametrize("method", ["adam", "gauss-newton"])
def test_held_out_shots_end_a_fit(method: str) -> None:
    """Two shots with noise teach a field of a hundred weights, and there is none."""
    data = measured(hidden(), scan(4))
    wanted = [*QUADRUPOLES, Unknown("field.weights", prior=5.0)]
    options = {"method": method, "rate": 0.02, "shots": 2, "patience": 3}
    found = calibrate(flexible(), data, wanted, held_out=[1, 3], max_steps=40, **options)
    errors = [step.held_out for step in found.history]
    least = int(np.argmin(errors))
    assert found.converged
    assert found.message.startswith("stopped early: the error of the held-out shots rises")
    assert least == len(errors) - 4
    assert found.mean_square(held_out=True) == pytest.approx(errors[least], rel=1e-9)
    assert errors[-1] > 1.02 * errors[least]
    if method == "gauss-newton":
        # the steps that do not count have fitted noise
        assert found.history[-1].cost < found.history[least].cost
        on = calibrate(flexible(), data.shots([0, 2]), wanted, held_out=0, max_steps=4, **options)
        longer = on.replace(data=data, held_out=(1, 3))
        assert longer.mean_square() < found.mean_square()
        assert longer.mean_square(held_out=True) > found.mean_square(held_out=True)


def test_noise_of_the_held_out_shots_ends_no_fit() -> None:
    """Where nothing is fitted that is not there, a fit with shots held out goes to its minimum."""
    off = []
    for seed in range(3):
        data = measured(hidden(), scan(4, seed=seed), seed=seed)
        found = calibrate(small(), data, QUADRUPOLES, held_out=[1, 3])
        alone = calibrate(small(), data.shots([0, 2]), QUADRUPOLES, held_out=0)
        assert found.message == "converged"
        off.append((found.values - alone.values) / alone.sigma)
    assert np.abs(off).max() < 0.05


@pytest.mark.parametrize("held_out", [0, [2]])
@pytest.mark.parametrize("rate", [30.0, 1e6])
def test_what_diverges_keeps_its_last_good_state(held_out: object, rate: float) -> None:
    data = measured(hidden(), scan(3))
    found = calibrate(
        small(),
        data,
        QUADRUPOLES,
        method="adam",
        rate=rate,
        held_out=held_out,
        max_steps=30,
        patience=2,
    )
    assert len(found.history) < 30
    assert not found.converged
    assert found.message == "diverged: the last good state is kept"
    assert np.isfinite(found.values).all()
    start = calibrate(small(), data, QUADRUPOLES, held_out=held_out, max_steps=0)
    assert found.mean_square() <= 10 * start.mean_square()
    if held_out:
        assert found.mean_square(held_out=True) <= start.mean_square(held_out=True)


def test_a_good_start_is_kept() -> None:
    data = measured(hidden(), scan(3))
    close = [Unknown(a, 0.1, relative=True, value=v) for a, v in TRUE.items()]
    found = calibrate(small(), data, close, held_out=0)
    assert found.history[0].cost < 1.1 * found.history[-1].cost
    far = calibrate(small(), data, QUADRUPOLES, held_out=0)
    np.testing.assert_allclose(found.values, far.values, rtol=0, atol=0.05 * far.sigma.min())
    # unknowns of the twin itself do not count
    again = calibrate(far.twin, data, QUADRUPOLES, held_out=0)
    np.testing.assert_array_equal(again.values, far.values)
    none = calibrate(small(), data, close, held_out=0, max_steps=0)
    assert none.values.tolist() == list(TRUE.values())
    assert not none.converged


def test_curvature_of_fewer_particles_changes_nothing_that_is_found() -> None:
    data = measured(hidden(), scan(2))
    whole, part = (
        calibrate(small(), data, QUADRUPOLES, held_out=0, tolerance=1e-9, slope_particles=n)
        for n in (None, 60)
    )
    assert part.history[1].cost != whole.history[1].cost
    np.testing.assert_allclose(part.values, whole.values, rtol=0, atol=2e-2 * whole.sigma.min())
    np.testing.assert_allclose(part.sigma, whole.sigma, rtol=1e-2)


def test_a_short_step_is_no_end() -> None:
    """Steps that are held short at first gain less than the tolerance, and are not the last."""
    truth = linear().replace(unknowns=(Unknown("c1.hkick", value=1e-4),))
    twin = linear().replace(unknowns=(Unknown("c1.hkick", value=0.0),))
    residuals = Residuals(twin, measured(truth, [{}]))
    problem = Problem(residuals, find_loss("gaussian"), np.zeros(1))
    first = start(problem, np.zeros(1), adam=False, rate=1.0)
    held = dataclasses.replace(first, damping=1e7)
    states = list(levenberg_marquardt(problem, held, 1e-4))
    assert first.cost - states[0].cost < 1e-4 * first.cost
    assert states[-1].still
    assert states[-1].cost < 0.1 * first.cost
    assert states[-1].vector == pytest.approx(1e-4, rel=0.1)


def test_a_valley_that_bends() -> None:

    class Valley(dg.BeamPosition):
        """Rosenbrock's residuals of x and y [mm]."""

        def read(self, beam: pj.Beam) -> torch.Tensor:
            x, y = (1e3 * super().read(beam)).unbind(-1)
            return torch.stack([1 - x, 10 * (y - x * x)])

    twin = linear().replace(diagnostics=(Valley("end", noise=1.0),))
    data = Measurements([{}], {"end.position": np.zeros((1, 2))})
    wanted = [Unknown("beam.x", value=-1.2e-3), Unknown("c1.vkick", value=1e-3 / 1.5)]
    found = calibrate(twin, data, wanted, held_out=0, max_steps=200, tolerance=1e-9)
    assert found.converged
    np.testing.assert_allclose(found.values, [1e-3, 1e-3 / 1.5], rtol=1e-3)


def test_what_is_held_out(caplog: pytest.LogCaptureFixture) -> None:
    data = measured(small(), scan(6))
    chosen = [calibrate(small(), data, QUADRUPOLES, max_steps=0, seed=s).held_out for s in range(4)]
    assert {len(c) for c in chosen} == {1}
    assert len(set(chosen)) > 1
    given = calibrate(small(), data, QUADRUPOLES, held_out=np.array([4, 1, 4]), max_steps=0)
    assert given.held_out == (1, 4)
    assert len(given.residuals()["end.wire_x"]) == 6
    with caplog.at_level(logging.INFO, "pyjutrack.twin"):
        calibrate(small(), data, QUADRUPOLES, held_out=[0], max_steps=1)
    assert caplog.messages[0].startswith("step 1: cost ")
    for bad in ([6], [-1], range(6)):
        with pytest.raises(
            pj.errors.InvalidValueError, match="held_out must name some of the 6 shots"
        ):
            calibrate(small(), data, QUADRUPOLES, held_out=bad)
    with pytest.raises(
        pj.errors.InvalidValueError, match=r"share in \[0, 1\) or a list of shots, got"
    ):
        calibrate(small(), data, QUADRUPOLES, held_out=1.0)
    for bad in ("0.2", [0.5]):
        with pytest.raises(pj.errors.InvalidValueError, match=r"share in .* list of shots, got"):
            calibrate(small(), data, QUADRUPOLES, held_out=bad)


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


def test_a_fit_that_cannot_start() -> None:
    """All particles are lost before the monitor, which then reads NaN."""
    lattice = pj.Lattice(
        [pj.Aperture(half_width=1e-9, half_height=1e-9), pj.Kicker(name="c"), pj.Marker(name="end")]
    )
    twin = small(lattice=lattice, effects=(), instruments=[dg.BeamPosition("end", noise=1e-5)])
    data = Measurements([{}], {"end.position": np.zeros((1, 2))})
    with pytest.raises(
        pj.errors.TrainingError, match="2 of 2 residuals are not finite at the first"
    ):
        calibrate(twin, data, [Unknown("c.hkick", prior=1.0)])

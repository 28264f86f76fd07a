"""When calibrations end: shots held out, steps that diverge or are short, valleys."""

from __future__ import annotations

import dataclasses
import logging

import numpy as np
import pytest
import torch
from calibration_cases import QUADRUPOLES, TRUE, hidden
from twin_cases import line, linear, measured, scan, small

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack.twin import Measurements, Twin, Unknown, calibrate
from pyjutrack.twin.optimizers import Problem, levenberg_marquardt, start
from pyjutrack.twin.residuals import Residuals
from pyjutrack.twin.robust_losses import find_loss


def flexible() -> Twin:
    """With a field of far too many weights."""
    form = pj.elements.potentials.Spline((0.016, 0.016), (12, 12), unit=1e-5)
    field = pj.HamiltonianKick(form, name="field")
    return small(lattice=pj.Lattice([field if e.name == "field" else e for e in line()]))


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.MisfitWarning")  # as it ends early
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

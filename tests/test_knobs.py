"""Knobs of the incoming beam, of kicks, and vectors among them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack.beam import initial_moments

PROTON = pj.Reference.from_kinetic("proton", 1e9)
LINE = pj.Lattice(
    [pj.Drift(0.3, name="d"), pj.Quadrupole(0.2, 5.0, name="q"), pj.Drift(0.4, name="e")]
)
KICK = pj.SpaceCharge(pj.SpectralPoisson((0.03, 0.03), (48, 48)))


@pytest.fixture(scope="module")
def beam() -> pj.Beam:
    twiss = pj.optics.Twiss(beta_x=1.0, alpha_x=0.3, beta_y=2.0, alpha_y=-0.4)
    return pj.distributions.gaussian(
        PROTON, 2000, twiss=twiss, emittance=(2e-6, 2e-6), current=50.0, seed=1
    )


def test_a_beam_takes_the_moments_that_are_set(beam: pj.Beam) -> None:
    wanted = {
        "beam.emittance_x": 3e-6,
        "beam.beta_x": 1.7,
        "beam.alpha_x": -0.6,
        "beam.alpha_y": 0.2,
        "beam.py": 1e-3,
        "beam.delta": 2e-4,
    }
    changes = {a: torch.tensor(v, dtype=torch.float64) for a, v in wanted.items()}
    shaped = initial_moments.set_moments(beam, changes)
    for address in initial_moments.KNOBS:
        expected = wanted.get(address, initial_moments.value(beam, address))
        found = initial_moments.value(shaped, address)
        assert found == pytest.approx(expected, rel=1e-10, abs=1e-16), address


def test_gradients_by_beam_and_kick(beam: pj.Beam) -> None:
    wrt = [*initial_moments.KNOBS, "beam.current", "q.k1", "effects[0].perveance_scale"]

    def figure(final: pj.Beam, initial: pj.Beam) -> torch.Tensor:
        x, y = final.coordinate("x"), final.coordinate("y")
        return 1e6 * (x * x + 0.3 * y * y).mean() + 1e3 * (x + y).mean()

    found = {
        mode: pj.gradient(figure, LINE, beam, wrt=wrt, effects=[KICK], mode=mode, step=1e-7)
        for mode in ("reverse", "forward", "fd")
    }
    np.testing.assert_allclose(found["forward"], found["reverse"], rtol=1e-9, atol=1e-9)
    # emittances are of the order of the step
    np.testing.assert_allclose(found["fd"], found["reverse"], rtol=2e-3, atol=1e-6)
    others = [i for i, a in enumerate(wrt) if "emittance" not in a]
    np.testing.assert_allclose(found["fd"][others], found["reverse"][others], rtol=1e-6, atol=1e-6)


def test_a_slope_of_the_jacobian_by_a_kicks_knob(beam: pj.Beam) -> None:
    _, slopes = pj.jacobian_derivatives(
        LINE, beam, ["effects[0].perveance_scale", "beam.beta_x"], effects=[KICK]
    )

    def at(scale: float, stretch: float) -> np.ndarray:
        kick = pj.SpaceCharge(KICK.potential, perveance_scale=scale)
        beta = torch.tensor(
            initial_moments.value(beam, "beam.beta_x") + stretch, dtype=torch.float64
        )
        shaped = initial_moments.set_moments(beam, {"beam.beta_x": beta})
        return pj.jacobian(LINE, shaped, effects=[kick])

    step = 1e-4
    expected = [
        (at(1 + step, 0) - at(1 - step, 0)) / (2 * step),
        (at(1, step) - at(1, -step)) / (2 * step),
    ]
    np.testing.assert_allclose(slopes, expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    ("address", "error", "says"),
    [
        ("beam.bta_x", pj.errors.UnknownNameError, r"beam\.beta_x"),
        ("effects[1].perveance_scale", pj.errors.InvalidValueError, "there are 1 effects"),
        ("effects[0].perveance", pj.errors.UnknownNameError, "perveance_scale"),
        ("effects[0].potential", pj.errors.InvalidValueError, "no number"),
        ("effects[0].potential.sise", pj.errors.UnknownNameError, "size"),
    ],
)
def test_names_that_are_no_knobs(
    beam: pj.Beam, address: str, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        pj.gradient(pj.observables.emittance_growth(), LINE, beam, wrt=[address], effects=[KICK])


@pytest.mark.parametrize(("other", "message"), [("charge", "coasting"), ("current", "a bunch")])
def test_the_intensity_that_a_beam_does_not_have_is_no_knob(
    beam: pj.Beam, other: str, message: str
) -> None:
    """The message names the one that it has."""
    own = "current" if other == "charge" else "charge"
    this = beam.replace(**{other: 0.0, own: 1e-9})
    twin = pj.Twin(LINE, this, (pj.diagnostics.BeamPosition(at="e"),))
    wrt = [f"beam.{other}"]
    for call in (
        lambda: pj.gradient(pj.observables.size(), LINE, this, wrt=wrt),
        lambda: pj.gradient(pj.observables.size(), LINE, this, wrt=wrt, mode="fd"),
        lambda: pj.jacobian_derivatives(LINE, this, wrt=wrt),
        lambda: twin.predict({wrt[0]: 1.0}),
        lambda: twin.replace(unknowns=[pj.Unknown(wrt[0])]),
    ):
        with pytest.raises(
            pj.errors.InvalidValueError, match=f"this beam is {message}; use beam.{own}"
        ):
            call()


def test_a_beam_without_extent_has_no_ellipse() -> None:
    point = pj.Beam(PROTON, torch.zeros(3, 6, dtype=torch.float64))
    with pytest.raises(pj.errors.InvalidValueError, match="no emittance in y"):
        pj.gradient(pj.observables.emittance_growth(), LINE, point, wrt=["beam.beta_y"])


@pytest.mark.parametrize("number", [0.0, -1e-6, float("nan"), float("inf")])
def test_an_emittance_is_positive_and_finite(number: float) -> None:
    initial_moments.require_possible("beam.emittance_x", 1e-6)
    initial_moments.require_possible("beam.x", -1e-3)
    with pytest.raises(pj.errors.InvalidValueError, match="must be positive"):
        initial_moments.require_possible("beam.emittance_x", number)


@pytest.mark.parametrize("mode", ["reverse", "forward"])
@pytest.mark.parametrize("name", ["max_step", "potential.radius"])
def test_settings_of_kicks_have_no_slopes(beam: pj.Beam, mode: str, name: str) -> None:
    """They got a slope of zero in silence."""
    kick = pj.SpaceCharge(pj.collective.ImageCharges(KICK.potential, 2))
    with pytest.raises(pj.errors.InvalidValueError, match=name.rpartition(".")[2]):
        pj.gradient(
            pj.observables.size("x"),
            LINE,
            beam,
            wrt=[f"effects[0].{name}"],
            effects=[kick],
            mode=mode,
        )


def test_a_field_that_is_no_knob_is_told_apart() -> None:
    line = pj.Lattice([pj.Quadrupole(0.1, 1.0, name="q1")])
    with pytest.raises(pj.errors.UnknownNameError, match="steps is a field of Quadrupole and no"):
        line.value("q1.steps")
    with pytest.raises(pj.errors.UnknownNameError, match=r"'q1\.k9'; did you mean"):
        line.value("q1.k9")

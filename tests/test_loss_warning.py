"""Derivatives that hold fixed which particles are lost say so, once a call."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack import diagnostics as dg

X = pj.observables.centroid("x")


@contextmanager
def _told_once(said: str) -> Iterator[None]:
    """One `LossWarning` and nothing else, at the line of the caller, whatever filters are set."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        yield
    (warning,) = [w for w in found if w.category is not DeprecationWarning]  # of PyTorch's own
    message = str(warning.message)
    assert warning.category is pj.errors.LossWarning
    assert said in message
    assert "smoothing" in message
    assert warning.filename == __file__


@pytest.fixture(scope="module")
def beam(proton: pj.Reference) -> pj.Beam:
    """Ten particles at -4.5 to 4.5 mm, of which the slit takes four and the next six are left."""
    c = np.zeros((10, 6))
    c[:, 0] = np.linspace(-4.5e-3, 4.5e-3, 10)
    c[:, 2] = np.linspace(-1e-3, 1e-3, 10)
    return pj.Beam(proton, torch.tensor(c), 1.0)


def _line(smoothing: float = 0.0, half_width: float = 3e-3) -> pj.Lattice:
    slit = pj.Aperture(half_width=half_width, smoothing=smoothing, name="slit")
    kicker = pj.Kicker(hkick=0.0, name="k")
    return pj.Lattice([kicker, pj.Drift(1.0, name="d"), slit, pj.Monitor(name="m")])


@pytest.mark.parametrize("mode", ["reverse", "forward", "fd"])
def test_a_gradient_warns_of_the_number_of_losses(beam: pj.Beam, mode: str) -> None:
    with _told_once("4 of 10 particles"):
        (slope,) = pj.gradient(X, _line(), beam, wrt=["k.hkick"], mode=mode)
    assert slope == pytest.approx(1.0, rel=1e-6)  # of the same particles
    with _told_once("4 of 10 particles"):
        pj.value_and_gradient(X, _line(), beam, wrt=["k.hkick", "d.length"], mode=mode)


def test_no_warning_without_need(beam: pj.Beam) -> None:
    gone = beam.replace(alive=beam.coordinates[:, 0].abs() < 3e-3)
    for lattice, start in (
        (_line(half_width=5e-3), beam),
        (_line(smoothing=1e-4), beam),  # four go, and the derivative knows of it
        (_line(), gone),  # they were lost before
    ):
        pj.gradient(X, lattice, start, wrt=["k.hkick"])
    pj.track(_line(), beam)
    moving = beam.replace(coordinates=beam.coordinates.clone().requires_grad_())
    with torch.no_grad():
        pj.track(_line(), moving)
    pj.Twin(_line(), beam, (dg.BeamPosition("m"),)).predict({"k.hkick": 1e-4})


def test_losses_of_other_kinds_count(
    beam: pj.Beam, make_beam: Callable[..., pj.Beam], kick: pj.SpaceCharge
) -> None:
    """By the box of space charge, and by an element that cannot move a particle."""
    fast = make_beam(300, seed=3)
    thrown = fast.coordinates.clone()
    thrown[:2, 1] = 0.02
    line = pj.Lattice([pj.Drift(1.0, name="d")])
    with _told_once("2 of 300 particles"):
        pj.gradient(X, line, fast.replace(coordinates=thrown), wrt=["d.length"], effects=[kick])
    stopped = beam.coordinates.clone()
    stopped[3, 5] = -1.0
    with _told_once("1 of 10 particles"):
        pj.gradient(X, line, beam.replace(coordinates=stopped), wrt=["d.length"])


def test_tracking_that_carries_derivatives_warns(beam: pj.Beam) -> None:
    moving = beam.replace(coordinates=beam.coordinates.clone().requires_grad_())
    with _told_once("4 of 10 particles"):
        pj.track(_line(), moving)
    with _told_once("4 of 10 particles"):
        pj.beams_at(_line(), moving, ["slit", "m"])

    def mean(kick: torch.Tensor) -> torch.Tensor:
        return pj.moments.centroid(pj.track(_line().with_values({"k.hkick": kick}), beam))[0]

    with _told_once("4 of 10 particles"):
        torch.func.jacfwd(mean)(torch.zeros((), dtype=torch.float64))


def test_the_derivative_of_a_jacobian_warns(
    make_beam: Callable[..., pj.Beam], kick: pj.SpaceCharge
) -> None:
    beam = make_beam(300)
    lattice = pj.Lattice(
        [
            pj.Drift(0.1, name="d"),
            pj.Aperture(half_width=1e-3, half_height=1e-3),
            pj.Drift(0.1, name="e"),
        ]
    )
    lost = pj.track(lattice, beam, effects=[kick]).lost
    assert lost > 0
    with _told_once(f"{lost} of 300 particles"):
        pj.jacobian_derivatives(lattice, beam, ["d.length"], effects=[kick])
    pj.jacobian(lattice, beam, effects=[kick])  # no test particle changes which are lost


def test_twins_and_calibrations_warn_once(beam: pj.Beam) -> None:
    lattice = _line()
    twin = pj.Twin(lattice, beam, (dg.BeamPosition("m", noise=1e-5),))
    setting = torch.zeros((), dtype=torch.float64, requires_grad=True)
    with _told_once("4 of 10 particles"):
        twin.read({"k.hkick": setting})
    shots = [{"k.hkick": k} for k in (-1e-4, 0.0, 1e-4, 2e-4)]
    error = pj.Unknown("beam.x", prior=1e-3)
    readings = {"m.position": np.stack([twin.predict(s)["m.position"] for s in shots])}
    data = pj.Measurements(shots, readings)
    with _told_once("4 of 10 particles"):
        found = pj.calibrate(twin, data, [error], held_out=0.0)
    assert math.isfinite(found.sigma[0])
    soft = twin.replace(lattice=_line(smoothing=1e-4))
    pj.calibrate(soft, data, [error], held_out=0.0)


def test_a_stack_warns_of_the_beam_that_loses_most(beam: pj.Beam) -> None:
    stack = torch.stack([beam.coordinates, 0.5 * beam.coordinates]).requires_grad_()
    with _told_once("4 of 10 particles"):
        pj.track(_line(), beam.replace(coordinates=stack, alive=torch.ones(2, 10).bool()))

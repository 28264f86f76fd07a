"""Beam-beam as an effect: its promises, symplectic, undone exactly, and what cannot be."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from beam_beam_cases import BOTH, CHARGE, IP, LONG, POSITRON, SIZES, bunch

import pyjutrack as pj
from pyjutrack.collective import BeamBeam, BeamBeam2D
from pyjutrack.elements.inverse import apply_inverse
from pyjutrack.maps.state import State
from pyjutrack.testing import check_effect

LINE = pj.Lattice([pj.Drift(0.1), pj.Marker(name="ip"), pj.Drift(0.1)])


@BOTH
def test_it_keeps_the_promises_of_effects(effect: pj.CollectiveEffect) -> None:
    names = ["charge", "sigma_x", "sigma_y", "x", "y"]
    more = ["sigma_z", "sigma_px", "sigma_py", "slope_x", "slope_y", "angle", "plane"]
    names += more if effect is LONG else ["correlation"]
    check_effect(effect, bunch(), LINE, knobs=names)


@pytest.mark.parametrize("knob", ["angle", "sigma_px", "x"])
def test_slopes_at_zero(knob: str) -> None:
    """A head-on beam of one size has no boost and no growth, and slopes by them all the same."""
    head_on = {"angle": 0.0, "sigma_px": 0.0, "x": 0.0, "count": 3}
    shape = {**SIZES, "sigma_z": 1e-2, "plane": 0.3, "slope_y": 1e-4}

    def figure(beam: pj.Beam) -> Any:
        return (beam.coordinates[:, [1, 3, 5]] * torch.linspace(1, 2, 3, dtype=torch.float64)).sum()

    def value(size: float) -> float:
        effect = BeamBeam("ip", CHARGE, **{**shape, **head_on, knob: size})
        return float(figure(pj.track(IP, bunch(), effects=[effect])))

    effect = BeamBeam("ip", CHARGE, **shape, **head_on)
    for mode in ("forward", "reverse"):
        (found,) = pj.gradient(
            figure, IP, bunch(), wrt=[f"effects[0].{knob}"], effects=[effect], mode=mode
        )
        step = {"angle": 1e-5, "sigma_px": 1e-4, "x": 1e-8}[knob]
        if knob == "sigma_px":  # even in it
            assert found == pytest.approx(0, abs=1e-12 * abs(value(step) - value(0.0)) / step)
        else:
            far, near = ((value(s) - value(-s)) / (2 * s) for s in (step, step / 2))
            assert found == pytest.approx((4 * near - far) / 3, rel=1e-6)


def test_the_map_is_symplectic() -> None:
    s = np.kron(np.eye(3), [[0.0, 1.0], [-1.0, 0.0]])
    strong = LONG.__class__(**{**vars(LONG), "angle": 0.1, "sigma_z": 2e-4, "charge": 20 * CHARGE})
    for row in bunch().numpy()[:5]:
        matrix = np.asarray(pj.jacobian(IP, bunch(), effects=[strong], at=row))
        assert np.abs(matrix - np.eye(6)).max() > 0.1
        size = np.abs(matrix).max() ** 2
        assert np.abs(matrix.T @ s @ matrix - s).max() < 1e-14 * size
        assert np.abs(matrix.T @ s @ matrix - s).max() < 1e-10


@BOTH
def test_it_is_undone_exactly(effect: Any) -> None:
    beam = bunch()
    state = State(beam.coordinates.unbind(-1), beam.alive)
    place = pj.collective.Place(IP.elements[0], 0, 0.0, 0.0, 1.0, 0)
    end = effect.apply(state, effect.field(beam, state, place), place)
    back = apply_inverse(effect.maps(POSITRON), end)
    assert float((end.coordinates[1] - state.coordinates[1]).abs().max()) > 1e-5
    for old, new in zip(state.coordinates, back.coordinates, strict=True):
        torch.testing.assert_close(new, old, rtol=1e-12, atol=1e-17)


def test_what_cannot_be() -> None:
    from pyjutrack.errors import InvalidValueError, UnknownNameError

    with pytest.raises(InvalidValueError, match=r"sigma_y must be a finite number above 0"):
        BeamBeam2D("ip", 1e-9, 1e-3, 0.0)
    with pytest.raises(InvalidValueError, match=r"correlation must be between -1 and 1"):
        BeamBeam2D("ip", 1e-9, 1e-3, 1e-3, correlation=1.0)
    with pytest.raises(InvalidValueError, match=r"beta must be a velocity over c"):
        BeamBeam2D("ip", 1e-9, 1e-3, 1e-3, beta=1.1)
    for correlations in ((0.9, 0.9, 0, -0.9, 0, 0), (0, 1.0, 0, 0, 0, 0)):
        with pytest.raises(InvalidValueError, match=r"no beam has the correlations"):
            BeamBeam("ip", 1e-9, 1e-3, 1e-3, 0.1, correlations=correlations)
    with pytest.raises(InvalidValueError, match=r"sigma_py must be 0 or more"):
        BeamBeam("ip", 1e-9, 1e-3, 1e-3, 0.1, sigma_py=-1e-3)
    with pytest.raises(InvalidValueError, match=r"angle must be half of the angle"):
        BeamBeam("ip", 1e-9, 1e-3, 1e-3, 0.1, angle=1.6)
    with pytest.raises(UnknownNameError, match=r"slicing"):
        BeamBeam("ip", 1e-9, 1e-3, 1e-3, 0.1, slicing="equal")
    with pytest.raises(UnknownNameError, match=r"element for BeamBeam2D .*ipp"):
        pj.track(IP, bunch(), effects=[BeamBeam2D("ipp", 1e-9, 1e-3, 1e-3)])
    slow = pj.Beam(pj.Reference.from_kinetic("proton", 1e9), bunch().coordinates)
    with pytest.raises(InvalidValueError, match=r"right to 1/gamma\^2, which is 0\.23 here"):
        pj.track(IP, slow, effects=[BeamBeam("ip", 1e-9, 1e-3, 1e-3, 0.1)])

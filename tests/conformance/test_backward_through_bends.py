"""Exact bends of JuTrack's in reverse mode: with radiation, and with the kicks that it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from driven_rings import electrons

import pyjutrack as pj
from pyjutrack.collective import Radiation

ARC = pj.Lattice(
    [
        pj.Drift(0.5, name="d"),
        pj.SBend(1.0, angle=0.2, k2=3.0, e1=0.05, e2=0.1, steps=8, name="b"),
        pj.SBend(0.8, angle=0.1, name="arc"),
        pj.Drift(0.5),
    ]
)
STEPS = {"b.k2": 1e-2, "b.angle": 1e-5, "b.length": 1e-4, "arc.angle": 1e-5, "d.length": 1e-2}


def make_bunch():
    sizes = np.array([1e-3, 1e-4, 8e-4, 1e-4, 5e-3, 1e-3])
    rows = np.random.default_rng(1).normal(size=(200, 6)) * sizes
    return pj.Beam(electrons(), torch.from_numpy(rows))


def moved(final):
    x, px, _, _, z, delta = final.coordinates.unbind(-1)
    return 1e5 * delta.mean() + 1e6 * ((x * delta).mean() + (z * px).mean())


def test_radiation_in_reverse_mode(julia):
    """Against differences of rebuilt lattices, and the loss is a part that is seen."""
    beam, effects = make_bunch(), [Radiation()]

    def at(lattice, radiating):
        return float(moved(pj.track(lattice, beam, effects=radiating, engine=julia)))

    def differences(radiating):
        found = []
        for knob, step in STEPS.items():
            value = ARC.value(knob)
            near, far = (
                at(ARC.with_values({knob: value + d}), radiating)
                - at(ARC.with_values({knob: value - d}), radiating)
                for d in (step, 2 * step)
            )
            found.append((8 * near - far) / (12 * step))
        return np.array(found)

    expected, without = differences(effects), differences([])
    assert (np.abs(expected - without) > 1e-4 * np.abs(expected))[[1, 2, 3]].all()
    for mode in ("reverse", "forward"):
        found = pj.gradient(
            moved, ARC, beam, wrt=list(STEPS), effects=effects, mode=mode, engine=julia
        )
        np.testing.assert_allclose(found, expected, rtol=1e-6, err_msg=mode)


def test_kicks_in_exact_bends_have_no_backward_pass(julia):
    """Enzyme would end the process; forward they have slopes, and so have kicks in PolynomB."""
    bend = pj.julia.Element(
        "ESBEND", length=1.0, angle=0.1, KickAngle=[1e-4, 2e-4], slip=1.0, name="b"
    )
    lattice, beam = pj.Lattice([pj.Drift(0.5, name="d"), bend]), make_bunch()
    with pytest.raises(
        pj.errors.InvalidValueError, match=r"backward pass .* ESBEND with KickAngle"
    ):
        pj.gradient(moved, lattice, beam, wrt=["d.length"], mode="reverse", engine=julia)
    (found,) = pj.gradient(moved, lattice, beam, wrt=["d.length"], mode="forward", engine=julia)

    def at(length):
        changed = lattice.with_values({"d.length": length})
        return float(moved(pj.track(changed, beam, engine=julia)))

    np.testing.assert_allclose(found, (at(0.51) - at(0.49)) / 0.02, rtol=1e-6)

"""Effects of ours that JuTrack has elements for, against the native engine's."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from driven_rings import electrons
from scipy.special import wofz

import pyjutrack as pj
from pyjutrack.beam.reference import SPEED_OF_LIGHT
from pyjutrack.collective import BeamBeam, BeamBeam2D, Radiation, Resonator, SpaceCharge2p5D, Wake

SIZES = (1e-3, 1e-4, 8e-4, 1e-4, 5e-3, 1e-3)
LINE = pj.Lattice([pj.Drift(0.5, name="d"), pj.Marker(name="m"), pj.Drift(0.5)])
WAKE = Wake(Resonator(2e9, 1e6, 2.0), at="m")
OPPOSING = BeamBeam(
    "m",
    -1e-9,
    sigma_x=2e-4,
    sigma_y=1e-4,
    sigma_z=5e-3,
    sigma_px=1e-4,
    sigma_py=2e-4,
    correlations=(0.3, 0.0, 0.0, 0.0, 0.0, -0.2),
    count=11,
)


def make_bunch(particles, reference=None):
    rows = np.random.default_rng(1).normal(size=(particles, 6)) * np.array(SIZES)
    return pj.Beam(reference or electrons(), torch.from_numpy(rows), charge=1e-9)


def kicks(lattice, beam, effects, engine):
    """What effects change, (N, 6)."""
    ends = [pj.track(lattice, beam, effects=e, engine=engine).coordinates for e in (effects, [])]
    return (ends[0] - ends[1]).numpy()


def mixed(final):
    px, z, delta = final.coordinates[:, [1, 4, 5]].unbind(-1)
    return 1e8 * ((px * px).mean() + (z * delta).mean()) + 1e4 * delta.mean()


@pytest.mark.parametrize(
    ("kind", "energy"), [("electron", 3e9), ("proton", 3e9), ("antiproton", 1e8), ("alpha", 1e9)]
)
def test_wakes_of_resonators(julia, kind, energy):
    """JuTrack has 99 cells."""
    reference = pj.Reference.from_kinetic(kind, energy)
    beam = make_bunch(20000, reference)
    ours, theirs = (kicks(LINE, beam, [WAKE], engine)[:, 5] for engine in ("native", julia))
    assert np.abs(ours).max() > 1e-4
    assert np.corrcoef(ours, theirs)[0, 1] > 0.998
    assert np.std(theirs - ours) < 0.05 * np.sqrt((ours**2).mean())
    # it takes energy from what comes late
    late = beam.coordinates[:, 4].numpy() < 0
    assert np.abs(theirs[late]).mean() > 2 * np.abs(theirs[~late]).mean()


@pytest.mark.parametrize("rounding", [0.0, 1e-15, -3e-15, 1e-12])
def test_a_cell_has_half_of_its_own_wake(julia, rounding):
    """JuTrack has all of W(0) or nothing of it, by how the middle of its cells is rounded."""
    rows = np.zeros((2, 6))
    rows[:, 4] = np.array([3e-3, 0.4e-3]) * (1 + rounding)
    beam = pj.Beam(electrons(), torch.from_numpy(rows), charge=1e-9)
    slow = Wake(Resonator(2e5, 1e10, 2.0), at="m")
    lattice = pj.Lattice([pj.Marker(name="m")])
    late, early = kicks(lattice, beam, [slow], julia)[:, 5][::-1]
    # each has half of its own, and the late one all of the early one's besides
    np.testing.assert_allclose(late / early, 3.0, rtol=0.15)


@pytest.mark.parametrize("last", [0.4e-3, -1e-3, -3e-3])
def test_sources_of_wakes_are_as_far_as_the_bunch_is_long(julia, last):
    """JuTrack adds up those within half of its cells."""
    frequency, quality = 1e9, 2.0
    rows = np.zeros((2, 6))
    rows[:, 4] = 3e-3, last
    beam = pj.Beam(electrons(), torch.from_numpy(rows), charge=1e-9)
    slow = Wake(Resonator(2e5, frequency, quality), at="m")
    early, late = kicks(pj.Lattice([pj.Marker(name="m")]), beam, [slow], julia)[:, 5]
    damping = math.pi * frequency / quality
    turning = math.sqrt((2 * math.pi * frequency) ** 2 - damping**2)
    time = (3e-3 - last) / (float(beam.reference.beta) * SPEED_OF_LIGHT)
    wake = math.cos(turning * time) - damping / turning * math.sin(turning * time)
    expected = 1 + 2 * math.exp(-damping * time) * wake
    np.testing.assert_allclose(late / early, expected, rtol=0.06)


def test_wakes_of_no_charge(julia):
    """They do nothing, and JuTrack has no slope by it."""
    beam = make_bunch(300).replace(charge=0.0)
    assert not kicks(LINE, beam, [WAKE], julia).any()
    with pytest.raises(pj.errors.InvalidValueError, match="no slope by a charge of 0"):
        pj.gradient(mixed, LINE, beam, effects=[WAKE], wrt=["beam.charge"], engine=julia)


def test_opposing_bunches_are_refused(julia):
    """As long as JuTrack's complex error function is wrong: erfcx(0.5 - 0.3i), against SciPy."""
    found = complex(julia.session.main.seval("PyJuTrack.JuTrack.erfcx(0.5 - 0.3im)"))
    assert abs(found / wofz(1j * (0.5 - 0.3j)) - 1) > 0.5
    with pytest.raises(pj.errors.InvalidValueError, match="error function"):
        pj.track(LINE, make_bunch(100), effects=[OPPOSING], engine=julia)


@pytest.mark.parametrize(("energy", "gradient", "loss"), [(3e9, 0.3, 2e-5), (1e8, 0.0, 7e-10)])
def test_radiation(julia, energy, gradient, loss):
    """The mean loss of electrons in magnets that are integrated, and what it does to the orbit."""
    lattice = pj.Lattice(
        [
            pj.SBend(1.0, angle=0.2, k1=gradient, model="exact", name="b"),
            pj.SBend(1.0, angle=0.2, k1=-0.3, model="paraxial", name="arc"),
            pj.Quadrupole(0.3, k1=1.5, model="exact", name="q"),
            pj.Sextupole(0.2, k2=30.0, name="s"),
        ]
    )
    beam = make_bunch(500, pj.Reference.from_total("electron", energy))
    radiation = [Radiation(bend_slices=40, magnet_slices=10)]
    ours, theirs = (kicks(lattice, beam, radiation, engine) for engine in ("native", julia))
    assert ours[:, 5].mean() < -loss
    # of the velocity, JuTrack leaves out 1 / (2 gamma^2)
    np.testing.assert_allclose(theirs[:, 5], ours[:, 5], rtol=3e-5)
    sizes = np.abs(ours[:, :4]).max(0)
    # across, the steps of the gradient without radiation are others
    off = np.abs(theirs - ours)[:, :4].max(0)
    np.testing.assert_array_less(off, sizes * [1e-3, 1e-3, 2e-2, 2e-2])


@pytest.mark.parametrize(
    ("effect", "message"),
    [
        (BeamBeam2D("m", -1e-9, sigma_x=2e-4, sigma_y=1e-4), "defines StrongThinGaussianBeam"),
        (BeamBeam("m", -1e-9, 2e-4, 2e-4, 5e-3), "no limit for a round bunch"),
        (BeamBeam("m", -1e-9, 2e-4, 1e-4, 5e-3, angle=0.01, count=99), "angle = 0.01"),
        (BeamBeam("m", -1e-9, 2e-4, 1e-4, 5e-3, x=1e-5), "x = 1e-05"),
        (Wake(Resonator(2e9, 1e6, 2.0), at="m", component="dipole x"), "longitudinal one"),
        (Wake(Resonator(2e9, 1e6, 2.0), at="m", period=1e-6), "forgets the turn before"),
        (SpaceCharge2p5D(), "one density across for the whole bunch"),
        (Radiation("quantum"), "the mean loss alone"),
    ],
)
def test_what_jutrack_has_not(julia, effect, message):
    lattice = pj.Lattice([*LINE, pj.SBend(1.0, angle=0.1, name="b")])
    with pytest.raises(pj.errors.InvalidValueError, match=message):
        pj.track(lattice, make_bunch(2000), effects=[effect], engine=julia)


def test_radiation_of_linear_magnets_is_refused(julia):
    lattice = pj.Lattice([pj.Quadrupole(0.3, k1=1.0, name="q7")])
    with pytest.raises(pj.errors.InvalidValueError, match="'q7' radiates, and JuTrack's QUAD does"):
        pj.track(lattice, make_bunch(100), effects=[Radiation()], engine=julia)


KNOBS = {
    "wake": (WAKE, ["effects[0].function.shunt", "effects[0].function.quality", "beam.charge"]),
}


@pytest.mark.parametrize("name", KNOBS)
def test_derivatives(julia, name):
    """Both modes of Enzyme through JuTrack's own map, against differences of rebuilt effects."""
    effect, knobs = KNOBS[name]
    beam = make_bunch(300)
    expected = [_difference(effect, beam, knob) for knob in knobs]
    for mode in ("forward", "reverse"):
        found = pj.gradient(mixed, LINE, beam, effects=[effect], wrt=knobs, mode=mode, engine=julia)
        np.testing.assert_allclose(found, expected, rtol=1e-5, err_msg=mode)


def _difference(effect, beam, knob):
    *_, path = knob.split("effects[0].")
    function, _, field = path.rpartition(".")

    def at(factor):
        changed, bunch = effect, beam
        if knob == "beam.charge":
            bunch = beam.replace(charge=beam.charge * factor)
        elif function:
            inner = dataclasses.replace(
                effect.function, **{field: getattr(effect.function, field) * factor}
            )
            changed = dataclasses.replace(effect, function=inner)
        else:
            changed = dataclasses.replace(effect, **{field: getattr(effect, field) * factor})
        return float(mixed(pj.track(LINE, bunch, effects=[changed], engine="julia")))

    value = beam.charge if knob == "beam.charge" else _value(effect, path)
    step = 1e-4
    near, far = (at(1 + d) - at(1 - d) for d in (step, 2 * step))
    return (8 * near - far) / (12 * step * value)


def _value(effect, path):
    found = effect
    for name in path.split("."):
        found = getattr(found, name)
    return found

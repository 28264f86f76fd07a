"""JuTrack's driving terms against sums of their own formula, and against tracking."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from driven_rings import electrons, first_order, ring

import pyjutrack as pj
from pyjutrack.optics import jutrack

TERMS_OF_ZERO = ("geometric1", "geometric2", "tuneshifts", "chromatic")
KNOBS = {"sf.k2": 1e-2, "qf.k1": 1e-4, "d2.length": 1e-4}


@pytest.fixture(scope="module")
def reference():
    return electrons()


def test_sextupoles_drive_resonances(julia, reference):
    """By the optics in the middle of magnets, and JuTrack's average over them: 0.1 % apart."""
    lattice = ring()
    found = jutrack.resonance_driving_terms(lattice, reference, geometric1=True).terms
    for name, expected in first_order(lattice, reference).items():
        assert abs(expected) > 0.3
        assert abs(found[name][0] / expected - 1) < 2e-3, name


def test_slopes_of_driving_terms(julia, reference):
    """JuTrack's first-order series against differences of the sums."""
    lattice = ring()
    found = jutrack.resonance_driving_terms(
        lattice, reference, knobs=list(KNOBS), geometric1=True
    ).slopes
    for k, (knob, step) in enumerate(KNOBS.items()):
        value = lattice.value(knob)
        ends = [
            first_order(lattice.with_values({knob: value + d}), reference) for d in (step, -step)
        ]
        for name in ends[0]:
            expected = (ends[0][name] - ends[1][name]) / (2 * step)
            assert abs(found[name][0, k] - expected) < 5e-3 * abs(expected), (name, knob)


def test_tune_shifts_with_amplitude(julia, reference):
    """Of second order in sextupoles, and of octupoles, against tunes of tracked particles."""
    lattice = ring(bends=False, octupole=3000.0)
    found = jutrack.resonance_driving_terms(lattice, reference, tuneshifts=True).terms
    rows = np.zeros((3, 6))
    rows[:, 0], rows[:, 2] = (1e-6, 1e-4, 1e-6), (1e-6, 1e-6, 1e-4)
    beam = pj.Beam.from_array(reference, rows)
    optics = pj.twiss(lattice, reference)
    seen = pj.diagnostics.footprint(lattice, beam, turns=2048, twiss=optics)
    (qx0, qy0), (qx1, _), (qx2, qy2) = seen.tunes
    jx, jy = (np.diff(seen.actions[[0, n], n - 1])[0] for n in (1, 2))
    for name, expected in (
        ("dnux_dJx", (qx1 - qx0) / jx),
        ("dnux_dJy", (qx2 - qx0) / jy),
        ("dnuy_dJy", (qy2 - qy0) / jy),
    ):
        # free space does a little that the sums leave out
        assert abs(found[name][0] - expected) < 0.01 * abs(expected) + 5, (name, expected)


def test_slopes_by_variables(julia, reference):
    """A variable that moves two families, and the places of elements of several pieces."""
    cells = list(ring())
    lattice = pj.Lattice(
        cells, variables={"k": 30.0}, expressions={"sf.k2": "k", "sd.k2": "-1.5*k"}
    )
    options = {"knobs": ["k", "qd.k1"], "geometric1": True}
    found = jutrack.resonance_driving_terms(lattice, reference, [0, 6], **options)
    # of first order in all sextupoles, and these are all in proportion
    for name in ("h21000", "h10020"):
        np.testing.assert_allclose(found.slopes[name][:, 0] * 30.0, found.terms[name], rtol=1e-9)


def test_what_would_be_left_out(julia, reference):
    thin = pj.Lattice([*ring(), pj.Multipole((0.0, 0.0, 1.0), name="m7")])
    with pytest.raises(pj.errors.InvalidValueError, match="thin multipoles, and so m7"):
        jutrack.resonance_driving_terms(thin, reference)
    exact = list(ring())
    exact[5] = pj.SBend(1.0, angle=2 * np.pi / 12, k1=1e-3, model="exact", name="b7")
    with pytest.raises(pj.errors.InvalidValueError, match="leave out b7, which is ESBEND"):
        jutrack.resonance_driving_terms(pj.Lattice(exact), reference)
    with pytest.raises(pj.errors.InvalidValueError, match="no group"):
        jutrack.resonance_driving_terms(ring(), reference, geometric3=True)


def changed(name, **parameters):
    """The ring with other parameters of all elements of a name."""
    return pj.Lattice(
        [dataclasses.replace(e, **parameters) if e.name == name else e for e in ring()]
    )


def test_the_asked_terms_alone(julia, reference):
    found = jutrack.resonance_driving_terms(ring(), reference, geometric1=True).terms
    assert set(found) == set(first_order(ring(), reference))


def test_thick_multipoles(julia, reference):
    """A sextupole by another name."""
    other = [
        pj.Multipole((0.0, 0.0, 3.0), length=0.1) if e.name == "sf" else e for e in list(ring())
    ]
    both = (
        jutrack.resonance_driving_terms(lattice, reference, geometric1=True).terms
        for lattice in (ring(), pj.Lattice(other))
    )
    same, found = both
    for name, value in same.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-12)


@pytest.mark.parametrize(
    ("knob", "step"), [("sf.k2", 0.1), ("oc.k3", 100.0), ("qf.k1s", 1e-3), ("oc.length", 1e-3)]
)
def test_slopes_at_strengths_of_zero(julia, reference, knob, step):
    """JuTrack's sums leave such strengths out: against differences of its terms beside them.

    Geometric terms are of no third order in strengths, and an octupole has no part in the first.
    """
    lattice = changed("sf", k2=0.0) if knob == "sf.k2" else ring()
    groups = {"coupling": True} if knob == "qf.k1s" else dict.fromkeys(TERMS_OF_ZERO, True)
    found = jutrack.resonance_driving_terms(
        lattice, reference, [0, 5], knobs=[knob, "qd.k1"], **groups
    ).slopes
    value = lattice.value(knob)
    up, down = (
        jutrack.resonance_driving_terms(
            lattice.with_values({knob: value + d}), reference, [0, 5], **groups
        ).terms
        for d in (step, -step)
    )
    assert found
    for name, slope in found.items():
        expected = (up[name] - down[name]) / (2 * step)
        scale = np.abs(up[name]).max()
        # JuTrack finds the optics to some 1e-5
        np.testing.assert_allclose(
            slope[:, 0], expected, rtol=1e-3, atol=1e-9 * scale, err_msg=name
        )
    if knob == "oc.k3":
        assert np.abs(found["h21000"][:, 0]).max() < 1e-12
        assert (np.abs(found["h22000"][:, 0]) > 1e-3).all()


def test_coupling(julia, reference):
    """Of a weak skew gradient, against its formula with the optics in its middle."""
    skew, cut, places = 1e-3, [], []
    for e in ring():
        half = dataclasses.replace(e, length=e.length / 2)
        places += [len(cut) + 1] if e.name == "qf" else []
        cut += [half, half] if e.name == "qf" else [e]
    optics, n = pj.twiss_table(pj.Lattice(cut), reference), places[0]
    coupled = list(ring())
    coupled[1] = dataclasses.replace(coupled[1], k1s=skew)
    found = jutrack.resonance_driving_terms(pj.Lattice(coupled), reference, coupling=True).terms
    size = skew * 0.3 / 4 * np.sqrt(optics.beta_x[n] * optics.beta_y[n])
    x, y = (2 * np.pi * phase[n] for phase in (optics.phase_x, optics.phase_y))
    for name, phase in (("h10010", x - y), ("h10100", x + y)):
        assert abs(found[name][0] - size * np.exp(1j * phase)) < 2e-3 * size, name


@pytest.mark.parametrize(
    ("lattice", "knobs", "message"),
    [
        (changed("sf", tilt=0.5), [], "take sf for upright"),
        (changed("oc", dx=1e-3, k3=1e-3), [], "take oc for upright"),
        (
            pj.Lattice([*ring(), pj.Kicker(hkick=1e-4)]),
            [],
            r"closed orbit is [\d.e-]+ m or rad off",
        ),
    ],
)
def test_what_would_be_wrong(julia, reference, lattice, knobs, message):
    """Found by the same sums as above: rolls are left out."""
    with pytest.raises(pj.errors.InvalidValueError, match=message):
        jutrack.resonance_driving_terms(lattice, reference, knobs=knobs)


def test_frequency_map(julia, reference):
    """The tunes of the native engine's footprint; and those of lost particles are none."""
    lattice = ring()
    start = np.array([[1e-3, 1e-3], [3e-3, 1e-3], [0.5, 1e-3]])
    found = jutrack.frequency_map(lattice, reference, start, turns=128)
    rows = np.zeros((2, 6))
    rows[:, [0, 2]] = start[:2]
    optics = pj.twiss(lattice, reference)
    beam = pj.Beam.from_array(reference, rows)
    expected = pj.diagnostics.footprint(lattice, beam, turns=64, twiss=optics)
    np.testing.assert_allclose(found.tunes[:2], expected.tunes, rtol=0, atol=1e-5)
    assert np.isnan(found.tunes[2]).all()
    assert (found.diffusion[:2] < -5).all()


def test_planes_without_motion_have_no_tune(julia, reference):
    """Sextupoles drive x by y, so that something moves; what is no free motion has no tune."""
    start = np.array([[0.0, 2e-3], [2e-3, 0.0], [1e-6, 2e-3], [0.0, 0.0]])
    found = jutrack.frequency_map(ring(), reference, start, turns=128)
    there = np.array([[False, True], [True, False], [True, True], [False, False]])
    np.testing.assert_array_equal(np.isfinite(found.tunes), there)
    np.testing.assert_array_equal(np.isfinite(found.changes), there)
    np.testing.assert_array_equal(np.isfinite(found.diffusion), there.all(1))


def test_off_momentum_the_axis_is_an_amplitude(julia, reference):
    """About the orbit of that momentum, where a ring of a straight line has none."""
    start, finite = np.array([[0.0, 1e-4]]), {}
    for bends in (True, False):
        found = jutrack.frequency_map(ring(bends=bends), reference, start, turns=128, delta=1e-3)
        finite[bends] = np.isfinite(found.tunes[0]).tolist()
    assert finite == {True: [True, True], False: [False, True]}


def test_lost_within_the_second_half(julia, reference):
    """NaN, as of those that are lost early: found by the turns that a large amplitude survives."""
    start = np.array([[x, 1e-3] for x in np.linspace(0.04, 0.06, 200)])
    lattice = ring()
    rows = np.zeros((200, 6))
    rows[:, [0, 2]] = start
    beam = pj.Beam.from_array(reference, rows)
    half, end = (pj.track(lattice, beam, turns=n, engine=julia).alive.numpy() for n in (32, 64))
    assert (half & ~end).any()
    found = jutrack.frequency_map(lattice, reference, start, turns=64)
    np.testing.assert_array_equal(np.isfinite(found.tunes[:, 0]), end)

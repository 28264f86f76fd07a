"""Features of JuTrack alone: its own space charge, conversion, its analyses."""

import dataclasses

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack.collective import gridless_potential
from pyjutrack.engines import julia as jl
from pyjutrack.maps.state import State
from pyjutrack.optics import jutrack


@dataclasses.dataclass(frozen=True)
class Anchored(pj.CollectiveEffect):
    """JuTrack's space charge by our gridless sum: the box begins at the least x and y."""

    size: tuple[float, float]
    modes: tuple[int, int]
    max_step: dict

    def field(self, beam, state, place, memory):
        x, _, y, *_ = state.coordinates
        corner = [u.min() + side / 2 for u, side in zip((x, y), self.size, strict=True)]
        k = beam.current * beam.reference.perveance_per_ampere()
        return x - corner[0], y - corner[1], corner, k

    def apply(self, state, field, place):
        x, px, y, py, z, delta = state.coordinates
        at_x, at_y, corner, k = field
        shares = torch.full_like(at_x, 1 / len(at_x))
        places = (x - corner[0], y - corner[1])
        _, along_x, along_y = gridless_potential(at_x, at_y, shares, places, self.size, self.modes)
        return State(
            (x, px - k * place.ds * along_x, y, py - k * place.ds * along_y, z, delta), state.alive
        )


SIZE, MODES = (0.013, 0.012), (9, 12)


@pytest.fixture(scope="module")
def pair(kick):
    """JuTrack's kick, and ours in its place."""
    return jl.JuTrackSpaceCharge(SIZE, MODES, kick.max_step), Anchored(SIZE, MODES, kick.max_step)


@pytest.fixture(scope="module")
def small(make_beam):
    return make_beam(300)


def test_own_space_charge(cell, small, pair, julia):
    theirs = pj.track(cell, small, effects=pair[:1], engine=julia)
    ours = pj.track(cell, small, effects=pair[1:])
    # the constants of JuTrack's perveance are not used, so nothing but rounding is left
    assert float((theirs.coordinates - ours.coordinates).abs().max()) < 1e-12
    assert float((ours.coordinates - pj.track(cell, small).coordinates).abs().max()) > 1e-5


def test_test_particles_in_it(cell, small, pair, julia):
    ours = pj.jacobian(cell, small, effects=pair[1:])
    theirs = pj.jacobian(cell, small, effects=pair[:1], engine=julia)
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-9)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_gradients_through_it(cell, small, pair, julia, mode):
    options = {"wrt": ["q1.k1", "d2.length", "beam.current"]}
    ours = pj.gradient(
        pj.observables.emittance_growth("x"), cell, small, effects=pair[1:], **options
    )
    theirs = pj.gradient(
        pj.observables.emittance_growth("x"),
        cell,
        small,
        effects=pair[:1],
        mode=mode,
        engine=julia,
        **options,
    )
    np.testing.assert_allclose(theirs, ours, rtol=1e-8)


def test_the_lost_do_not_count(cell, make_beam, pair, julia):
    """Neither as walls nor as charges; particles that leave the box are lost."""
    beam = make_beam(200)
    coordinates = beam.coordinates.clone()
    coordinates[0] = float("nan")
    coordinates[1, 0] = 0.05
    alive = torch.arange(200) > 1
    lost = beam.replace(coordinates=coordinates, alive=alive)
    rest = beam.replace(
        coordinates=beam.coordinates[2:], current=beam.current * 198 / 200, alive=None
    )
    theirs = pj.track(cell, lost, effects=pair[:1], engine=julia)
    ours = pj.track(cell, rest, effects=pair[:1], engine=julia)
    assert float((theirs.coordinates[2:] - ours.coordinates).abs().max()) < 1e-12
    with pytest.raises(pj.errors.ParticleLostError):
        pj.jacobian(cell, beam, effects=pair[:1], at=[-9e-3, 0, 0, 0, 0, 0], engine=julia)


def test_own_space_charge_belongs_to_julia(cell, small, pair):
    with pytest.raises(pj.errors.InvalidValueError, match='engine="julia"'):
        pj.track(cell, small, effects=pair[:1])


def test_a_beam_larger_than_the_box(small):
    with pytest.raises(pj.errors.InvalidValueError, match="take a larger box"):
        jl.JuTrackSpaceCharge((1e-3, 1e-3)).check(small)


@pytest.mark.parametrize(
    "arguments",
    [
        {"size": (0.0, 1.0)},
        {"size": (0.01,)},
        {"modes": (0, 3)},
        {"modes": (12,)},
        {"max_step": 0.0},
        {"max_step": {}},
        {"perveance_scale": float("nan")},
    ],
)
def test_settings_that_are_none(arguments):
    with pytest.raises(pj.errors.InvalidValueError):
        jl.JuTrackSpaceCharge(**arguments)


def test_taylor_map(cell, proton, julia):
    """Its linear part is the Jacobian without slip; all of it follows the tracking."""
    lattice = pj.Lattice([*cell, pj.Multipole((0.0, 0.0, 2.0))])
    series = jutrack.taylor_map(lattice, proton, order=3)
    assert series.exponents.shape == (84, 6)
    start = np.array([2e-4, 1e-4, -1e-4, 2e-4, 0.0, 3e-4])
    beam = pj.Beam.from_array(proton, start[None])
    expected = pj.track(lattice, beam).numpy()[0]
    found = series(start)
    np.testing.assert_allclose(found[:4], expected[:4], rtol=0, atol=1e-12)
    assert found[5] == start[5]
    linear = series.coefficients[series.exponents.sum(1) == 1]
    order = np.argmax(series.exponents[series.exponents.sum(1) == 1], axis=1)
    matrix = linear[np.argsort(order)].T
    np.testing.assert_allclose(matrix[:4, :4], pj.jacobian(cell, proton)[:4, :4], atol=1e-12)


def test_path_length_of_taylor_maps(cell, proton, julia):
    """JuTrack's z counts it backwards; on momentum it is ours."""
    start = np.array([3e-3, 1e-3, 2e-3, -1e-3, 0.0, 0.0])
    expected = pj.track(cell, pj.Beam.from_array(proton, start[None])).numpy()[0, 4]
    assert abs(expected) > 1e-6
    found = jutrack.taylor_map(cell, proton, order=4)(start)[4]
    np.testing.assert_allclose(-found, expected, rtol=1e-7)  # its fifth order is left out


def test_dynamic_aperture(cell, proton, julia):
    """What JuTrack calls stable survives here, and what lies beyond does not."""
    lattice = pj.Lattice([*cell, pj.Multipole((0.0, 0.0, 100.0))])
    found = jutrack.dynamic_aperture(lattice, proton, turns=200, largest=0.02, step=1e-3, angles=7)
    assert found.shape == (7, 2)
    for border in found:
        inner, beyond = 0.9 * border, border * (1 + 4e-3 / np.linalg.norm(border))
        start = np.zeros((2, 6))
        start[:, [0, 2]] = inner, beyond
        end = pj.track(lattice, pj.Beam.from_array(proton, start), turns=200)
        large = ~end.alive.numpy() | (np.abs(end.numpy()).max(1) > 1)
        assert not large[0]
        assert large[1]


def test_dynamic_aperture_with_cavities(cell, proton, julia):
    """JuTrack has electrons there, without slip: slow particles do something else in a cavity."""
    ring = pj.Lattice([*cell, pj.RFCavity(voltage=1e4, frequency=1e8, name="rf")])
    with pytest.raises(pj.errors.InvalidValueError, match=r"velocity.*'rf'"):
        jutrack.dynamic_aperture(ring, proton, turns=2)
    electron = pj.Reference.from_total("electron", 3e9)
    assert jutrack.dynamic_aperture(ring, electron, turns=2, angles=3).shape == (3, 2)


def test_resonance_driving_terms(cell, proton, julia):
    """The natural chromaticity, which JuTrack has as h11001, against differences of tunes."""
    found = jutrack.resonance_driving_terms(cell, proton, [0, 2], chromatic=True)
    assert found.s.shape == (2,)
    step = 1e-5
    tunes = [
        pj.tunes(pj.jacobian(cell, proton, at=[0, 0, 0, 0, 0, delta])) for delta in (step, -step)
    ]
    chromaticity = (tunes[0] - tunes[1]) / (2 * step)
    for name, slope in zip(("h11001", "h00111"), chromaticity, strict=True):
        np.testing.assert_allclose(found.terms[name].real, np.pi * slope, rtol=1e-5)


def test_bad_questions(cell, proton, julia):
    bent = pj.Lattice([*cell, pj.Multipole((0.0, 0.0, 1.0), name="m7")])
    with pytest.raises(pj.errors.InvalidValueError, match="thin multipoles, and so m7"):
        jutrack.resonance_driving_terms(bent, proton)
    with pytest.raises(pj.errors.UnstableError):
        jutrack.resonance_driving_terms(pj.Lattice([pj.Drift(1.0)]), proton)
    with pytest.raises(pj.errors.InvalidValueError, match="0 to 4"):
        jutrack.resonance_driving_terms(cell, proton, [5])
    with pytest.raises(pj.errors.InvalidValueError, match="order"):
        jutrack.taylor_map(cell, proton, order=0)
    with pytest.raises(pj.errors.InvalidValueError, match="step"):
        jutrack.dynamic_aperture(cell, proton, step=0.0)

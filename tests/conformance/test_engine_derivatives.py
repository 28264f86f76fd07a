"""Derivatives of every engine: against differences, and against the native engine's."""

import numpy as np
import pytest
import rebuilt
import torch
from claims import claim, off, share

import pyjutrack as pj
from pyjutrack.cli.paper import fodo

PARTICLES = 5000


@pytest.fixture(scope="module")
def beam(make_beam):
    return make_beam(PARTICLES)


@pytest.fixture(scope="module", params=["spectral", "unet"])
def field(request, kick):
    """The kick of the paper, from the solver or from the network in double precision."""
    if request.param == "spectral":
        return kick
    return pj.SpaceCharge(pj.Surrogate.load("linear"), max_step=kick.max_step)


def seven(beam, effects, **options):
    growth = pj.observables.emittance_growth("x")
    return pj.gradient(growth, fodo.cell(), beam, wrt=fodo.KNOBS, effects=effects, **options)


def test_jacobian(cell, beam, field, other):
    at = [3e-4, 1e-4, -2e-4, 1e-4, 1e-2, 1e-3]
    for start in (None, at):
        ours = pj.jacobian(cell, beam, effects=[field], at=start)
        theirs = pj.jacobian(cell, beam, effects=[field], at=start, engine=other)
        text = "Jacobians with space charge"
        claim("The julia engine", text, "the native engine", off(theirs, ours), 1e-9)


def test_jacobian_without_field(cell, proton, other):
    ours, theirs = (pj.jacobian(cell, proton, engine=e) for e in ("native", other))
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-11)


def test_jacobian_against_differences(cell, beam, field, engine):
    exact = pj.jacobian(cell, beam, effects=[field], engine=engine)
    own = pj.jacobian(cell, beam, effects=[field], method="fd", engine=engine)
    for found in (own, rebuilt.jacobian(cell, beam, None, 3e-8, effects=[field])):
        np.testing.assert_allclose(exact, found, rtol=0, atol=1e-6)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_seven_gradients(beam, field, other, mode):
    ours = seven(beam, [field])
    theirs = seven(beam, [field], mode=mode, engine=other)
    text = "seven gradients with space charge, of each"
    claim("The julia engine", text, "the native engine", share(theirs, ours), 1e-8)


def test_seven_gradients_against_differences(beam, field, engine):
    exact = seven(beam, [field], engine=engine)
    # the kick has kinks in its second derivative, which few particles do not average out
    own = seven(beam, [field], mode="fd", step=3e-6, engine=engine)
    growth = pj.observables.emittance_growth("x")
    values = rebuilt.differences(growth, fodo.cell(), beam, fodo.KNOBS, 3e-6, effects=[field])
    for found in (own, values):
        np.testing.assert_allclose(exact, found, rtol=1e-6)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_slopes_by_one_of_equal_elements(beam, kick, other, mode):
    """An engine may make equal elements once, and must not give them one slope."""
    kinds = [(pj.Quadrupole, 2.0), (pj.Drift, None), (pj.Quadrupole, -2.0), (pj.Drift, None)] * 2
    line = pj.Lattice(
        [
            kind(0.1, name=f"e{n}", **({} if k1 is None else {"k1": k1}))
            for n, (kind, k1) in enumerate(kinds)
        ]
    )
    growth, knobs = pj.observables.emittance_growth("x"), ["e4.k1", "e5.length"]
    ours = pj.gradient(growth, line, beam, wrt=knobs, effects=[kick])
    theirs = pj.gradient(growth, line, beam, wrt=knobs, effects=[kick], mode=mode, engine=other)
    np.testing.assert_allclose(theirs, ours, rtol=1e-8)


def test_the_field_held_fixed(beam, kick, other):
    """The first term of Eq. 2 alone."""
    frozen = pj.SpaceCharge(kick.potential, kick.max_step, response=False)
    ours = seven(beam, [frozen])
    assert np.abs(ours / seven(beam, [kick]) - 1).max() > 0.1
    for mode in ("forward", "reverse"):
        theirs = seven(beam, [frozen], mode=mode, engine=other)
        np.testing.assert_allclose(theirs, ours, rtol=1e-8)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_a_network_that_is_not_linear(beam, kick, other, mode):
    network = pj.SpaceCharge(pj.Surrogate.load("pix2pix"), max_step=kick.max_step)
    options = {"wrt": ["q1.k1", "beam.current"], "effects": [network]}
    growth = pj.observables.emittance_growth("x")
    ours = pj.gradient(growth, fodo.cell(), beam, **options)
    theirs = pj.gradient(growth, fodo.cell(), beam, mode=mode, engine=other, **options)
    np.testing.assert_allclose(theirs, ours, rtol=1e-7)


def test_tune_slopes(cell, beam, field, other):
    wrt = ["beam.current", "q1.k1", "d2.length"]
    ours = pj.optics.tune_slopes(cell, beam, wrt, effects=[field])
    theirs = pj.optics.tune_slopes(cell, beam, wrt, effects=[field], engine=other)
    np.testing.assert_allclose(theirs[0], ours[0], rtol=1e-10)
    np.testing.assert_allclose(theirs[1], ours[1], rtol=1e-8)


@pytest.mark.filterwarnings("ignore:.*are both space charge")  # which is meant
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_several_kicks(cell, make_beam, kick, other, mode):
    """Each with its own field and grid, one of them standing still."""
    still = pj.SpaceCharge(
        pj.SpectralPoisson(size=(0.03, 0.03), shape=(128, 112)), 0.1, response=False
    )
    network = pj.SpaceCharge(pj.Surrogate.load("linear"), 0.1)
    options = {"wrt": ["q1.k1", "beam.current"], "effects": [kick, still, network]}
    beam = make_beam(2000)
    ours = pj.gradient(pj.observables.emittance_growth("y"), cell, beam, **options)
    theirs = pj.gradient(
        pj.observables.emittance_growth("y"), cell, beam, mode=mode, engine=other, **options
    )
    np.testing.assert_allclose(theirs, ours, rtol=1e-8)


def test_slopes_of_the_whole_jacobian(make_beam, kick, other):
    """Off axis and off momentum, with elements of every kind, some without strength."""
    lattice = pj.Lattice(
        [
            pj.Quadrupole(0.1, k1=20.0, name="q"),
            pj.Drift(0.3, name="d", model="paraxial"),
            pj.Multipole((0.0, 0.1, -3.0, 40.0), (1e-5, 0.05, 2.0), name="m"),
            pj.Quadrupole(0.1, k1=-20.0, name="p"),
            pj.Quadrupole(0.2, name="empty"),
            pj.Drift(0.3),
        ]
    )
    wrt = ["q.k1", "p.length", "d.length", "m.knl[2]", "empty.length", "beam.current"]
    options = {"effects": [kick], "turns": 2, "at": [3e-4, 1e-4, -2e-4, 1e-4, 1e-2, 5e-3]}
    ours = pj.jacobian_derivatives(lattice, make_beam(1000), wrt, **options)
    theirs = pj.jacobian_derivatives(lattice, make_beam(1000), wrt, engine=other, **options)
    np.testing.assert_allclose(theirs[0], ours[0], rtol=0, atol=1e-9)
    largest = np.abs(ours[1]).max((1, 2), keepdims=True)
    np.testing.assert_allclose(theirs[1] / largest, ours[1] / largest, rtol=0, atol=1e-8)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_knobs_of_every_kind(make_beam, kick, other, mode):
    """Elements of one name, two knobs of one element, places in a tuple, integrators, current."""
    lattice = pj.Lattice(
        [
            pj.Quadrupole(0.1, k1=20.0, name="q"),
            pj.Drift(0.3, name="d"),
            pj.Multipole((0.0, 0.1, -3.0, 40.0), (1e-5, 0.05, 2.0), name="m"),
            pj.Quadrupole(0.1, k1=-20.0, model="exact", steps=2, name="i"),
            pj.Drift(0.3, name="d"),
            pj.Quadrupole(0.1, k1=20.0, name="q"),
        ]
    )
    wrt = ["d.length", "m.knl[2]", "q.k1", "q.length", "i.k1", "m.ksl[0]", "m.ksl[2]"]
    wrt.append("beam.current")
    options = {"wrt": wrt, "effects": [kick], "turns": 2}

    def figure(final, initial):
        return (
            pj.moments.sizes(final)[0]
            + 3 * pj.moments.centroid(final)[2]
            + final.coordinates[5, 1] ** 2
        )

    ours = pj.gradient(figure, lattice, make_beam(500), **options)
    theirs = pj.gradient(figure, lattice, make_beam(500), mode=mode, engine=other, **options)
    np.testing.assert_allclose(theirs, ours, rtol=1e-8, atol=1e-14)


def test_figures_that_see_the_current_or_nothing(cell, beam, other):
    options = {"wrt": ["beam.current", "q1.k1"], "engine": other, "mode": "forward"}
    by_current = pj.gradient(lambda final: final.current * 2, cell, beam, **options)
    np.testing.assert_array_equal(by_current, [2, 0])
    constant = pj.gradient(lambda final: torch.tensor(3.0), cell, beam, **options)
    np.testing.assert_array_equal(constant, [0, 0])


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_knobs_of_the_beam(cell, make_beam, kick, other, mode):
    """Moments of the incoming beam, through the field as well; an initial figure beside them."""
    wrt = ["beam.beta_x", "beam.y", "q1.k1", "beam.emittance_y", "beam.current"]
    beam = make_beam(1000)
    options = {"wrt": wrt, "effects": [kick]}
    growth = pj.observables.emittance_growth("y")
    ours = pj.gradient(growth, cell, beam, **options)
    theirs = pj.gradient(growth, cell, beam, mode=mode, engine=other, **options)
    np.testing.assert_allclose(theirs, ours, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_variables_and_the_scale_of_an_effect(make_beam, kick, other, mode):
    """What several elements follow, and a number of an effect."""
    lattice = pj.Lattice(
        [
            pj.Quadrupole(0.1, k1=20.0, name="q"),
            pj.Drift(0.3, name="d"),
            pj.Quadrupole(0.1, k1=-20.0, name="p"),
        ],
        variables={"kq": 20.0, "s": 0.0},
        expressions={"q.k1": "kq", "p.k1": "-kq * (1 + s)", "d.length": "0.3 + s"},
    )
    options = {"wrt": ["kq", "s", "effects[0].perveance_scale"], "effects": [kick]}
    ours = pj.gradient(pj.observables.emittance_growth("x"), lattice, make_beam(500), **options)
    theirs = pj.gradient(
        pj.observables.emittance_growth("x"), lattice, make_beam(500), mode=mode, engine=other,
        **options,
    )  # fmt: skip
    np.testing.assert_allclose(theirs, ours, rtol=1e-8)


def test_the_lost_in_both_modes(cell, make_beam, other):
    """What a small box loses on the way counts up to where it was lost."""
    coordinates = make_beam(2000).coordinates.clone()
    coordinates[:30, 1] = torch.linspace(0.02, 0.05, 30)  # leaves the box on the way
    beam = make_beam(2000).replace(coordinates=coordinates)
    box = pj.SpaceCharge(pj.SpectralPoisson(size=(0.008, 0.008), shape=(64, 64)), 0.05)
    options = {"wrt": ["q1.k1", "d1.length", "beam.current"], "effects": [box]}

    def figure(final):
        return (final.coordinates[:, 0] ** 2).sum() + (final.coordinates[:, 3] ** 2).sum()

    with pytest.warns(pj.errors.LossWarning, match="are lost"):
        ours = pj.gradient(figure, cell, beam, **options)
    assert pj.track(cell, beam, effects=[box]).lost > 20
    for mode in ("forward", "reverse"):
        with pytest.warns(pj.errors.LossWarning, match="are lost"):
            theirs = pj.gradient(figure, cell, beam, mode=mode, engine=other, **options)
        np.testing.assert_allclose(theirs, ours, rtol=1e-8)

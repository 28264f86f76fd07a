"""Coordinates of every engine against those of the native one."""

import numpy as np
import pytest
import torch
from claims import claim

import pyjutrack as pj
from pyjutrack.tracking.task import task_of

LATTICES = {
    "paper's cell": None,
    "integrators": [
        pj.Quadrupole(0.3, k1=4.0, model="exact", steps=3, name="q"),
        pj.Drift(0.5),
        pj.Quadrupole(0.3, k1=-4.0, model="exact", name="q2"),
    ],
    "no strength": [pj.Quadrupole(0.3, name="q"), pj.Marker(name="m"), pj.Drift(0.0)],
    "paraxial": [pj.Drift(0.7, model="paraxial"), pj.Quadrupole(0.3, k1=1.0)],
    "multipoles": [
        pj.Multipole((1e-4, 0.1, -3.0, 40.0, 900.0, 8e4), (2e-4, 0.05, 2.0, 0.0, -700.0)),
        pj.Drift(0.5),
        pj.Multipole((0.0, 0.0, 5.0)),
        pj.Drift(0.1),
        pj.Multipole((), (1e-4,)),
        pj.Multipole(),
    ],
}


def largest_difference(ours, theirs):
    assert (ours.alive == theirs.alive).all()
    return float((ours.coordinates - theirs.coordinates).abs().max())


@pytest.mark.parametrize("name", LATTICES)
def test_without_kicks(name, cell, wide, other):
    elements = LATTICES[name]
    lattice = cell if elements is None else pj.Lattice(elements)
    ours = pj.track(lattice, wide)
    theirs = pj.track(lattice, wide, engine=other)
    error = largest_difference(ours, theirs)
    claim("The julia engine", "elements: coordinates [m, 1]", "the native engine", error, 1e-12)
    assert largest_difference(ours, wide) > 1e-5 or name == "no strength"


@pytest.mark.parametrize("assignment", ["bspline", "catmull-rom", "cic"])
def test_spectral_solver(assignment, cell, make_beam, kick, other):
    beam = make_beam(10_000)
    solver = pj.SpectralPoisson(size=(0.02, 0.018), shape=(128, 96), assignment=assignment)
    effects = [pj.SpaceCharge(solver, max_step=kick.max_step)]
    ours = pj.track(cell, beam, effects=effects)
    theirs = pj.track(cell, beam, effects=effects, engine=other)
    assert largest_difference(ours, theirs) < 1e-10


@pytest.mark.parametrize("name", ["linear", "variational", "pix2pix"])
def test_networks(name, cell, make_beam, kick, other):
    effects = [pj.SpaceCharge(pj.Surrogate.load(name), max_step=kick.max_step)]
    beam = make_beam(10_000)
    ours = pj.track(cell, beam, effects=effects)
    theirs = pj.track(cell, beam, effects=effects, engine=other)
    error = largest_difference(ours, theirs)
    claim("The julia engine", "networks: coordinates [m, 1]", "the native engine", error, 1e-9)


def test_network_in_single_precision(cell, make_beam, kick, other):
    """Rounding in the network, but not that of the particles."""
    single = pj.Surrogate.load("linear", dtype=torch.float32)
    effects = [pj.SpaceCharge(single, max_step=kick.max_step)]
    beam = make_beam(10_000)
    double = [pj.SpaceCharge(pj.Surrogate.load("linear"), max_step=kick.max_step)]
    exact = pj.track(cell, beam, effects=double)
    theirs = pj.track(cell, beam, effects=effects, engine=other)
    assert 1e-13 < largest_difference(exact, theirs) < 1e-8


@pytest.mark.filterwarnings("ignore:.*are both space charge")  # which is meant
def test_kicks_in_a_row_turns_and_scale(cell, make_beam, kick, other):
    coarse = pj.SpaceCharge(
        pj.SpectralPoisson(size=(0.03, 0.03), shape=(96, 96)), 0.1, perveance_scale=0.3
    )
    beam = make_beam(2000)
    ours = pj.track(cell, beam, effects=[kick, coarse], turns=2)
    theirs = pj.track(cell, beam, effects=[kick, coarse], turns=2, engine=other)
    assert largest_difference(ours, theirs) < 1e-10


def test_the_lost_stay_where_they_were_lost(make_beam, cell, kick, other):
    beam = make_beam(2000)
    coordinates = beam.coordinates.clone()
    coordinates[:10, 0] = 8e-3  # leaves the box on the way
    coordinates[:10, 1] = 0.03
    coordinates[10, 5] = -1.5  # backwards
    coordinates[11, 1] = 1.2  # no momentum left forward
    coordinates[12, 0] = float("nan")
    alive = torch.ones(2000, dtype=torch.bool)
    alive[12:20] = False
    beam = beam.replace(coordinates=coordinates, alive=alive)
    ours = pj.track(cell, beam, effects=[kick])
    theirs = pj.track(cell, beam, effects=[kick], engine=other)
    assert ours.lost == theirs.lost == 20
    np.testing.assert_allclose(theirs.numpy(), ours.numpy(), rtol=0, atol=1e-10)


def test_species_and_energies(cell, make_beam, kick, other):
    ion = pj.Reference.from_kinetic(pj.Species.ion(131.9, 26), 26e9)
    beam = make_beam(2000).replace(reference=ion, current=20.0)
    ours = pj.track(cell, beam, effects=[kick])
    theirs = pj.track(cell, beam, effects=[kick], engine=other)
    assert largest_difference(ours, theirs) < 1e-10


def test_single_precision_beam_comes_back_in_single(cell, make_beam, other):
    beam = make_beam(100).to(torch.float32)
    assert pj.track(cell, beam, engine=other).coordinates.dtype == torch.float32


def test_a_lattice_in_which_nothing_is_done(julia, make_beam):
    """A thin magnet without strength is none of JuTrack's, and turns end all the same."""
    beam = make_beam(100)
    task = task_of(pj.Lattice([pj.Sextupole(0.0)]), beam, [], turns=2)
    found = julia.track_turns(task)
    assert found.shape == (2, 100, 6)
    np.testing.assert_array_equal(found, np.stack([beam.numpy()] * 2))

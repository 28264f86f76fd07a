"""Every kind, model and placement by every engine against the native one."""

import dataclasses
import math

import numpy as np
import pytest
from kind_cases import ELECTRON, EXACT, ORDERS, PROTON, beam, choose, length, near, placement

import pyjutrack as pj

SETS = 100


def draw(label):
    """Random numbers that are the same for a label in each run."""
    return np.random.default_rng([ord(letter) for letter in label])


def difference(element, start, other):
    """The largest difference of the live; the same are lost."""
    line = pj.Lattice([element])
    ours, theirs = pj.track(line, start), pj.track(line, start, engine=other)
    assert (ours.alive == theirs.alive).all(), element
    if not ours.alive.any():
        return 0.0
    return float((ours.coordinates - theirs.coordinates)[ours.alive].abs().max())


@pytest.mark.parametrize("label", EXACT)
def test_the_same_map(label, other):
    rng = draw(label)
    for _ in range(SETS):
        element = EXACT[label](rng)
        assert difference(element, beam(rng), other) < 1e-10, element


@pytest.mark.parametrize("label", EXACT)
def test_the_same_map_elsewhere(label, other):
    """Displaced and turned."""
    rng = draw(label)
    for _ in range(SETS):
        element = dataclasses.replace(EXACT[label](rng), **placement(rng))
        assert difference(element, beam(rng), other) < 1e-10, element


@pytest.mark.parametrize("name", ["tilt", "dx", "dy", "dz", "x_rot", "y_rot", "z_rot"])
@pytest.mark.parametrize("label", ["quadrupole", "sextupole", "exact bend", "linear bend"])
def test_each_placement(label, name, other):
    rng = draw(label + name)
    for _ in range(SETS):
        element = dataclasses.replace(EXACT[label](rng), **{name: placement(rng)[name]})
        assert difference(element, beam(rng), other) < 1e-10, element


@pytest.mark.parametrize("label", ORDERS)
def test_of_a_lower_order(label, other):
    """The difference goes with the stated power of the amplitude."""
    order, make = ORDERS[label]
    rng = draw(label)
    for _ in range(SETS):
        element, seed = make(rng), int(rng.integers(1 << 30))
        starts = (beam(np.random.default_rng(seed), scale=scale) for scale in (4.0, 1.0))
        large, small = (difference(element, start, other) for start in starts)
        assert large < 1e-3, element
        # what integration leaves of a gradient is linear, and rounding is nothing
        assert small < large * 4.0 ** (0.3 - order) + 3e-11, element


@pytest.mark.parametrize("kind", [pj.RFCavity, pj.CrabCavity])
def test_cavities_of_any_energy(kind, other):
    """Of electrons from 10 keV, which gain or lose half of that, to 3 GeV."""
    rng = draw("relativistic")
    for _ in range(SETS):
        energy = float(10 ** rng.uniform(4, 9.5))
        start = beam(rng, pj.Reference.from_kinetic("electron", energy))
        voltage = near(rng, min(energy / 2, 2e6))
        phase = float(rng.uniform(-math.pi, math.pi))
        element = kind(choose(rng, 0.0, length(rng)), voltage, frequency=5e8, phase=phase)
        assert difference(element, start, other) < 1e-10, element


@pytest.mark.parametrize("shape", ["rectangle", "ellipse", "rectellipse"])
def test_apertures(shape, other):
    rng = draw(shape)
    lost = 0
    for _ in range(SETS):
        sizes = dict(zip(("half_width", "half_height"), rng.uniform(1e-3, 2e-3, 2), strict=True))
        if shape == "rectellipse":
            sizes |= dict(zip(("radius_x", "radius_y"), rng.uniform(1e-3, 2e-3, 2), strict=True))
        where = choose(rng, {}, {"dx": 1e-3}, placement(rng))
        element = pj.Aperture(shape=shape, **sizes, **where)
        assert difference(element, beam(rng), other) < 1e-15, element
        lost += pj.track(pj.Lattice([element]), beam(rng)).lost
    assert lost > SETS


def test_what_turns_back_in_a_bend(other):
    """It is lost, and the others are tracked on."""
    rng = draw("back")
    lost = 0
    for _ in range(20):
        element = EXACT["exact bend"](rng)
        rows = rng.uniform(-1, 1, (50, 6)) * [1e-3, 0.95, 1e-3, 0.2, 1e-3, 1e-3]
        line, start = pj.Lattice([element]), pj.Beam.from_array(PROTON, rows)
        ours, theirs = pj.track(line, start), pj.track(line, start, engine=other)
        # JuTrack loses what goes more across than along, and what is beyond 1 m, too
        c = ours.coordinates
        near = ours.alive & (c[:, 1] ** 2 + c[:, 3] ** 2 < 0.9) & (c[:, [0, 2]].abs() < 0.9).all(1)
        assert theirs.alive[near].all(), element
        assert not theirs.alive[~ours.alive].any(), element
        lost += ours.lost
    assert lost > 10


def test_patches(other):
    rng = draw("patches")
    for _ in range(SETS):
        moved = placement(rng)
        chosen = {name: moved[name] for name in rng.choice(list(moved), 3, replace=False)}
        assert difference(pj.Patch(**chosen), beam(rng), other) < 1e-10, chosen


def test_constant_field_of_a_cavity(other):
    """No frequency is one that JuTrack can divide by."""
    element = pj.RFCavity(0.3, 1e5, frequency=0.0, phase=math.pi / 2)
    assert difference(element, beam(draw("field"), ELECTRON), other) < 1e-10


@pytest.mark.parametrize(
    "label", ["quadrupole", "sextupole", "exact bend", "linear bend", "fringe", "linear map"]
)
def test_in_slices(label, make_beam, kick, other):
    """With space charge along it, faces are of the first and the last slice alone."""
    rng = draw(label)
    make = EXACT[label] if label in EXACT else ORDERS[label][1]
    effects = [pj.SpaceCharge(kick.potential, 0.05)]
    for where in ({}, placement(rng)):
        element = dataclasses.replace(make(rng), **where)
        if label == "linear map":  # acts in its middle, however it is cut
            element = dataclasses.replace(element, length=0.4, kick=(1e-4,) * 6)
        line, start = pj.Lattice([element]), make_beam(2000)
        ours, theirs = (
            pj.track(line, start, effects=effects, engine=engine) for engine in ("native", other)
        )
        assert (ours.alive == theirs.alive).all()
        bound = 1e-10 if label in EXACT else 1e-7
        assert float((ours.coordinates - theirs.coordinates).abs().max()) < bound
        assert float((ours.coordinates - pj.track(line, start).coordinates).abs().max()) > 1e-9


def test_references(other):
    """Species, charges and energies enter cavities alone."""
    ion = pj.Reference.from_kinetic(pj.Species.ion(131.9, 26), 26e9)
    for element in (pj.CrabCavity(0.2, 1e5, frequency=1e8), pj.RFCavity(0.2, 1e5, frequency=1e8)):
        small = difference(element, beam(draw("ion"), ion, 0.1), other)
        moved = pj.track(pj.Lattice([element]), beam(draw("ion"), ion, 0.1))
        rest = pj.track(pj.Lattice([pj.Drift(0.2)]), beam(draw("ion"), ion, 0.1))
        assert small < 1e-8 * float((moved.coordinates - rest.coordinates).abs().max())

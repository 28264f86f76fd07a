"""What magnets radiate in JuTrack where they stand, and rows of its elements that would not."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from driven_rings import electrons

import pyjutrack as pj
from pyjutrack.collective import Radiation

SLICES = [Radiation(bend_slices=40, magnet_slices=40)]
EXACT = pj.SBend(1.0, angle=0.2, model="exact", name="b")
PARAXIAL = pj.SBend(1.0, angle=0.2, k1=0.3, model="paraxial", name="b")
GRADIENT = replace(EXACT, k1=0.3)
PLACE = {"tilt": 0.4, "dx": 3e-3, "dy": -2e-3}
TURNED = {"e1": 0.1, "e2": 0.05}
WEDGED = {
    "turned": replace(EXACT, **TURNED),
    "rectangular": pj.RBend(1.0, angle=0.2, k1=0.1, model="exact", name="b"),
    "turned linear": replace(PARAXIAL, **TURNED),
    "turned with a gap": replace(PARAXIAL, fint=0.5, hgap=0.02, **TURNED),
    "turned exact": replace(PARAXIAL, edges="exact", **TURNED),
    "turned placed": replace(GRADIENT, **TURNED, **PLACE),
    "edge": pj.DipoleEdge(h=0.2, e1=0.1),
}


def beam_at(rows):
    return pj.Beam(electrons(), torch.tensor(rows, dtype=torch.float64))


def by_radiation(element, rows, engine, effects=SLICES):
    """What radiation changes, (N, 6)."""
    lattice, beam = pj.Lattice([element]), beam_at(rows)
    ends = [pj.track(lattice, beam, effects=e, engine=engine).coordinates for e in (effects, [])]
    return (ends[0] - ends[1]).numpy()


@pytest.mark.parametrize(
    ("element", "kind"),
    [
        (replace(GRADIENT, order=2, steps=2), "thinMULTIPOLE"),
        (replace(GRADIENT, dk0=1e-5), "thinMULTIPOLE"),
        (replace(EXACT, knl=(0.0, 0.0, 0.0, 0.0, 1.0)), "thinMULTIPOLE"),
        (replace(EXACT, model="linear", edges="exact"), "LBEND"),
    ],
    ids=["order", "dk0", "decapole", "faces"],
)
def test_what_would_radiate_in_part_is_refused(julia, element, kind):
    """In one piece: what stands in it is asked, not what stands in slices."""
    with pytest.raises(pj.errors.InvalidValueError, match=f"'b' radiates.* {kind} does not"):
        by_radiation(element, [[5e-3, 0, 0, 0, 0, 0]], julia, [Radiation(bend_slices=1)])


@pytest.mark.parametrize(
    "element",
    [
        EXACT,
        GRADIENT,
        PARAXIAL,
        replace(PARAXIAL, edges="exact"),
        replace(EXACT, dk0=0.01),
        replace(EXACT, dk0=0.01, tilt=0.3, dx=2e-3),
        replace(GRADIENT, **PLACE),
        *WEDGED.values(),
    ],
    ids=["exact", "gradient", "paraxial", "faces", "dk0", "dk0 placed", "placed", *WEDGED],
)
def test_the_loss_and_its_slope_across(julia, element):
    """The loss goes with the field where the particle is, in all of a magnet."""
    sides = [[5e-3, 0, 0, 0, 0, 0], [-5e-3, 0, 0, 0, 0, 0], [0, 0, 5e-3, 0, 0, 0]]
    ours, theirs = (by_radiation(element, sides, engine) for engine in ("native", julia))
    np.testing.assert_allclose(theirs[:, 5], ours[:, 5], rtol=1e-4)
    slopes = [np.diff(found[:2, 5]) for found in (theirs, ours)]
    np.testing.assert_allclose(*slopes, rtol=2e-3)
    np.testing.assert_allclose(theirs[:, :4], ours[:, :4], atol=1e-3 * np.abs(ours[:, :4]).max())


@pytest.mark.parametrize(
    "element", [EXACT, GRADIENT, PARAXIAL], ids=["exact", "gradient", "paraxial"]
)
def test_a_magnet_on_its_side_radiates_as_one_upright(julia, element):
    """Alike to rounding, in a single piece, whose loss is far from even."""
    rows = 1e-3 * np.random.default_rng(1).normal(size=(50, 6))
    turned = rows[:, [2, 3, 0, 1, 4, 5]] * [-1, -1, 1, 1, 1, 1]
    one = [Radiation(bend_slices=1)]
    upright = by_radiation(element, rows, julia, one)
    found = by_radiation(replace(element, tilt=math.pi / 2), turned, julia, one)
    expected = upright[:, [2, 3, 0, 1, 4, 5]] * [-1, -1, 1, 1, 1, 1]
    assert np.abs(upright[:, 1]).max() > 1e-8
    np.testing.assert_allclose(found, expected, rtol=0, atol=3e-16)


SPECIES = {
    "protons": (pj.Species.from_name("proton"), 50e12),
    "lead": (pj.Species.ion(207.93, 82.0), 4000e12),
    # by the constants of another year
    "electrons of 2018": (pj.Species("electron", 0.51099895000e6, -1.0), 3e9),
}


@pytest.mark.parametrize("name", SPECIES)
def test_any_particle_radiates(julia, name):
    """JuTrack has one factor for its own electron, and one for its proton."""
    reference = pj.Reference.from_total(*SPECIES[name])
    beam = pj.Beam(reference, torch.full((2, 6), 1e-3, dtype=torch.float64))
    strong = pj.Quadrupole(0.5, k1=1.0, model="exact", name="b")
    for element in (EXACT, GRADIENT, PARAXIAL, strong):
        lattice = pj.Lattice([element])
        ours, theirs = (
            pj.track(lattice, beam, effects=SLICES, engine=engine).coordinates[:, 5] - 1e-3
            for engine in ("native", julia)
        )
        assert float(ours.max()) < -1e-10
        np.testing.assert_allclose(theirs, ours, rtol=1e-3)


def test_elements_of_jutrack_radiate_as_the_particle_does(julia):
    """Of the package's proton, whose mass is not JuTrack's to the last digit."""
    reference = pj.Reference.from_total(*SPECIES["protons"])
    beam = pj.Beam(reference, torch.full((2, 6), 1e-3, dtype=torch.float64))
    kinds = {
        "KQUAD": (0.5, {"k1": 1.0}, pj.Quadrupole(0.5, k1=1.0, model="exact")),
        "SBEND": (1.0, {"angle": 0.2}, replace(PARAXIAL, k1=0.0)),
        "ESBEND": (1.0, {"angle": 0.2}, EXACT),
    }
    for kind, (length, fields, element) in kinds.items():
        dark, lit = (
            pj.track(
                pj.Lattice([pj.julia.Element(kind, length=length, rad=rad, **fields)]),
                beam,
                engine=julia,
            ).coordinates[:, 5]
            for rad in (0, 1)
        )
        expected = pj.track(pj.Lattice([element]), beam, effects=SLICES).coordinates[:, 5] - 1e-3
        np.testing.assert_allclose(lit - dark, expected, rtol=1e-3, err_msg=kind)


def test_what_radiates_as_electrons_alone_is_refused_of_others(julia):
    wiggler = pj.julia.Element("WIGGLER", length=0.2, lw=0.1, Bmax=1.0, energy=3e9, rad=1)
    beam = pj.Beam(pj.Reference.from_total("proton", 3e9), torch.zeros(2, 6, dtype=torch.float64))
    with pytest.raises(pj.errors.InvalidValueError, match="WIGGLER radiates as electrons"):
        pj.track(pj.Lattice([wiggler]), beam, engine=julia)


def moved(final):
    x, px, y, _, z, delta = final.coordinates.unbind(-1)
    return 1e5 * delta.mean() + 1e6 * ((x * delta).mean() + (y * delta).mean() + (z * px).mean())


@pytest.mark.parametrize(
    ("element", "steps"),
    [
        (replace(EXACT, dk0=0.01, **PLACE), {"dk0": 1e-4, "tilt": 1e-3, "dx": 1e-4}),
        (replace(GRADIENT, **PLACE), {"k1": 3e-3, "tilt": 1e-3, "dy": 1e-4}),
        (replace(PARAXIAL, **PLACE), {"angle": 1e-4, "tilt": 1e-3, "dx": 1e-4}),
        (replace(GRADIENT, **TURNED, **PLACE), {"e1": 1e-3, "angle": 1e-4, "k1": 3e-3}),
        (
            pj.Quadrupole(0.3, k1=3.0, model="exact", name="b", **PLACE),
            {"k1": 1e-2, "tilt": 1e-3, "dy": 1e-4},
        ),
    ],
    ids=["dk0", "exact", "paraxial", "turned", "quadrupole"],
)
def test_slopes_of_magnets_where_they_stand(julia, element, steps):
    """Both modes, against differences of rebuilt lattices."""
    lattice, effects = pj.Lattice([element]), [Radiation(bend_slices=2, magnet_slices=2)]
    beam = beam_at(1e-3 * np.random.default_rng(2).normal(size=(20, 6)))

    def at(knob, value):
        changed = lattice.with_values({knob: value})
        return float(moved(pj.track(changed, beam, effects=effects, engine=julia)))

    expected = []
    for name, step in steps.items():
        value = getattr(element, name)
        near, far = (
            at(f"b.{name}", value + d) - at(f"b.{name}", value - d) for d in (step, 2 * step)
        )
        expected.append((8 * near - far) / (12 * step))
    knobs = [f"b.{name}" for name in steps]
    for mode in ("reverse", "forward"):
        found = pj.gradient(
            moved, lattice, beam, wrt=knobs, effects=effects, mode=mode, engine=julia
        )
        np.testing.assert_allclose(found, expected, rtol=1e-6, err_msg=mode)


def test_damping_partition_of_rectangular_bends(julia):
    """By the eigenvalues of a turn, against radiation integrals; faces are a large part."""
    free, bend = pj.Drift(0.5), pj.RBend(1.0, angle=0.1, model="exact")
    focus, defocus = (pj.Quadrupole(0.3, k1=k, model="exact") for k in (1.2, -1.2))
    cell = pj.Lattice([focus, free, bend, free, defocus, free, bend, free])
    turn = pj.jacobian(cell, beam_at([[0.0] * 6]), effects=[Radiation()], engine=julia)
    values, vectors = np.linalg.eig(turn)
    growth, planes = np.log(np.abs(values)), np.abs(vectors)
    x, y = (
        next(g for g, u in zip(growth, planes.T, strict=True) if u[plane : plane + 2].max() > 0.3)
        for plane in (0, 2)
    )
    expected = pj.optics.radiation_integrals(cell, electrons())
    faces = 2 * 2 * 0.1**2 * math.tan(0.05) / expected.i2
    assert faces > 0.05
    assert x / y == pytest.approx(expected.partition[0], abs=5e-3)


@pytest.mark.parametrize(("kind", "faces"), [("ESBEND", {"e1": 0.1}), ("ERBEND", {})])
def test_faces_of_elements_of_jutrack_warn(julia, kind, faces):
    element = pj.julia.Element(kind, length=2.0, angle=0.2, rad=1, name="b", **faces)
    with pytest.warns(pj.errors.AccuracyWarning, match=r"'b' radiates .* up to 0.05 x of its"):
        pj.track(pj.Lattice([element]), beam_at([[0.0] * 6]), engine=julia)

"""Cavities that focus, against closed forms, real fields and other programs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from rf_focusing_cases import ELECTRON, PROTON, cavity
from scipy.integrate import solve_ivp
from scipy.special import iv

import pyjutrack as pj
from pyjutrack.elements.part import Part
from pyjutrack.testing import check_element

LIGHT = 299_792_458.0
CREST = math.pi / 2


def matrix(element: pj.Element, reference: pj.Reference) -> np.ndarray:
    return np.asarray(pj.jacobian(pj.Lattice([element]), reference))


@pytest.mark.parametrize(
    ("element", "reference"),
    [
        (cavity(0.0, 7e6, 0.3, frequency=7e8, focusing="gap"), PROTON),
        (cavity(ends="entrance", steps=3), ELECTRON),
        (cavity(voltage=2e6, phase=0.4, accelerate=False, focusing="travelling-wave"), ELECTRON),
    ],
    ids=["gap", "standing", "travelling"],
)
def test_keeps_all_promises(element: pj.Element, reference: pj.Reference) -> None:
    check_element(element, reference=reference, slices=1e-2)


@pytest.mark.parametrize("phase", [CREST, 1.0, 2.2])
@pytest.mark.parametrize("wave", ["standing-wave", "travelling-wave"])
def test_matrix_of_rosenzweig_and_serafini(wave: str, phase: float) -> None:
    """Phys. Rev. E 49 (1994) 1599, by the energies alone, as where gamma is without limit."""
    energy, length, volts = 1e10, 7.3, 8e9
    gain = volts * math.sin(phase)
    after = energy + gain
    if wave == "standing-wave":
        angle = math.log(after / energy) / (math.sqrt(8) * math.sin(phase))
        c, s, reach = math.cos(angle), math.sin(angle), math.sqrt(8) * length / volts
        body = np.array([[c, reach * energy * s], [-s / (reach * after), c * energy / after]])
    else:
        reach = length * energy / gain * math.log(after / energy)
        body = np.array([[1, reach], [0, energy / after]])
    first, last = (
        np.array([[1, 0], [-sign * gain / (2 * length * e), 1]])
        for sign, e in ((1, energy), (-1, after))
    )
    reference = pj.Reference.from_total("electron", energy)
    found = matrix(cavity(length, volts, phase, focusing=wave), reference)
    np.testing.assert_allclose(found[:2, :2], last @ body @ first, rtol=1e-6)
    np.testing.assert_allclose(found[2:4, 2:4], found[:2, :2], rtol=1e-13)


def real_field(reference: pj.Reference, volts: float, phase: float, frequency: float, n: int):
    """Matrix (x, px) of n whole cells of a pi mode by its field near the axis, and their length.

    e = 2 G sin(p(s)) cos(omega t + phase + pi), with the cells as long as the reference takes for
    half a period; it enters as early as its mean over the first cells' ripple asks.
    """
    mass, p0 = reference.species.mass, float(reference.p0c)
    start, k = math.hypot(p0, mass), 2 * math.pi * frequency / LIGHT
    gain = volts * math.sin(phase)
    end = math.sqrt((start + gain) ** 2 - mass**2)
    length = n * math.pi / k * gain / (end - p0)
    gradient, slope = volts / length, gain / length

    def slopes(s: float, u: np.ndarray) -> list[float]:
        time, energy, *rays = u
        momentum = math.sqrt(energy**2 - mass**2)
        at = start + slope * s
        along = math.sqrt(at**2 - mass**2)
        place, wave = k * (along - p0) / slope, k * time + phase + math.pi
        field = 2 * gradient * math.sin(place) * math.cos(wave)
        by_s = 2 * gradient * k * at / along * math.cos(place) * math.cos(wave)
        by_t = -2 * gradient * k * math.sin(place) * math.sin(wave)
        beta = momentum / energy
        force = -0.5 * (by_s + beta * by_t) / beta
        x, px, other_x, other_px = rays
        return [1 / beta, field, px / momentum, force * x, other_px / momentum, force * other_x]

    early = -(mass**2 / p0**3) * gradient * (p0 / start / (2 * k)) ** 2 * math.sin(phase)
    u = solve_ivp(
        slopes,
        (0, length),
        [early, start, 1, 0, 0, p0],
        method="DOP853",
        rtol=1e-11,
        atol=1e-9,
        max_step=length / n / 8,
    ).y[:, -1]
    assert u[1] - start == pytest.approx(gain, rel=1e-4)
    scale = math.sqrt(u[1] ** 2 - mass**2)
    return np.array([[u[2], u[4]], [u[3] / scale, u[5] / scale]]), length


@pytest.mark.parametrize(
    ("species", "kinetic", "volts", "frequency", "cells", "within"),
    [
        ("electron", 1e8, 1e8, 1.3e9, 36, 5e-5),
        ("electron", 2e6, 4e5, 1.3e10, 36, 5e-5),
        ("proton", 2e8, 2e7, 1.28e10, 593, 1e-6),
        ("proton", 8e8, 2e7, 1.28e10, 400, 1e-6),
    ],
)
def test_cells_of_a_standing_wave(
    species: str, kinetic: float, volts: float, frequency: float, cells: int, within: float
) -> None:
    reference = pj.Reference.from_kinetic(species, kinetic)
    expected, length = real_field(reference, volts, CREST, frequency, cells)
    found = matrix(cavity(length, volts, CREST, frequency=frequency), reference)[:2, :2]
    scale = np.array([[1, length], [1 / length, 1]])
    assert np.abs((found - expected) / scale).max() < within
    # which could not be told from none, were it not met to a part of itself
    other = cavity(length, volts, CREST, frequency=frequency, focusing="travelling-wave")
    assert np.abs((matrix(other, reference)[:2, :2] - expected) / scale).max() > 20 * within


def test_a_gap_kicks_by_the_field_of_a_round_wave() -> None:
    """k V / (2 (beta gamma)^2) on the axis, and Bessel functions off it."""
    wavenumber, volts = 15.0, 0.01 * float(PROTON.p0c)
    gap = cavity(
        0.0,
        volts,
        0.0,
        frequency=wavenumber * LIGHT / (2 * math.pi),
        focusing="gap",
        accelerate=False,
    )
    spread = 1 / float(PROTON.beta_gamma)
    found = matrix(gap, PROTON)
    expected = wavenumber * 0.01 * spread**2 / 2
    assert found[1, 0] == found[3, 2] == pytest.approx(expected, rel=1e-12)
    x, z = 0.09, -0.02
    rows = torch.tensor([[x, 0, 0, 0, z, 0.0]], dtype=torch.float64)
    end = pj.track(pj.Lattice([gap]), pj.Beam(PROTON, rows)).numpy()[0]
    at, reach = wavenumber * -z / float(PROTON.beta), wavenumber * spread * x
    kick = 0.01 * spread * math.cos(at) * iv(1, reach)
    assert end[1] == pytest.approx(kick, rel=1e-12)
    energy = math.hypot(1 + end[5], spread) - math.hypot(1, spread)
    assert energy == pytest.approx(0.01 * math.sin(at) * iv(0, reach), rel=1e-12)


#: the cell of ImpactX's example fodo_rf, by the voltage over the momentum, and its matched beam
SIZES = [3.131948925200e-3, 3.192900088357e-4, 1.148450209423e-3, 8.707386631090e-4]
SIZES += [2.159922887089e-3, 4.62979491526e-4]


def fodo_rf(focusing: str) -> pj.Lattice:
    volts, wave = 0.01 * float(PROTON.p0c), 15.0 * LIGHT / (2 * math.pi)
    gap = pj.RFCavity(0.0, volts, frequency=wave, focusing=focusing)
    ends, pipe = pj.Quadrupole(0.15, 2.5), pj.Drift(1.0)
    return pj.Lattice([ends, pipe, gap, pipe, pj.Quadrupole(0.3, -2.5), pipe, gap, pipe, ends])


def sizes_after(line: pj.Lattice) -> np.ndarray:
    """rms sizes in x, y and time, of a beam of `SIZES` in ImpactX's variables."""
    beta = float(PROTON.beta)
    ours = np.diag(np.array(SIZES) * [1, 1, 1, 1, beta, 1 / beta])
    moved = np.asarray(pj.jacobian(line, PROTON)) @ ours
    return np.sqrt((moved**2).sum(1))[::2] / [1, 1, beta]


def test_the_cell_of_impactx_keeps_its_matched_beam() -> None:
    change = sizes_after(fodo_rf("gap")) / SIZES[::2] - 1
    np.testing.assert_allclose(change, 0, atol=1e-5)
    without = sizes_after(fodo_rf("none")) / SIZES[::2] - 1
    np.testing.assert_allclose(without, [-0.08, -0.28, 0.0], atol=0.01)


def test_particles_of_impactx() -> None:
    """Sizes and emittances of the same particles after its example fodo_rf."""
    impactx = pytest.importorskip("impactx")
    sim = impactx.ImpactX()
    sim.space_charge = sim.diagnostics = sim.slice_step_diagnostics = False
    sim.init_grids()
    reference = sim.beam.ref
    reference.set_charge_qe(1.0).set_mass_MeV(PROTON.species.mass / 1e6).set_kin_energy_MeV(250.0)
    x, px, y, py, t, pt = SIZES
    sim.add_particles(1e-9, impactx.distribution.Waterbag(x, y, t, px, py, pt), 10_000)
    kinds = impactx.elements
    first, last, pipe = kinds.Quad(ds=0.15, k=2.5), kinds.Quad(ds=0.3, k=-2.5), kinds.Drift(ds=1.0)
    gap = kinds.Buncher(V=0.01, k=15.0)
    sim.lattice.extend([first, pipe, gap, pipe, last, pipe, gap, pipe, first])

    def columns() -> np.ndarray:
        rows = sim.beam.to_df(local=True).reset_index(drop=True).sort_values("idcpu")
        names = [f"{kind}_{axis}" for axis in "xyt" for kind in ("position", "momentum")]
        return rows[names].to_numpy()

    start = columns()
    sim.track_particles()
    theirs = columns()
    sim.finalize()
    mass = 1 / float(PROTON.beta_gamma)
    energy = math.hypot(1, mass) - start[:, 5]
    momentum = np.sqrt(energy**2 - mass**2)
    start[:, 4] *= -momentum / energy
    start[:, 5] = momentum - 1
    end = pj.track(fodo_rf("gap"), pj.Beam(PROTON, torch.as_tensor(start))).numpy()
    energy = np.hypot(1 + end[:, 5], mass)
    end[:, 4] *= -energy / (1 + end[:, 5])
    end[:, 5] = math.hypot(1, mass) - energy
    for plane in (slice(0, 2), slice(2, 4), slice(4, 6)):
        ours, other = (np.cov(rows[:, plane].T) for rows in (end, theirs))
        assert math.sqrt(ours[0, 0] / other[0, 0]) == pytest.approx(1, abs=1e-4)
        assert np.linalg.det(ours) == pytest.approx(np.linalg.det(other), rel=2e-4)


def test_steps_by_default_meet_the_limit_of_many() -> None:
    slow = pj.Reference.from_kinetic("electron", 3e6)
    for phase in (1.0, 2.0):
        few, many = (matrix(cavity(phase=phase, steps=n), slow) for n in (None, 200))
        np.testing.assert_allclose(few, many, rtol=0, atol=2e-6 * np.abs(many).max())


def test_the_energy_of_the_reference_grows_along_the_length() -> None:
    made = cavity(phase=CREST)
    half = made.exit_reference(ELECTRON, Part(0.0, 0.5))
    assert float(half.kinetic_energy) == pytest.approx(15e6, rel=1e-12)
    assert float(made.exit_reference(ELECTRON).kinetic_energy) == pytest.approx(25e6, rel=1e-12)
    rows = torch.zeros(1, 6, dtype=torch.float64)
    end = pj.track(pj.Lattice([made]), pj.Beam(ELECTRON, rows))
    np.testing.assert_allclose(end.numpy(), 0.0, atol=1e-15)


@pytest.mark.parametrize("adjoint", ["store", "checkpoint", "reversible"])
def test_slopes_go_through_the_reference(adjoint: str) -> None:
    """Of a size after a quadrupole, which is weaker by the momentum the cavity leaves."""
    draw = np.random.default_rng(3).normal(0, 1e-3, (50, 6))

    def line(volts: float, phase: float) -> pj.Lattice:
        return pj.Lattice([cavity(0.5, volts, phase), pj.Drift(0.3), pj.Quadrupole(0.1, 20.0)])

    def size(beam: pj.Beam) -> torch.Tensor:
        return (beam.coordinates[:, :4] ** 2).sum() * beam.reference.p0c

    beam = pj.Beam(ELECTRON, torch.as_tensor(draw))
    found = pj.gradient(size, line(8e6, 1.2), beam, wrt=["c.voltage", "c.phase"], adjoint=adjoint)

    def value(volts: float, phase: float) -> float:
        return float(size(pj.track(line(volts, phase), beam)))

    steps = (value(8e6 + 200, 1.2) - value(8e6 - 200, 1.2)) / 400
    turns = (value(8e6, 1.2 + 1e-5) - value(8e6, 1.2 - 1e-5)) / 2e-5
    np.testing.assert_allclose(found, [steps, turns], rtol=1e-6)


def test_particles_without_energy_are_lost() -> None:
    made = cavity(voltage=8e6, phase=-1.3, accelerate=False, steps=4)
    rows = torch.zeros(2, 6, dtype=torch.float64)
    rows[1, 5] = 2.0
    end = pj.track(pj.Lattice([made]), pj.Beam(ELECTRON, rows))
    assert end.alive.tolist() == [False, True]
    np.testing.assert_array_equal(end.numpy()[0], 0.0)

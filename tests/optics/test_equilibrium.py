"""Equilibria by the envelope against pyAT, radiation integrals, tracking and differences."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from claims import claim, off, share

import pyjutrack as pj
from pyjutrack.collective import Radiation

ELECTRON = pj.Reference.from_total("electron", 2e9)
ANGLE = math.pi / 8


def cell(*, faces: bool) -> list[pj.Element]:
    """Of a ring for light, with dispersion in its straights, and long bends."""
    kind = pj.RBend if faces else pj.SBend
    return [
        pj.Quadrupole(0.3, 1.7, name="qf"),
        pj.Drift(0.6),
        kind(1.5, ANGLE, model="linear", name="b"),
        pj.Drift(0.5),
        pj.Quadrupole(0.2, -1.3, name="qd"),
        pj.Sextupole(0.1, -3.0, name="sd"),
        pj.Drift(0.5),
        kind(1.5, ANGLE, k1=-0.05, model="linear", name="c"),
        pj.Drift(0.6),
        pj.Sextupole(0.1, 2.0, name="sf"),
    ]


def ring(*, faces: bool = False, voltage: float = 1.5e6, extra: tuple = ()) -> pj.Lattice:
    elements = [*cell(faces=faces) * 8, *extra]
    length = sum(float(e.length) for e in elements)
    frequency = 100 * ELECTRON.beta * 299_792_458.0 / length
    gap = pj.RFCavity(voltage=voltage, frequency=frequency, phase=math.pi, name="rf")
    return pj.Lattice([*elements, gap])


def test_beside_radiation_integrals() -> None:
    """Faces, gradients and sectors; textbooks leave out what is second order in the tune of z."""
    for faces in (False, True):
        lattice = ring(faces=faces, voltage=4e5)
        found = pj.optics.equilibrium(lattice, ELECTRON)
        books = pj.optics.radiation_integrals(lattice, ELECTRON)
        error = share(found.energy_loss, books.energy_loss)
        text = "equilibrium of a ring: energy loss, of it"
        claim("Synchrotron radiation", text, "radiation integrals", error, 2e-5)
        np.testing.assert_allclose(found.partition, books.partition, rtol=3e-3)
        np.testing.assert_allclose(found.damping_times, books.damping_times, rtol=3e-3)
        assert float(found.partition.sum()) == pytest.approx(4, rel=1e-5)
        assert float(found.emittances[0]) == pytest.approx(books.emittances[0], rel=1e-2)
        assert float(found.energy_spread) == pytest.approx(books.energy_spread, rel=1e-2)
    sector = pj.optics.radiation_integrals(ring(), ELECTRON).partition
    assert abs(sector[0] - books.partition[0]) > 0.1, "or the faces were not tested"


def test_beside_pyat() -> None:
    at = pytest.importorskip("at")
    lattice, parts, steps = ring(), [], 60
    for e in lattice.elements[:10]:
        if isinstance(e, pj.Drift):
            parts.append(at.Drift("d", e.length))
        elif isinstance(e, pj.Quadrupole):
            parts.append(at.Quadrupole("q", e.length, e.k1, NumIntSteps=steps))
        elif isinstance(e, pj.Sextupole):
            parts.append(at.Sextupole("s", e.length, e.k2 / 2, NumIntSteps=10))
        else:
            parts.append(at.Dipole("b", e.length, e.angle, e.k1, NumIntSteps=steps))
    gap = lattice["rf"]
    parts = [p.deepcopy() for _ in range(8) for p in parts]
    parts.append(at.RFCavity("rf", 0.0, gap.voltage, gap.frequency, 100, 2e9))
    theirs = at.Lattice(parts, energy=2e9, periodicity=1)  # at the speed of light
    theirs.enable_6d(copy=False)
    theirs.set_rf_frequency(gap.frequency / ELECTRON.beta)
    start, beam, _ = theirs.ohmi_envelope()
    found = pj.optics.equilibrium(lattice, ELECTRON)
    tunes = found.tunes.numpy().copy()
    tunes[2] = 1 - tunes[2]  # the other way round in AT's time
    area, ring_of = "Synchrotron radiation", "equilibrium of a ring: "
    claim(area, ring_of + "three tunes", "pyAT", off(tunes, beam.tunes % 1), 2e-5)
    period = float(lattice.length) / 299_792_458.0
    error = share(found.damping_times, period / beam.damping_rates)
    claim(area, ring_of + "damping times, of each", "pyAT", error, 1e-4)
    # invariants of the envelope, as Ohmi's; `mode_emittances` are those of an undamped ring
    form = np.kron(np.eye(3), [[0, 1], [-1, 0]])
    invariants = np.sort(np.linalg.eigvals(start.r66 @ form).imag)[-2:]
    error = share(found.emittances[[0, 2]], invariants)
    claim(area, ring_of + "emittances, of each", "pyAT", error, 2e-4)
    error = share(found.energy_spread, math.sqrt(start.r66[4, 4]))
    claim(area, ring_of + "energy spread, of it", "pyAT", error, 1e-3)
    assert float(found.bunch_length) == pytest.approx(math.sqrt(start.r66[5, 5]), rel=1e-3)
    error = share(found.energy_loss, theirs.get_energy_loss())
    claim(area, ring_of + "energy loss, of it", "pyAT", error, 1e-4)


def test_the_orbit_and_the_matrix_are_those_of_tracking() -> None:
    lattice = ring()
    found = pj.optics.equilibrium(lattice, ELECTRON)
    beam = pj.Beam(ELECTRON, found.orbit[:1])
    ends, matrices = [], []
    for slices in (8, 16):
        effect = Radiation(bend_slices=slices)
        ends.append(pj.track(lattice, beam, effects=[effect]).numpy()[0])
        start = found.orbit[0].numpy()
        matrices.append(pj.jacobian(lattice, beam, effects=[effect], at=start))
    # Richardson: slices converge by the square of their length
    closed = ends[1] + (ends[1] - ends[0]) / 3
    np.testing.assert_allclose(closed, found.orbit[0], rtol=0, atol=1e-9)
    matrix = matrices[1] + (matrices[1] - matrices[0]) / 3
    np.testing.assert_allclose(matrix, found.matrix, rtol=0, atol=1e-6)
    determinant = float(torch.linalg.det(found.matrix))
    loss = float(found.energy_loss) / 2e9
    assert determinant == pytest.approx(1 - 4 * loss, abs=20 * loss**2), "Robinson's theorem"


def test_derivatives_beside_differences() -> None:
    knobs = ["rf.voltage", "qf.k1", "b.angle", "c.k1", "sf.k2", "v.vkick"]
    lattice = ring(extra=(pj.Kicker(vkick=1e-4, name="v"), pj.Quadrupole(0.1, k1s=0.05)))
    start = torch.tensor([lattice.value(k) for k in knobs], dtype=torch.float64, requires_grad=True)

    def figures(values: torch.Tensor) -> torch.Tensor:
        moved = lattice.with_values(dict(zip(knobs, values.unbind(0), strict=True)))
        e = pj.optics.equilibrium(moved, ELECTRON)
        numbers = [e.energy_spread, e.bunch_length, e.energy_loss]
        return torch.cat([e.tunes, e.damping_times.log(), e.emittances.log(), torch.stack(numbers)])

    values = figures(start)
    exact = torch.stack([torch.autograd.grad(v, start, retain_graph=True)[0] for v in values])
    for column, step in enumerate([500.0, 2e-6, 2e-6, 2e-6, 2e-3, 1e-7]):
        shift = torch.zeros(len(knobs), dtype=torch.float64)
        shift[column] = step
        with torch.no_grad():
            difference = (figures(start + shift) - figures(start - shift)) / 2 / step
        # rounding of values: tunes; logarithms of times and emittances; sizes, an energy [eV]
        rounding = torch.tensor([1e-12] * 3 + [1e-10] * 3 + [2e-9] * 3 + [1e-14, 1e-13, 1e-6])
        errors = (exact[:, column] - difference).abs()
        assert (errors <= 1e-5 * difference.abs() + rounding / step).all(), knobs[column]


def test_a_patch_along_s_takes_the_time_of_a_drift() -> None:
    """In damping times by the envelope and by integrals, and in their slopes."""
    found = []
    for kind, name in ((pj.Drift, "length"), (pj.Patch, "dz")):
        step = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
        lattice = ring(extra=(pj.Drift(0.4, name="last"),))
        last = kind(**{name: step})
        lattice = pj.Lattice([last if e.name == "last" else e for e in lattice])
        times = pj.optics.equilibrium(lattice, ELECTRON).damping_times
        (slope,) = torch.autograd.grad(times.sum(), step)
        books = pj.optics.radiation_integrals(lattice, ELECTRON)
        found.append([*times.tolist(), float(slope), *books.damping_times])
    np.testing.assert_allclose(found[1], found[0], rtol=1e-9)
    assert found[0][3] > 0.9 * sum(found[0][:3]) / float(lattice.length + 0.4)


def test_tapered_magnets_keep_the_orbit() -> None:
    reference = pj.Reference.from_total("electron", 5e9)
    lattice = ring(voltage=4e7)
    tapered = pj.optics.taper(lattice, reference)
    before, after = (pj.optics.equilibrium(r, reference).orbit for r in (lattice, tapered))
    assert float(before[:, 0].abs().max()) > 1e-4
    assert float(after[:, 0].abs().max()) < 0.05 * float(before[:, 0].abs().max())
    ratio = tapered.elements[2].normal_dipole / lattice.elements[2].normal_dipole - 1
    assert ratio == pytest.approx(float((after[2, 5] + after[3, 5]) / 2), rel=1e-3)
    assert tapered.elements[2].bend_angle == lattice.elements[2].bend_angle
    assert tapered.elements[0].k1 != lattice.elements[0].k1


def test_what_has_no_equilibrium() -> None:
    with pytest.raises(pj.errors.InvalidValueError, match="no cavity"):
        pj.optics.equilibrium(pj.Lattice(cell(faces=False) * 8), ELECTRON)
    with pytest.raises(pj.errors.InvalidValueError, match="no magnet"):
        pj.optics.equilibrium(pj.Lattice([pj.Drift(1.0), ring()["rf"]]), ELECTRON)
    # U0 = 8.846e-5 E^4 / R, with E in GeV: 370.5 keV
    with pytest.raises(pj.errors.UnstableError, match=r"; 3\.70\de\+05 eV are radiated in a turn"):
        pj.optics.equilibrium(ring(voltage=1e5), ELECTRON)


@pytest.mark.filterwarnings("ignore")
def test_a_cell_of_the_esrf_beside_pyat() -> None:
    """A cell of the hybrid multi-bend achromat, closed on itself: combined and stepped bends."""
    at = pytest.importorskip("at")
    import machine_data

    path = Path(machine_data.__file__).with_name("hmba.mat")
    period = pj.read_lattice(path)
    arc = [e for e in period.lattice if e.without_rf() is e]
    length = sum(float(e.length) for e in arc)
    frequency = 31 * 299_792_458.0 / length
    cavity = at.RFCavity("rf", 0.0, 2e5, frequency, 31, 6e9)
    form, emittances = np.kron(np.eye(3), [[0, 1], [-1, 0]]), []
    for steps in (40, 80):
        parts = [e.deepcopy() for e in at.load_lattice(path) if not isinstance(e, at.RFCavity)]
        for part in parts:
            if isinstance(part, at.Dipole):  # wedges of faces do not radiate in AT
                part.EntranceAngle = part.ExitAngle = 0.0
            if hasattr(part, "NumIntSteps"):
                part.NumIntSteps = steps
        theirs = at.Lattice([*parts, cavity], energy=6e9, periodicity=1)
        theirs.enable_6d(copy=False)
        start, beam, _ = theirs.ohmi_envelope()
        emittances.append(np.sort(np.linalg.eigvals(start.r66 @ form).imag)[-2:])
    mine = [replace(e, e1=0.0, e2=0.0) if e.bend_angle else e for e in arc]
    reference = pj.Reference.from_total("electron", 6e9)
    gap = pj.RFCavity(voltage=2e5, frequency=frequency * reference.beta, phase=math.pi)
    found = pj.optics.equilibrium(pj.Lattice([*mine, gap]), reference)
    times = length / 299_792_458.0 / beam.damping_rates
    np.testing.assert_allclose(found.damping_times, times, rtol=1e-4)
    np.testing.assert_allclose(found.tunes[:2], beam.tunes[:2] % 1, rtol=0, atol=1e-4)
    # AT's diffusion converges by the length of its steps
    limit = 2 * emittances[1] - emittances[0]
    np.testing.assert_allclose(found.emittances[[0, 2]], limit, rtol=1e-4)
    assert float(found.energy_spread) == pytest.approx(math.sqrt(start.r66[4, 4]), rel=1e-4)
    assert float(found.bunch_length) == pytest.approx(math.sqrt(start.r66[5, 5]), rel=1e-3)
    error = share(found.energy_loss, theirs.get_energy_loss())
    text = "equilibrium of a cell of the ESRF: energy loss, of it"
    claim("Synchrotron radiation", text, "pyAT", error, 1e-4)


@pytest.mark.slow
def test_by_tracking() -> None:
    """A bunch that starts as a point grows to the envelope, whose photons it does not know."""
    reference = pj.Reference.from_total("electron", 6e9)
    bends = [e for e in cell(faces=False) if e.name[:1] != "s"] * 8
    length = sum(float(e.length) for e in bends)
    frequency = 20 * reference.beta * 299_792_458.0 / length
    gap = pj.RFCavity(voltage=6e7, frequency=frequency, phase=math.pi)
    lattice = pj.Lattice([*bends, gap])
    expected = pj.optics.equilibrium(lattice, reference)
    times = expected.damping_times.numpy() * 299_792_458.0 / length
    beam = pj.Beam(reference, expected.orbit[:1].expand(4000, 6).clone())
    found = []
    for seed in range(6):
        effects = [Radiation("quantum", seed=seed, bend_slices=6, magnet_slices=1)]
        turns = int(times.max() * (0.5 if seed else 3))
        beam = pj.track(lattice, beam, effects=effects, turns=turns)
        found.append(np.cov(beam.coordinates.numpy().T))
    covariance = np.mean(found, 0)
    form = np.kron(np.eye(3), [[0, 1], [-1, 0]])
    invariants = np.sort(np.linalg.eigvals(covariance @ form).imag)[-2:]
    np.testing.assert_allclose(invariants, expected.emittances[[0, 2]], rtol=0.02)
    assert covariance[5, 5] ** 0.5 == pytest.approx(float(expected.energy_spread), rel=0.01)


def test_it_shows_its_numbers_and_not_its_matrices() -> None:
    file = pj.io.read_lattice(pj.io.example("ring.madx"), line="ring")
    found = pj.optics.equilibrium(file.lattice, file.reference)
    shown = repr(found)
    assert f"energy_loss {float(found.energy_loss):.6g} eV" in shown
    assert f"emittances ({float(found.emittances[0]):.6g}, " in shown
    assert "\n" not in shown
    assert "tensor" not in shown

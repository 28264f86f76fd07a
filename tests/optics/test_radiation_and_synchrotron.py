"""Radiation integrals and synchrotron motion against textbooks and pyAT."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from claims import claim, share
from synchrotron_cases import CELL, ELECTRON

import pyjutrack as pj

RING = pj.Lattice(CELL * 8)
RHO = 8 / math.pi


def test_an_isomagnetic_ring() -> None:
    found = pj.optics.radiation_integrals(RING, ELECTRON)
    assert found.i2 == pytest.approx(2 * math.pi / RHO, rel=1e-12)
    assert found.i3 == pytest.approx(2 * math.pi / RHO**2, rel=1e-12)
    # Sands: 88.46 keV E^4 / rho
    assert found.energy_loss == pytest.approx(88.463e3 * 3**4 / RHO, rel=1e-4)
    assert found.partition.sum() == pytest.approx(4, rel=1e-12)
    table = pj.twiss_table(RING, ELECTRON)
    assert found.i1 == pytest.approx(table.momentum_compaction * float(RING.length), rel=1e-6)
    period = float(RING.length) / 299_792_458.0
    expected = 2 * 3e9 * period / found.energy_loss / found.partition
    np.testing.assert_allclose(found.damping_times, expected, rtol=1e-6)
    assert found.emittances[1] == pytest.approx(0, abs=1e-20)


def test_by_thin_slices() -> None:
    """I4, I5 and the emittance by sums over many slices of the bends."""
    pieces, parts = [], 400
    for element in RING:
        if isinstance(element, pj.SBend):
            pieces += [pj.SBend(1.0 / parts, math.pi / 8 / parts, edges="none")] * parts
        else:
            pieces.append(element)
    table = pj.twiss_table(pj.Lattice(pieces), ELECTRON)
    bent = np.array([isinstance(p, pj.SBend) for p in pieces])
    gamma = (1 + table.alpha_x**2) / table.beta_x
    d, slope = table.dispersion_x, table.dispersion_px
    invariant = gamma * d**2 + 2 * table.alpha_x * d * slope + table.beta_x * slope**2

    def integral(values: np.ndarray) -> float:
        return float(((values[:-1] + values[1:]) / 2)[bent].sum() / parts)

    found = pj.optics.radiation_integrals(RING, ELECTRON)
    assert found.i4[0] == pytest.approx(integral(d) / RHO**3, rel=1e-5)
    assert found.i5[0] == pytest.approx(integral(invariant) / RHO**3, rel=1e-5)
    quantum = 3.8319386e-13  # Sands' C_q [m]
    emittance = quantum * ELECTRON.gamma**2 * found.i5[0] / (found.i2 - found.i4[0])
    assert found.emittances[0] == pytest.approx(emittance, rel=1e-6)
    spread = quantum * ELECTRON.gamma**2 * found.i3 / (2 * found.i2 + found.i4[0])
    assert found.energy_spread == pytest.approx(math.sqrt(spread), rel=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_beside_pyat() -> None:
    at = pytest.importorskip("at")
    import machine_data

    path = Path(machine_data.__file__).with_name("hmba.mat")
    period = pj.read_lattice(path)
    found = pj.optics.radiation_integrals(period.lattice, period.reference)
    theirs = at.load_lattice(path)
    theirs.disable_6d(copy=False)
    theirs = at.Lattice(theirs, periodicity=1)
    i1, i2, i3, i4, i5 = theirs.get_radiation_integrals()
    area, error = "Synchrotron radiation", share((found.i1, found.i2, found.i3), (i1, i2, i3))
    claim(area, "radiation integrals I1, I2, I3 of hmba.mat, of each", "pyAT", error, 1e-5)
    error = share((found.i4[0], found.i5[0]), (i4, i5))
    claim(area, "radiation integrals I4, I5 of hmba.mat, of each", "pyAT", error, 1e-4)


def test_vertical_bends_heat_the_vertical_plane() -> None:
    turned = pj.Lattice([*CELL * 4, pj.SBend(0.2, 0.01, tilt=math.pi / 2), *CELL * 4])
    turned = turned + pj.Lattice([pj.SBend(0.2, -0.01, tilt=math.pi / 2)])
    found = pj.optics.radiation_integrals(turned, ELECTRON)
    assert found.emittances[1] > 1e-15


def test_nothing_bends() -> None:
    with pytest.raises(pj.errors.InvalidValueError, match="no bend"):
        pj.optics.radiation_integrals(pj.Lattice([pj.Drift(1.0)]), ELECTRON)


def with_cavity(voltage: float = 1e6, phase: float = math.pi) -> pj.Lattice:
    frequency = 50 * ELECTRON.beta * 299_792_458.0 / float(RING.length)
    gap = pj.RFCavity(voltage=voltage, frequency=frequency, phase=phase, name="rf")
    return pj.Lattice([*RING, gap, pj.Kicker(hkick=1e-5, name="k")])


def test_the_synchrotron_tune_of_the_textbook() -> None:
    eta = pj.twiss_table(RING, ELECTRON).slip_factor
    # a gap of little voltage, for which the formula is good
    found = pj.optics.synchrotron_optics(with_cavity(1e4), ELECTRON)
    expected = math.sqrt(50 * abs(eta) * 1e4 / (2 * math.pi * 3e9))
    tune = float(found.tunes[2])
    error = share(min(tune, 1 - tune), expected)
    claim("Synchrotron radiation", "synchrotron tune, of it", "closed form", error, 1e-3)
    matrix = pj.optics.one_turn_matrix(with_cavity(1e4), ELECTRON, dimensions=6)
    np.testing.assert_allclose(
        pj.optics.synchrobetatron_tunes(matrix), found.tunes, rtol=0, atol=1e-12
    )
    orbit = pj.optics.closed_orbit(with_cavity(), ELECTRON, dimensions=6)
    beam = pj.Beam(ELECTRON, torch.tensor(orbit[:1]))
    np.testing.assert_allclose(pj.track(with_cavity(), beam).numpy(), orbit[:1], atol=1e-13)


def test_synchrotron_derivatives() -> None:
    ring, knobs = with_cavity(phase=2.9), ["rf.voltage", "rf.phase", "k.hkick"]
    steps = [10.0, 1e-6, 1e-8]
    start = torch.tensor([ring.value(k) for k in knobs], dtype=torch.float64, requires_grad=True)

    def figures(values: torch.Tensor) -> torch.Tensor:
        moved = ring.with_values(dict(zip(knobs, values.unbind(0), strict=True)))
        found = pj.optics.synchrotron_optics(moved, ELECTRON)
        return torch.cat([found.tunes, found.orbit[9]])

    values = figures(start)
    exact = torch.stack(
        [torch.autograd.grad(v, start, retain_graph=True)[0] for v in values], 0
    ).numpy()
    for column, step in enumerate(steps):
        shift = torch.zeros(3, dtype=torch.float64)
        shift[column] = step
        with torch.no_grad():
            difference = (figures(start + shift) - figures(start - shift)) / 2 / step
        scale = max(1e-9, np.abs(exact[:, column]).max())
        np.testing.assert_allclose(exact[:, column], difference, rtol=0, atol=2e-6 * scale)


def test_three_tunes_need_six_dimensions() -> None:
    with pytest.raises(pj.errors.InvalidValueError, match=r"\(6, 6\)"):
        pj.optics.synchrobetatron_tunes(np.eye(4))

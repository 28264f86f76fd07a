"""Bunches and their wakes in files of twins, and moments of weighted bunches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack.collective import ResistiveWall, Resonator, Wake, WakeTable
from pyjutrack.diagnostics import WireScanner

PROTON = pj.Reference.from_kinetic("proton", 5e9)
LINE = pj.Lattice([pj.Drift(1.0), pj.Marker(name="gap"), pj.Drift(2.0), pj.Marker(name="end")])
EFFECTS = [
    Wake(WakeTable([0.0, 1e-9, 2e-9], [1e15, 1e15, 0.0]), "gap", "quadrupole x", cells=50),
    Wake(Resonator(1e9, 1e9), None, "dipole x", cells=60, window=0.02, max_step={"Drift": 0.5}),
    Wake(ResistiveWall(0.02, 1e6, 1.0), "gap", window=0.02, period=1e-6, turns=2),
]


def bunch() -> pj.Beam:
    draw = np.random.default_rng(3)
    rows = draw.normal(size=(80, 6)) * 1e-3
    return pj.Beam(PROTON, rows, charge=3e-9, weights=torch.tensor(draw.uniform(0.2, 2, 80)))


def test_a_twin_of_a_bunch_comes_back(tmp_path: Path) -> None:
    beam = bunch()
    scanner = WireScanner("end", width=8e-3, bins=8, noise=0.1)
    pj.Twin(LINE, beam, (scanner,), effects=EFFECTS).save(tmp_path / "twin.safetensors")
    found = pj.Twin.load(tmp_path / "twin.safetensors")
    assert found.beam.charge == beam.charge
    assert found.beam.weights is not None
    assert torch.equal(found.beam.weights, beam.weights)
    ends = [pj.track(LINE, b, effects=e) for b, e in ((beam, EFFECTS), (found.beam, found.effects))]
    assert torch.equal(ends[0].coordinates, ends[1].coordinates)
    assert (ends[0].charge, ends[1].charge) == (3e-9, 3e-9)
    without = pj.track(LINE, beam).coordinates
    assert float((ends[0].coordinates - without).abs().max()) > 1e-9


def test_moments_count_by_weights() -> None:
    """Each particle as often as its weight says."""
    rows = bunch().coordinates[:10]
    counts = torch.arange(10) + 1
    weighted = pj.Beam(PROTON, rows, charge=1e-9, weights=counts.double())
    repeated = pj.Beam(PROTON, rows.repeat_interleave(counts, 0), charge=1e-9)
    for moment in (pj.moments.centroid, pj.moments.covariance, pj.moments.sizes):
        torch.testing.assert_close(moment(weighted), moment(repeated), rtol=1e-12, atol=1e-18)
    for figure in (pj.observables.size("x"), pj.observables.emittance("y")):
        assert float(figure(weighted)) == pytest.approx(float(figure(repeated)), rel=1e-9)


def test_a_weighted_bunch_acts_as_one_of_many_particles() -> None:
    rows = bunch().coordinates[:10]
    counts = torch.arange(10) + 1
    repeated = pj.Beam(PROTON, rows.repeat_interleave(counts, 0), charge=1e-9)
    # the charge is that of ten particles of weight one
    weighted = pj.Beam(PROTON, rows, charge=1e-9 / 5.5, weights=counts.double())
    wake = Wake(Resonator(1e9, 1e9), None, "dipole x", cells=60, window=0.01, max_step=0.5)
    ends = [pj.track(LINE, b, effects=[wake]).coordinates for b in (repeated, weighted)]
    torch.testing.assert_close(ends[0], ends[1].repeat_interleave(counts, 0), rtol=1e-9, atol=1e-15)

"""Rings whose closed orbit is far off axis: MAD-X has the same optics where its maps are exact."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from madx_program import madx

import pyjutrack as pj
from pyjutrack.io import read_lattice

pytest.importorskip("cpymad.madx")
# its process leaves pipes open
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)

#: a crossing angle of 5 mrad, through thin magnets
THIN = (
    "beam, particle=proton, pc=10;\n"
    "qf: multipole, knl={0,0.3}; qd: multipole, knl={0,-0.3}; "
    "bb: multipole, knl={0.1,0,0.5}, lrad=1; k1: hkicker, kick=5e-3; k2: vkicker, kick=-3e-3;\n"
    "ring: sequence, l=8; q1: qf, at=1; k1, at=1.5; b1: bb, at=3; q2: qd, at=5; k2, at=6; "
    "b2: bb, at=7; endsequence; use, sequence=ring;\n"
)
THICK = (
    "beam, particle=proton, pc=10;\n"
    "qf: quadrupole, l=0.5, k1=0.6; qd: quadrupole, l=0.5, k1=-0.6; bb: sbend, l=1, angle=0.1;"
    "sx: sextupole, l=0.2, k2=1; k1: hkicker, kick=5e-3; k2: vkicker, kick=-3e-3;\n"
    "ring: sequence, l=8; q1: qf, at=1; k1, at=1.5; b1: bb, at=2.5; s1: sx, at=3.5; q2: qd, at=5; "
    "k2, at=5.5; b2: bb, at=6.5; endsequence; use, sequence=ring;\n"
)


def ours(lattice: pj.Lattice, reference: pj.Reference) -> np.ndarray:
    table = pj.twiss_table(lattice, reference)
    orbit = np.asarray(pj.optics.closed_orbit(lattice, reference))[0]
    tunes = [float(table.tune_x), float(table.tune_y)]
    return np.array([*tunes, float(table.beta_x[0]), float(table.beta_y[0]), orbit[0], orbit[2]])


def run(text: str, folder: Path, exact: bool) -> np.ndarray:
    """MAD-X's Twiss."""
    with madx(text, folder) as program:
        table = program.twiss(ripken=True, exact=exact)
        names = ("beta11", "beta22", "x", "y")
        found = [table.summary.q1, table.summary.q2, *(table[name][0] for name in names)]
        return np.array(found, dtype=float)


def run_ptc(text: str, folder: Path) -> np.ndarray:
    """PTC, in MAD-X: exact Hamiltonians, cut in many steps."""
    with madx(text, folder) as program:
        program.input(
            "ptc_create_universe; ptc_create_layout, model=2, method=6, nst=20, exact=true;"
            "ptc_setswitch, fringe=false; ptc_twiss, closed_orbit, icase=5, no=2, table=far;"
            "ptc_end;"
        )
        table = program.table.far
        ends = [table.mu1[-1], table.mu2[-1]]
        names = ("beta11", "beta22", "x", "y")
        return np.array([*ends, *(table[name][0] for name in names)], dtype=float)


def test_thin_magnets_far_off_axis_are_those_of_exact_twiss(tmp_path: Path) -> None:
    """MAD-X's drifts are expanded unless `exact` asks for these."""
    (tmp_path / "a.madx").write_text(THIN)
    found = read_lattice(tmp_path / "a.madx")
    assert found.reference is not None
    exact, expanded = (run(THIN, tmp_path, exact) for exact in (True, False))
    here = ours(found.lattice, found.reference)
    assert here == pytest.approx(exact, rel=0, abs=2e-8)
    assert np.abs(here - expanded).max() > 1e-6
    drifts = [
        dataclasses.replace(e, model="paraxial") if isinstance(e, pj.Drift) else e
        for e in found.lattice
    ]
    assert ours(pj.Lattice(drifts), found.reference) == pytest.approx(expanded, rel=0, abs=2e-8)


def test_thick_magnets_far_off_axis_are_those_of_ptc(tmp_path: Path) -> None:
    """MAD-X's own Twiss expands bends and sextupoles to second order."""
    (tmp_path / "a.madx").write_text(THICK)
    found = read_lattice(tmp_path / "a.madx")
    assert found.reference is not None
    wanted, expanded = run_ptc(THICK, tmp_path), run(THICK, tmp_path, True)
    exact = [
        dataclasses.replace(e, model="exact", steps=20, order=6)
        if isinstance(e, (pj.Quadrupole, pj.Sextupole, pj.SBend))
        else e
        for e in found.lattice
    ]
    here = ours(pj.Lattice(exact), found.reference)
    assert here == pytest.approx(wanted, rel=0, abs=2e-8)
    read = ours(found.lattice, found.reference)
    assert np.abs(read - wanted)[:2].max() < np.abs(expanded - wanted)[:2].max()

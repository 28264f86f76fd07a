"""Elements of MAD-X files one by one: particles off axis come out as MAD-X's Twiss has them."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from claims import claim, off
from madx_program import madx

import pyjutrack as pj
from pyjutrack.io import LatticeFile, read_lattice

pytest.importorskip("cpymad.madx")
# its process leaves pipes open
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)

#: in MAD's variables
ORBIT = {"x": 1e-3, "px": 2e-4, "y": -5e-4, "py": 3e-4, "t": 1e-2, "pt": 1e-4}
SMALL = {"x": 1e-4, "px": 2e-5, "y": -5e-5, "py": 3e-5, "t": 0.0, "pt": 0.0}
#: text, and the largest difference [m, rad]
ELEMENTS = {
    "cavity": ("e: rfcavity, volt=10, freq=400, lag=0.1;", 1e-12),
    "crab cavity": ("e: crabcavity, l=0, volt=10, freq=400, lag=0.1;", 1e-12),
    "crab cavity, rolled": (
        "e: crabcavity, l=0, volt=10, freq=400, lag=0.1, tilt=0.3;",
        1e-12,
    ),
    "solenoid": ("e: solenoid, l=1, ks=0.1;", 1e-12),
    "thin solenoid": ("kk = 0.3; e: solenoid, l=0, ks=0.2, ksi:=kk;", 1e-12),
    "turn about x": ("e: xrotation, angle=0.01;", 1e-12),
    "turn about y": ("e: yrotation, angle=0.01;", 1e-12),
    "turn about s": ("e: srotation, angle=0.01;", 1e-12),
    "multipole": ("e: multipole, knl={0,0.1,0.3}, ksl={0,0.2,0.1}, tilt=0.3;", 1e-12),
    "edge": ("e: dipedge, h=0.1, e1=0.2, fint=0.5, hgap=0.02;", 1e-12),
    "matrix": ("e: matrix, rm12=1, rm21=0.2, kick1=1e-3, kick3=2e-3, rm14=0.3;", 1e-12),
}


def theirs(text: str, folder: Path, **options: object) -> np.ndarray:
    """Where MAD-X's Twiss ends: x, px, y, py, z, delta."""
    with madx(text, folder) as program:
        table = program.twiss(betx=1, bety=1, exact=True, **options)
        end = [float(table[name][-1]) for name in ORBIT]
        beta = float(program.sequence.s.beam.beta)
    return converted(end, beta)


def converted(mad: list[float], beta: float) -> np.ndarray:
    """Coordinates of this package, of MAD's."""
    *four, t, pt = mad
    delta = math.sqrt(1 + 2 * pt / beta + pt * pt) - 1
    return np.array([*four, t * (1 + delta) / (1 / beta + pt), delta])


def ours(found: LatticeFile, orbit: dict[str, float]) -> np.ndarray:
    assert found.reference is not None
    start = converted(list(orbit.values()), float(found.reference.beta))
    beam = pj.Beam(found.reference, start[None, :])
    return np.asarray(pj.track(found.lattice, beam).coordinates)[0]


def line(element: str, bv: int, more: str = "") -> str:
    return (
        f"beam, particle=proton, pc=10, bv={bv};\n{element}\n"
        "s: sequence, l=4; e1: e, at=1; m: marker, at=2; e1, at=3; endsequence;\n"
        f"use, sequence=s;\n{more}\n"
    )


@pytest.mark.filterwarnings("ignore:.*could not be represented")
@pytest.mark.parametrize("bv", [1, -1])
@pytest.mark.parametrize("name", ELEMENTS)
def test_particles_come_out_as_of_madx(name: str, bv: int, tmp_path: Path) -> None:
    element, tolerance = ELEMENTS[name]
    text = line(element, bv)
    (tmp_path / "a.madx").write_text(text)
    found = read_lattice(tmp_path / "a.madx")
    wanted = theirs(text, tmp_path, **ORBIT)
    text = f"{name}: coordinates after a line of two [m, 1]"
    claim("Single elements", text, "MAD-X", off(ours(found, ORBIT), wanted), tolerance)


@pytest.mark.parametrize("kind", ["rfcavity", "crabcavity"])
def test_ions_gain_the_voltage_once(kind: str, tmp_path: Path) -> None:
    """Whatever their charge, in what is read and in what is written."""
    element = f"vv = 10; e: {kind}, l=0, volt:=vv, freq=400, lag=0.1;"
    text = line(element, 1).replace("particle=proton", "particle=ion, mass=3.7, charge=2")
    (tmp_path / "a.madx").write_text(text)
    found = read_lattice(tmp_path / "a.madx")
    wanted = theirs(text, tmp_path, **ORBIT)
    assert ours(found, ORBIT) == pytest.approx(wanted, rel=0, abs=1e-12)
    pj.io.write_lattice(tmp_path / "b.madx", found.lattice, found.reference)
    again = (tmp_path / "b.madx").read_text().replace("ring", "s")
    assert theirs(again, tmp_path, **ORBIT) == pytest.approx(wanted, rel=0, abs=1e-12)


def test_a_thin_solenoid_follows_its_variable(tmp_path: Path) -> None:
    text = line(ELEMENTS["thin solenoid"][0], 1)
    (tmp_path / "a.madx").write_text(text)
    with pytest.warns(pj.errors.LatticeWarning, match="a linear map"):
        found = read_lattice(tmp_path / "a.madx")
    changed = dataclasses.replace(found, lattice=found.lattice.with_values(kk=0.4))
    wanted = theirs(text.replace("kk = 0.3", "kk = 0.4"), tmp_path, **ORBIT)
    assert ours(changed, ORBIT) == pytest.approx(wanted, rel=0, abs=1e-12)


ROLLED = "e: sbend, l=0.5, angle=0.1, tilt=0.5;"


@pytest.mark.parametrize(
    ("element", "bv"),
    [
        ("e: quadrupole, l=0.5, k1=0.3;", 1),
        ("e: quadrupole, l=0.5, k1=0.3;", -1),
        ("e: sbend, l=0.5, angle=0.1;", 1),
        ("e: sbend, l=0.5, angle=0.1;", -1),
        (ROLLED, 1),  # not -1: MAD-X rolls its exit the other way then, and not its body
    ],
)
def test_displacements_are_those_of_madx(element: str, bv: int, tmp_path: Path) -> None:
    moves = "dx=1e-5, dy=-2e-5, ds=3e-5, dphi=2e-5, dtheta=-1e-5, dpsi=3e-5"
    text = line(element, bv, f"select, flag=error, class=e; ealign, {moves};")
    (tmp_path / "a.madx").write_text(text)
    start = dict.fromkeys(ORBIT, 0.0)
    wanted = theirs(text, tmp_path, **start)
    assert np.abs(wanted[[0, 2]]).min() > 1e-7  # of what is compared
    found = ours(read_lattice(tmp_path / "a.madx"), start)
    assert found[:4] == pytest.approx(wanted[:4], rel=0, abs=5e-10)


RANGES = {
    "range=e1[2]": 1,
    "range=e1": 1,
    "range=e1[1]/e1[2]": 2,
    "range=#s/m": 1,
    "range=m/#e": 1,
    "range=s$start/e1[1]": 1,
    "class=sextupole, range=e1[1]/e1[2]": 0,
    "pattern='^e', range=m/e1[2]": 1,
}


@pytest.mark.parametrize("chosen", RANGES)
def test_errors_meet_the_occurrences_of_their_range(chosen: str, tmp_path: Path) -> None:
    errors = "ealign, dx=1e-3; efcomp, order=1, radius=0.02, dknr={0,0.1};"
    more = f"select, flag=error, {chosen}; {errors}"
    text = line("e: quadrupole, l=0.5, k1=0.3;", -1, more)
    (tmp_path / "a.madx").write_text(text)
    found = read_lattice(tmp_path / "a.madx")
    moved = [e for e in found.lattice if isinstance(e, pj.Quadrupole) and e.dx]
    assert len(moved) == RANGES[chosen]
    wanted = theirs(text, tmp_path, **SMALL)
    assert ours(found, SMALL)[:4] == pytest.approx(wanted[:4], rel=0, abs=1e-8)


def test_a_range_that_is_not_in_the_line_names_its_row(tmp_path: Path) -> None:
    text = line("e: quadrupole, l=0.5;", 1, "select, flag=error, range=e1[3]; ealign, dx=1e-3;")
    (tmp_path / "a.madx").write_text(text)
    with pytest.raises(pj.errors.LatticeFileError, match=r"a\.madx:5: .*'e1\[3\]'.* 2 of 'e1'"):
        read_lattice(tmp_path / "a.madx")

"""Optics within elements, against lattices whose elements are cut by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from madx_program import madx

import pyjutrack as pj

PROTON = pj.Reference.from_kinetic("proton", 1e9)
COLUMNS = (
    *("s", "beta_x", "alpha_x", "beta_y", "alpha_y", "phase_x", "phase_y", "beta_x2", "beta_y1"),
    *("dispersion_x", "dispersion_px", "dispersion_y", "dispersion_py"),
)


def make_ring(pieces: int, *, k1: Any = 0.35, tilt: float = 0.0) -> pj.Lattice:
    """A ring of four cells whose elements of 1 m are in so many pieces of one name."""

    def cut(kind: Any, name: str, **parameters: Any) -> list[pj.Element]:
        return [kind(1.0 / pieces, name=name, **parameters) for _ in range(pieces)]

    faces = [{"e1": 0.0, "e2": 0.0} for _ in range(pieces)]
    faces[0]["e1"] = faces[-1]["e2"] = 0.1
    cell = [
        *cut(pj.Quadrupole, "qf", k1=k1, tilt=tilt),
        *cut(pj.Sextupole, "sf", k2=2.0),
        *cut(pj.Drift, "d"),
        *[pj.SBend(1.0 / pieces, angle=0.25 / pieces, name="b", **ends) for ends in faces],
        *cut(pj.Quadrupole, "qd", k1=-0.35),
        *cut(pj.Solenoid, "sol", ks=0.05),
    ]
    return pj.Lattice(cell * 4)


@pytest.mark.parametrize("tilt", [0.0, 0.05])
def test_rows_are_those_of_a_lattice_in_pieces(tilt: float) -> None:
    inside = pj.twiss_table(make_ring(1, tilt=tilt), PROTON, max_step=0.2)
    pieces = pj.twiss_table(make_ring(5, tilt=tilt), PROTON)

    assert inside.names == pieces.names
    assert inside.kinds == pieces.kinds
    for name in COLUMNS:
        np.testing.assert_allclose(inside[name], pieces[name], rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(inside.orbit, pieces.orbit, rtol=0, atol=1e-14)


def test_every_setting_has_the_rows_of_its_own_lattice() -> None:
    strengths = torch.tensor([0.35, 0.37], dtype=torch.float64)
    both = pj.twiss_table(make_ring(1, k1=strengths), PROTON, max_step=0.2)

    for n, k1 in enumerate(strengths.tolist()):
        alone = pj.twiss_table(make_ring(1, k1=k1), PROTON, max_step=0.2)
        for name in COLUMNS:
            np.testing.assert_allclose(both[name][n], alone[name], rtol=1e-12, atol=1e-12)


def test_a_longer_setting_is_cut_by_its_own_length() -> None:
    drift = torch.tensor([0.5, 1.5], dtype=torch.float64)
    cell = [
        pj.Quadrupole(0.2, k1=2.0, name="qf"),
        pj.Drift(drift, name="d"),
        pj.Quadrupole(0.2, k1=-2.0, name="qd"),
        pj.Drift(1.0, name="e"),
    ]
    both = pj.twiss_table(pj.Lattice(cell), PROTON, max_step=0.3)

    assert both.s.shape == both.beta_x.shape == (2, 1 + 5 + 1 + 4 + 1)
    np.testing.assert_allclose(np.diff(both.s).max(-1), [0.25, 0.3], rtol=1e-12)


def test_a_line_has_the_rows_of_the_ring_that_it_is() -> None:
    ring = pj.Lattice(
        [
            *[pj.Quadrupole(0.5, k1=1.2, name="qf"), pj.SBend(1.0, angle=0.2, name="b1")],
            *[pj.Quadrupole(0.5, k1=-1.2, name="qd"), pj.Drift(1.0, name="d")],
        ]
    )
    table = pj.twiss_table(ring, PROTON, max_step=0.1)
    line = pj.twiss_table(ring, PROTON, initial=table[0], max_step=0.1)

    for name in COLUMNS:
        np.testing.assert_allclose(line[name], table[name], rtol=1e-12, atol=1e-12)


def test_a_line_that_accelerates_is_cut_beside_its_cavities() -> None:
    electron = pj.Reference.from_kinetic("electron", 5e6)
    cavity = pj.RFCavity(1.0, voltage=2e7, frequency=1.3e9, accelerate=True, name="c")
    line = pj.Lattice(
        [
            *[pj.Drift(0.3, name="d1"), cavity, pj.Drift(1.0, name="d2")],
            *[pj.Quadrupole(0.2, k1=3.0, name="q"), pj.Drift(1.0, name="d3")],
        ]
    )
    start = pj.optics.Twiss(5.0, 0.0, 3.0, 0.5)
    table = pj.twiss_table(line, electron, initial=start)
    inside = pj.twiss_table(line, electron, initial=start, max_step=0.1)

    assert [inside.names.count(name) for name in table.names] == [3, 1, 10, 2, 10, 1]
    rows = [inside.index(name) for name in table.names]
    for name in COLUMNS:
        np.testing.assert_array_equal(inside[name][rows], table[name])
    s = slice(rows[2], rows[3])
    away = inside.s[s] - inside.s[rows[2]]
    begin = table[2]
    gamma = (1 + begin.alpha_x**2) / begin.beta_x
    expected = begin.beta_x - 2 * begin.alpha_x * away + gamma * away**2
    np.testing.assert_allclose(inside.beta_x[s], expected, rtol=1e-12)


def test_the_slope_of_the_largest_beta_is_that_of_rebuilt_rings() -> None:
    largest = lambda table: table.beta_x.max()  # noqa: E731
    value, slope = pj.optics.optics_gradient(
        largest, make_ring(1), PROTON, wrt=["qf.k1"], max_step=0.1
    )

    def rebuild(k1: float) -> Any:
        return pj.twiss_table(make_ring(10, k1=k1), PROTON).beta_x.max()

    step = 1e-5
    assert value == pytest.approx(rebuild(0.35), rel=1e-11)
    expected = (rebuild(0.35 + step) - rebuild(0.35 - step)) / (2 * step)
    assert slope[0] == pytest.approx(expected, rel=1e-7)


def test_rows_at_entrances_alone_are_the_default() -> None:
    ring = make_ring(1)
    table, coarse = pj.twiss_table(ring, PROTON), pj.twiss_table(ring, PROTON, max_step=10.0)

    assert len(table) == len(ring) + 1
    for name in COLUMNS:
        np.testing.assert_array_equal(coarse[name], table[name])


@pytest.mark.parametrize("step", [0.0, -0.1, float("nan"), "0.1", True, torch.tensor(0.1)])
def test_a_step_must_be_a_length(step: object) -> None:
    with pytest.raises(pj.errors.InvalidValueError, match="max_step must be a"):
        pj.twiss_table(make_ring(1), PROTON, max_step=step)


def test_rows_off_momentum_are_those_of_a_lattice_in_pieces() -> None:
    inside = pj.twiss_table(make_ring(1), PROTON, delta=0.002, max_step=0.25)
    pieces = pj.twiss_table(make_ring(4), PROTON, delta=0.002)

    # pieces of a bend have faces, and those of a sextupole are integrated in more steps
    rows = [n for n, kind in enumerate(inside.kinds) if kind != "SBend"]
    for name in COLUMNS:
        np.testing.assert_allclose(inside[name][rows], pieces[name][rows], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(inside.orbit, pieces.orbit, rtol=0, atol=1e-7)


def test_rows_of_the_ring_that_comes_with_the_package_are_those_of_madx() -> None:
    path = pj.io.example("ring.madx")
    with madx() as program:
        program.call(str(path))
        program.input("select, flag=interpolate, slice=4;")
        expected = program.twiss()
        tunes = float(program.table.summ.q1[0]), float(program.table.summ.q2[0])
        # MAD-X repeats the entrance within its cavities
        rows = [n for n, kind in enumerate(expected.keyword) if kind != "rfcavity"]
        s, beta_x, beta_y = (np.array(expected[name])[rows] for name in ("s", "betx", "bety"))
    file = pj.io.read_lattice(path, line="ring")
    table = pj.twiss_table(file.lattice, file.reference, max_step=0.05)

    np.testing.assert_allclose((table.tune_x, table.tune_y), tunes, rtol=0, atol=1e-9)
    near = np.searchsorted(table.s, s - 1e-9)
    there = np.abs(table.s[near] - s) < 1e-9
    assert there.sum() > 0.5 * len(s)
    np.testing.assert_allclose(table.beta_x[near][there], beta_x[there], rtol=1e-9)
    np.testing.assert_allclose(table.beta_y[near][there], beta_y[there], rtol=1e-9)


def test_more_settings_than_one_pass_takes_are_cut_alike() -> None:
    count = 1000
    lengths = torch.linspace(0.5, 1.5, count, dtype=torch.float64)
    cell = [
        *[pj.Drift(lengths, name="d1"), pj.Quadrupole(0.2, k1=1.0, name="qf")],
        *[pj.Drift(1.4, name="d2"), pj.Quadrupole(0.2, k1=-1.0, name="qd")],
    ]
    table = pj.twiss_table(pj.Lattice(cell * 12), PROTON, max_step=0.1)

    assert table.beta_x.shape == (count, 12 * (15 + 2 + 14 + 2) + 1)
    short = pj.Lattice([pj.Drift(0.5), *cell[1:]] * 12)
    expected = pj.twiss_table(short, PROTON)
    rows = [table.index("qf"), table.index("d2"), table.index("qd")]
    np.testing.assert_allclose(table.beta_x[0, rows], expected.beta_x[1:4], rtol=1e-12)

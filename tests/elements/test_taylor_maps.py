"""Elements by the Taylor series of their map: optics, derivatives, adjoints, what is refused."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from element_cases import MATRIX, PROTON, SECOND, points
from madx_program import madx

import pyjutrack as pj
from pyjutrack import testing
from pyjutrack.collective import Place
from pyjutrack.maps.state import State

QF, QD = pj.Quadrupole(0.5, 0.6, name="qf"), pj.Quadrupole(0.5, -0.6, name="qd")
SHRINKING = np.diag([0.9, 0.9, 1, 1, 1, 1])


def ring(*elements: pj.Element) -> pj.Lattice:
    return pj.Lattice([QF, pj.Drift(1.0), *elements, QD, pj.Drift(1.2)])


@pytest.mark.parametrize(
    "options",
    [
        MATRIX,
        {**MATRIX, "variables": "t pt"},
        {**MATRIX, **SECOND},
        {**MATRIX, **SECOND, "variables": "zeta pzeta"},
    ],
    ids=["linear", "in time", "second order", "second order in time"],
)
def test_slopes_by_its_entries(options: dict[str, Any]) -> None:
    """A few of many, against maps that are built anew."""
    lattice = pj.Lattice([pj.TaylorMap(length=0.3, name="m", **options)])
    beam = pj.Beam(PROTON, points(12))
    wanted = ["m.kick[1]", "m.matrix[1]", *(["m.second[7]"] if "second" in options else [])]
    size = pj.observables.size("x")
    expected = []
    for address in wanted:
        field, place = address[2:-1].split("[")
        expected.append(difference(options, field, int(place), beam))
    found = [pj.gradient(size, lattice, beam, wrt=wanted, mode="forward")]
    found += [
        pj.gradient(size, lattice, beam, wrt=wanted, adjoint=adjoint)
        for adjoint in ("store", "checkpoint", "reversible")
    ]
    for slopes in found:
        np.testing.assert_allclose(slopes, expected, rtol=1e-6, atol=1e-12)


def difference(options: dict[str, Any], field: str, place: int, beam: pj.Beam) -> float:
    """Slope of the size by an entry, from maps that are built anew."""

    def at(shift: float) -> float:
        entries = list(options[field])
        entries[place] += shift
        element = pj.TaylorMap(length=0.3, **{**options, field: entries})
        return float(pj.observables.size("x")(pj.track(pj.Lattice([element]), beam)))

    h = 1e-5
    return (at(h) - at(-h)) / (2 * h)


def test_the_small_one_passes_all_checks() -> None:
    testing.check_element(pj.TaylorMap(np.diag([2, 0.5, 1, 1, 1, 1]), length=0.1))


@pytest.mark.parametrize("kind", [pj.Quadrupole, pj.SBend])
def test_the_jacobian_of_an_element_stands_for_it(kind: Any) -> None:
    """In optics, and in tracking to second order in what is left out."""
    element = kind(0.5, 0.1)
    matrix = pj.jacobian(pj.Lattice([element]), PROTON)
    stand_in = pj.TaylorMap(matrix, length=0.5)
    assert stand_in.is_symplectic
    found, expected = (pj.twiss_table(ring(e), PROTON) for e in (stand_in, element))
    for name in ("tune_x", "tune_y", "slip_factor", "momentum_compaction"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-9), name
    np.testing.assert_allclose(found.s, expected.s)


def test_tunes_are_those_of_madx_also_where_it_is_not_symplectic() -> None:
    text = f"""
        beam, particle=proton, pc={PROTON.p0c / 1e9!r};
        qf: quadrupole, l=0.5, k1=0.6; qd: quadrupole, l=0.5, k1=-0.6;
        mm: matrix, l=0.2, rm12=0.2, rm21=-0.01, rm33=1.01, rm34=0.1;
        d1: drift, l=1; d2: drift, l=1.2;
        ring: line=(qf, d1, mm, qd, d2); use, sequence=ring;"""
    with madx(text) as mad:
        summary = mad.twiss().summary
        expected, length = (float(summary.q1), float(summary.q2)), float(summary.length)
    matrix = np.eye(6)
    matrix[0, 1], matrix[1, 0], matrix[2, 2], matrix[2, 3] = 0.2, -0.01, 1.01, 0.1
    lattice = ring(pj.TaylorMap(matrix, length=0.2, variables="t pt", name="mm"))
    with pytest.warns(pj.errors.SymplecticityWarning, match="TaylorMap 'mm', by 0.01"):
        found = pj.twiss_table(lattice, PROTON)
    assert found.s[-1] == pytest.approx(length)
    assert (found.tune_x, found.tune_y) == pytest.approx(expected, abs=1e-7)


def test_which_are_symplectic() -> None:
    assert pj.TaylorMap().is_symplectic
    assert pj.TaylorMap(**MATRIX).is_symplectic
    assert not pj.TaylorMap(SHRINKING).is_symplectic
    assert not pj.TaylorMap(**MATRIX, **SECOND).is_symplectic
    assert pj.Quadrupole(0.1, 1.0).is_symplectic


def test_a_series_whose_linear_part_is_symplectic_warns_of_nothing() -> None:
    second = np.zeros((6, 6, 6))
    second[1, 0, 0] = -0.3
    sextupole = pj.Multipole(knl=(0.0, 0.0, 0.6))
    found, expected = (
        pj.twiss_table(ring(e), PROTON, chromatic=True)
        for e in (pj.TaylorMap(second=second), sextupole)
    )
    assert found.tune_x == pytest.approx(expected.tune_x, abs=1e-14)
    assert found.chromaticity_x == pytest.approx(expected.chromaticity_x, rel=1e-9)


def test_the_backward_pass_keeps_the_beam_before_what_has_no_inverse() -> None:
    beam = pj.Beam(PROTON, 0.1 * points(20))
    flat = pj.TaylorMap(np.diag([1, 1, 0, 0, 1, 1]), name="m")
    second = pj.TaylorMap(**MATRIX, **SECOND, name="m")
    for element in (flat, second):
        lattice = ring(element)
        slopes = [
            pj.gradient(pj.observables.size("x"), lattice, beam, wrt=["qf.k1"], adjoint=adjoint)
            for adjoint in ("store", "reversible")
        ]
        np.testing.assert_allclose(*slopes, rtol=1e-12)


def test_without_rf_nothing_depends_on_the_time() -> None:
    element = pj.TaylorMap(**MATRIX, **SECOND).without_rf()
    lattice = pj.Lattice([element])
    for row in 0.1 * points(3):
        matrix = pj.jacobian(lattice, PROTON, at=row)
        np.testing.assert_array_equal(matrix[5], np.eye(6)[5])
        np.testing.assert_array_equal(matrix[:, 4], np.eye(6)[:, 4])


@dataclass(frozen=True)
class Push(pj.CollectiveEffect):
    """A kick along lengths."""

    max_step: float = 0.1

    def field(self, beam: pj.Beam, state: State, place: Place, memory: Any) -> Any:
        return 1e-3 * place.ds

    def apply(self, state: State, field: Any, place: Place) -> State:
        x, px, *rest = state.coordinates
        return state._replace(coordinates=(x, px + field, *rest))


def test_effects_along_its_length_act_before_and_after_it() -> None:
    matrix = np.diag([2, 0.5, 1, 1, 1, 1])
    beam = pj.Beam(PROTON, points(4))
    (found,) = (
        pj.track(pj.Lattice([pj.TaylorMap(matrix, length=0.2)]), beam, effects=[Push()])
        .coordinates[:, 1]
        .unsqueeze(0)
    )
    expected = 0.5 * (beam.coordinates[:, 1] + 1e-4) + 1e-4
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-16)


def test_knobs_have_the_places_of_rows_and_columns() -> None:
    element = pj.TaylorMap(np.arange(36.0).reshape(6, 6), second=np.arange(216.0), name="m")
    lattice = pj.Lattice([element])
    i, j, k = 2, 5, 3
    assert lattice.value(f"m.matrix[{6 * (i - 1) + j - 1}]") == np.arange(36.0).reshape(6, 6)[1, 4]
    place = 36 * (i - 1) + 6 * (j - 1) + k - 1
    assert lattice.value(f"m.second[{place}]") == np.arange(216.0).reshape(6, 6, 6)[1, 4, 2]


@pytest.mark.parametrize("suffix", ["json", "pals.yaml"])
@pytest.mark.filterwarnings("ignore::pyjutrack.errors.LatticeWarning")
def test_files_give_it_back(suffix: str, tmp_path: Path) -> None:
    if suffix != "json":
        pytest.importorskip("yaml")
    lattice = pj.Lattice([pj.TaylorMap(**MATRIX, **SECOND, variables="t pt", name="m")])
    pj.write_lattice(tmp_path / f"a.{suffix}", lattice)
    assert pj.read_lattice(tmp_path / f"a.{suffix}").lattice == lattice


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"matrix": np.eye(4)}, r"TaylorMap 'm': matrix must have 36 entries, got 16"),
        ({"matrix": 1.0}, "matrix must have 36 entries, got 1"),
        ({"kick": [1.0, 2.0]}, "kick must have 6 entries, got 2"),
        ({"second": np.zeros((6, 6))}, "second must have 0 or 216 entries, got 36"),
        ({"kick": np.zeros((2, 3))}, r"kick must have the shape \(6,\), got \(2, 3\)"),
        ({"matrix": [[1.0] * 12] * 3}, r"shape \(36,\) or \(6, 6\), got \(3, 12\)"),
        ({"kick": ["a"] * 6}, "kick must be a number, got 'a'"),
        ({"kick": [np.nan] * 6}, "kick must be finite"),
        ({"variables": "x y"}, "variables of TaylorMap 'm'"),
    ],
)
def test_bad_series_are_refused_by_name(given: dict[str, Any], message: str) -> None:
    with pytest.raises(pj.errors.PyJuTrackError, match=message):
        pj.TaylorMap(name="m", **given)

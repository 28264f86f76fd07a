"""Elements of Xsuite's files move particles as xtrack does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xsuite_lines import track_here, track_there, write_line, xt

import pyjutrack as pj

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

_FINE = {"model": "bend-kick-bend", "num_multipole_kicks": 350}
_BEND = {"length": 1.2, "angle": 0.15, **_FINE}
_RECTANGLE = {"length_straight": 1.2, "angle": 0.15, **_FINE}
_EDGES = {
    **{"edge_entry_angle": 0.05, "edge_exit_angle": 0.08, "edge_entry_fint": 0.5},
    **{"edge_exit_fint": 0.4, "edge_entry_hgap": 0.03, "edge_exit_hgap": 0.02},
}
_QUAD = {"length": 0.5, "k1": 0.8}
_MATRIX = np.eye(6) + 0.1 * np.random.default_rng(1).normal(size=(6, 6))
_SERIES = np.random.default_rng(2).normal(size=(6, 6, 6))
#: by how much their integration and ours may differ, for particles of 1e-4
_CASES: list[tuple[str, dict[str, Any], float]] = [
    ("Drift", {"length": 2.0}, 1e-14),
    ("Drift", {"length": 2.0, "model": "exact"}, 1e-14),
    ("DriftExact", {"length": 2.0}, 1e-14),
    ("Marker", {}, 1e-15),
    ("Quadrupole", _QUAD, 1e-14),
    ("Quadrupole", {**_QUAD, "knl": [1e-4, 0.02, 0.3], "ksl": [2e-4, 0.01, 0, 5.0]}, 1e-13),
    ("Quadrupole", {**_QUAD, "knl": [1e-4, 0.02], "num_multipole_kicks": 3}, 1e-13),
    ("Quadrupole", {**_QUAD, "knl_rel": [0, 0.1, 0.2], "ksl_rel": [0, 0.05]}, 1e-13),
    ("Quadrupole", {**_QUAD, "rot_s_rad": 0.3}, 1e-14),
    (
        "Quadrupole",
        {**_QUAD, "k1s": 0.3, "integrator": "uniform", "num_multipole_kicks": 900},
        1e-10,
    ),
    ("Sextupole", {"length": 0.3, "k2": 8.0, "k2s": 2.0}, 1e-14),
    ("Sextupole", {"length": 0.3, "k2": 8.0, "knl_rel": [1e-3, 2e-3]}, 1e-14),
    (
        "Sextupole",
        {"length": 0.3, "k2": 8.0, "integrator": "yoshida-4", "num_multipole_kicks": 6},
        1e-14,
    ),
    ("Octupole", {"length": 0.3, "k3": 80.0, "k3s": 20.0}, 1e-14),
    ("Bend", _BEND, 1e-13),
    ("Bend", {"length": 1.2, "angle": 0.15}, 2e-9),
    ("Bend", {**_BEND, "k0": 0.13, **_EDGES}, 1e-11),
    ("Bend", {**_BEND, **_EDGES, "knl": [1e-3], "rot_s_rad": 0.4}, 1e-11),
    ("Bend", {**_BEND, "edge_entry_active": False, **_EDGES}, 1e-12),
    ("Bend", {**_BEND, **_EDGES, "edge_exit_model": "suppressed"}, 1e-12),
    ("Bend", {**_BEND, "edge_entry_model": "full", "edge_exit_model": "full"}, 1e-12),
    (
        "Bend",
        {**_BEND, "k1": 0.4, "k2": 1.0},
        1e-10,
    ),
    (
        "Bend",
        {**_BEND, "knl": [1e-3, 0.2, 0.5]},
        1e-10,
    ),
    (
        "Bend",
        {**_BEND, "knl_rel": [0.01, 0.1]},
        1e-10,
    ),
    ("Bend", {**_BEND, "k1": 0.4, "model": "mat-kick-mat"}, 1e-7),
    ("Bend", {"length": 1.0, "angle": 0.0, "k0": 1e-3}, 1e-13),
    ("RBend", {**_RECTANGLE}, 1e-12),
    ("RBend", {**_RECTANGLE, "rbend_angle_diff": 0.02, **_EDGES}, 1e-11),
    ("RBend", {**_RECTANGLE, "edge_exit_active": False}, 1e-12),
    ("Magnet", {"length": 0.5, "k1": 0.8, "k2": 2.0, "k1s": 0.0, "k0s": 1e-3}, 1e-7),
    ("Magnet", {**_BEND, **_EDGES}, 1e-11),
    ("Magnet", {"length": 0.4, "knl": [1e-3]}, 1e-13),
    ("Multipole", {"knl": [1e-3, 0.2, 3.0], "ksl": [2e-4, 0.1]}, 1e-14),
    ("Multipole", {"knl": [1e-3, 0.2], "length": 0.7}, 1e-14),
    ("Multipole", {"knl": [1e-3, 0.2], "length": 0.7, "isthick": True}, 1e-14),
    ("Multipole", {"knl": [0, 0.2], "knl_rel": [0, 0, 0.1], "main_order": 1}, 1e-14),
    ("Multipole", {"knl": [0.1, 0.2, 3.0], "ksl": [1e-3, 0.1], "hxl": 0.1, "length": 0.7}, 1e-14),
    ("Multipole", {"knl": [0.11, 0.2], "hxl": 0.1}, 1e-14),
    ("TimeDelay", {"shift_zeta": 1e-3}, 1e-14),
    ("ZetaShift", {"dzeta": 1e-3}, 1e-14),
    ("Translation", {"shift_x": 1e-3, "shift_s": 5e-3}, 1e-13),
    ("FirstOrderTaylorMap", {"m0": [0, 1e-4, 0, 0, 1e-4, 0], "m1": _MATRIX, "length": 0.3}, 1e-13),
    ("SecondOrderTaylorMap", {"R": _MATRIX, "T": _SERIES, "length": 0.3}, 1e-13),
    ("DipoleEdge", {"k": 0.2, "e1": 0.1, "hgap": 0.02, "fint": 0.5}, 1e-15),
    ("UniformSolenoid", {"length": 1.5, "ks": 0.3}, 1e-13),
    ("UniformSolenoid", {"length": 1.5, "ks": 0.3, "x0": 1e-3, "y0": -2e-3}, 1e-13),
    ("VariableSolenoid", {"length": 1.5, "ks_profile": [0.3, 0.3]}, 1e-13),
    *(("Cavity", {"voltage": 1e6, "frequency": 4e8, "phase": p}, 1e-13) for p in (0.0, 0.4, 3.0)),
    ("Cavity", {"voltage": 1e6, "frequency": 4e8, "lag": 60.0}, 1e-13),
    ("Cavity", {"voltage": 1e6, "frequency": 4e8, "length": 0.5, "phase": 3.0}, 1e-12),
    ("Cavity", {"voltage": 1e6, "harmonic": 2.0, "phase": 0.5}, 1e-13),
    ("CrabCavity", {"crab_voltage": 1e6, "frequency": 4e8, "phase": 0.3}, 1e-13),
    ("RFMultipole", {"frequency": 4e8, "knl": [1e-4], "phase_n": [0.3]}, 1e-13),
    ("RFMultipole", {"frequency": 4e8, "ksl": [1e-4], "phase_s": [1.2]}, 1e-13),
    (
        "RFMultipole",
        {"frequency": 4e8, "voltage": 1e5, "phase": 0.3, "knl": [1e-4], "pn": [20.0]},
        1e-13,
    ),
    ("RFMultipole", {"knl": [1e-4, 0.1], "ksl": [0, 0.2], "phase_n": [0.3, 0.2]}, 1e-14),
    ("Translation", {"shift_x": 1e-3, "shift_y": -2e-3}, 1e-15),
    ("XYShift", {"dx": 1e-3, "dy": -2e-3}, 1e-15),
    ("Rotation", {"rot_x_rad": 2e-3, "rot_y_rad": -3e-3, "rot_s_rad": 0.1}, 1e-14),
    ("Rotation", {"rot_x_rad": 2e-3, "rot_y_rad": -3e-3, "rot_s_rad": 0.1, "seq": "sxy"}, 1e-14),
    *((f"{axis}Rotation", {"angle": 0.2}, 1e-14) for axis in "SXY"),
    ("LimitRect", {"min_x": -0.03, "max_x": 0.02}, 1e-15),
]


@pytest.mark.parametrize(("kind", "given", "close"), _CASES)
def test_an_element_moves_particles_as_there(
    kind: str, given: dict[str, Any], close: float, tmp_path: Path
) -> None:
    path = tmp_path / "line.json"
    elements = {"e": getattr(xt, kind)(**given), "d": xt.Drift(length=0.1, model="exact")}
    line = write_line(path, elements)
    found = pj.read_lattice(path, strict=True)
    expected = track_there(line)
    np.testing.assert_allclose(track_here(found), expected, rtol=0, atol=close)
    if kind not in ("Marker", "LimitRect"):  # which leave particles alone
        del elements["e"]
        without = track_there(write_line(path, elements))
        assert np.abs(without - expected).max() > 1e-9


_MOVED = {
    **{"shift_x": 1e-3, "shift_y": -2e-3, "shift_s": 3e-3, "rot_s_rad_no_frame": 0.02},
    **{"rot_x_rad": 2e-3, "rot_y_rad": -3e-3, "rot_s_rad": 0.1},
}


@pytest.mark.parametrize(
    "moved",
    [
        *({name: value} for name, value in _MOVED.items()),
        _MOVED,
        {**_MOVED, "rot_shift_anchor": 0.3},
        {"shift_x": 1e-3, "rot_y_rad": 2e-3, "rot_shift_anchor": 0.6},
    ],
)
@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("Quadrupole", _QUAD),
        ("Multipole", {"knl": [0, 0.2, 3.0]}),
        ("Bend", {**_BEND, "k0": 0.13, **_EDGES}),
        ("UniformSolenoid", {"length": 1.5, "ks": 0.3}),
    ],
)
def test_a_displaced_element_stands_where_it_does_there(
    kind: str, given: dict[str, Any], moved: dict[str, float], tmp_path: Path
) -> None:
    path = tmp_path / "line.json"
    line = write_line(path, {"e": getattr(xt, kind)(**given, **moved)})
    found = pj.read_lattice(path, strict=True)
    np.testing.assert_allclose(track_here(found), track_there(line), rtol=0, atol=2e-11)


_SLICED = {
    "Quadrupole": {**_QUAD, "knl": [1e-4]},
    "Sextupole": {"length": 0.3, "k2": 8.0},
    "Octupole": {"length": 0.3, "k3": 80.0},
    "Bend": {**_BEND, **_EDGES, "k0": 0.13},
    "RBend": {**_RECTANGLE},
    "Multipole": {"length": 0.4, "knl": [1e-3, 0.2], "isthick": True},
    "Cavity": {"length": 0.4, "voltage": 1e6, "frequency": 4e8},
    "UniformSolenoid": {"length": 1.5, "ks": 0.3},
    "Drift": {"length": 1.5},
}


@pytest.mark.parametrize("moved", [{}, {"shift_x": 1e-3, "rot_y_rad": 2e-4, "rot_s_rad": 0.1}])
@pytest.mark.parametrize("kind", _SLICED)
def test_a_sliced_element_moves_particles_as_there(
    kind: str, moved: dict[str, float], tmp_path: Path
) -> None:
    path = tmp_path / "line.json"
    own = moved if kind != "Drift" else {}
    line = write_line(path, {"e": getattr(xt, kind)(**_SLICED[kind], **own)})
    length = line.get_length()
    line.slice_thick_elements([xt.Strategy(xt.Uniform(3, mode="thick"))])
    if kind == "Drift":
        line.cut_at_s([0.5, 1.0])
    line.to_json(str(path))
    found = pj.read_lattice(path, strict=True)
    assert len(found.lattice) > 2
    assert float(found.lattice.length) == pytest.approx(length, abs=1e-12)
    np.testing.assert_allclose(track_here(found), track_there(line), rtol=0, atol=2e-11)


@pytest.mark.parametrize("kind", [kind for kind in _SLICED if kind[0] not in "UD"])
def test_thin_slices_kick_as_there(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "line.json"
    line = write_line(path, {"e": getattr(xt, kind)(**_SLICED[kind])})
    line.slice_thick_elements([xt.Strategy(xt.Teapot(4))])
    line.to_json(str(path))
    found = pj.read_lattice(path, strict=True)
    np.testing.assert_allclose(track_here(found), track_there(line), rtol=0, atol=1e-13)


def test_a_replica_is_the_element_that_it_stands_for(tmp_path: Path) -> None:
    path = tmp_path / "line.json"
    elements = {"q": xt.Quadrupole(**_QUAD), "r": xt.Replica("q"), "s": xt.Replica("r")}
    line = write_line(path, elements)
    found = pj.read_lattice(path, strict=True)
    assert found.lattice.names == ["q"]
    np.testing.assert_allclose(track_here(found), track_there(line), rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("LimitRect", {"min_x": -0.01, "max_x": 0.03, "min_y": -0.02, "max_y": 0.01}),
        ("LimitRect", {"max_x": 0.01}),
        ("LimitRect", {"min_x": -0.01, "max_x": 0.03, "shift_x": 5e-3, "rot_s_rad": 0.7}),
        ("LimitEllipse", {"a": 0.02, "b": 0.01}),
        ("LimitRectEllipse", {"max_x": 0.015, "max_y": 0.02, "a": 0.02, "b": 0.012}),
        ("LimitPolygon", {"x_vertices": [0.02, -0.01, -0.02], "y_vertices": [-0.02, 0.03, 0.0]}),
        (
            "LimitRacetrack",
            {"min_x": -0.02, "max_x": 0.02, "min_y": -0.01, "max_y": 0.02, "a": 0.008, "b": 0.005},
        ),
    ],
)
def test_an_opening_loses_the_particles_that_it_loses_there(
    kind: str, given: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "line.json"
    line = write_line(path, {"a": getattr(xt, kind)(**given), "d": xt.Drift(length=0.1)})
    rows = np.zeros((2000, 6))
    rows[:, [0, 2]] = np.random.default_rng(1).uniform(-0.04, 0.04, (2000, 2))
    particles = xt.Particles(
        p0c=2e9, mass0=xt.PROTON_MASS_EV, x=rows[:, 0].copy(), y=rows[:, 2].copy()
    )
    line.track(particles)
    kept = np.sort(particles.particle_id[particles.state > 0])
    found = pj.read_lattice(path, strict=True)
    beam = pj.track(found.lattice, pj.Beam.from_array(found.reference, rows))
    assert 50 < len(kept) < 1950
    np.testing.assert_array_equal(np.flatnonzero(beam.alive.numpy()), kept)

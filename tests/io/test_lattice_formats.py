"""Readers by file, pyAT's formats, and files that are none."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import machine_data
import numpy as np
import pytest
import torch
from examples_loader import load_example

import pyjutrack as pj
from pyjutrack.errors import LatticeFileError, LatticeWarning
from pyjutrack.io import read_lattice, write_lattice
from pyjutrack.io.at.element import at_element
from pyjutrack.io.at.placement import placement

DATA = Path(machine_data.__file__).parent


@pytest.fixture(scope="module")
def booster() -> tuple[pj.Lattice, pj.Reference]:
    return load_example("rings/psb").psb()


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_our_own_formats_keep_a_machine(booster, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"booster{suffix}"
    write_lattice(path, *booster)
    found = read_lattice(path)
    assert found.notes == ()
    assert found.reference.p0c == pytest.approx(booster[1].p0c, rel=1e-15)
    assert [e.name for e in found.lattice] == [e.name for e in booster[0]]
    beam = pj.Beam(booster[1], 1e-3 * torch.randn(20, 6, dtype=torch.float64))
    out, expected = (pj.track(line, beam).numpy() for line in (found.lattice, booster[0]))
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-13)


def test_at_files_note_missing_features() -> None:
    with pytest.warns(LatticeWarning, match="things could not be represented"):
        found = read_lattice(DATA / "hmba.mat")
    assert any("32 of these periods" in n.message for n in found.notes)
    assert any(n.element == "DQ1B" and "Fringe" in n.message for n in found.notes)
    assert found.lattice["QF1A"].fringe == "hard-edge"  # type: ignore[attr-defined]
    with pytest.raises(LatticeFileError, match="59 things could not be represented"):
        read_lattice(DATA / "hmba.mat", strict=True)
    magnets = [e for e in found.lattice if isinstance(e, pj.Quadrupole)]
    assert all((e.model, e.order, e.steps) == ("paraxial", 4, 20) for e in magnets) or all(
        (e.model, e.order) == ("paraxial", 4) for e in magnets
    )


@pytest.mark.filterwarnings("ignore")
def test_the_errors_of_a_machine_as_pyat_tracks_them() -> None:
    """Magnets that are shifted, rolled and turned about x and y by T1, T2, R1, R2."""
    at = pytest.importorskip("at")
    found = read_lattice(DATA / "err.mat")
    theirs = at.load_lattice(str(DATA / "err.mat"))
    x, px, y, py, delta = 1e-4, 3e-5, -7e-5, 2e-5, 1e-4
    start = torch.tensor([[x, px, y, py, 0.0, delta]], dtype=torch.float64)
    beam = pj.Beam(found.reference, start)
    seen = set()
    for ours, source in list(zip(found.lattice, theirs, strict=True))[:1200]:
        if not (ours.x_rot or ours.y_rot) or source.FamName in seen:
            continue
        seen.add(source.FamName)
        end = np.asfortranarray([[x], [px], [y], [py], [delta], [0.0]])
        expected = np.ravel(source.track(end))[:4]
        out = pj.track(pj.Lattice([ours]), beam).coordinates.numpy()[0, :4]
        # they turn faces in first order of the angles, up to 1e-3
        np.testing.assert_allclose(out, expected, rtol=0, atol=2e-7)
    assert len(seen) > 5
    assert not any("no displacement" in n.message for n in found.notes)


@pytest.mark.filterwarnings("ignore")
def test_the_face_of_a_bend_with_a_gap_is_noted() -> None:
    found = read_lattice(DATA / "thomx.m")
    assert any(n.element == "BEND" and "field integral" in n.message for n in found.notes)


@pytest.mark.filterwarnings("ignore")
def test_xsuite_and_at_json(booster, tmp_path: Path) -> None:
    """A ring that xtrack and pyAT wrote is the one that was given to them."""
    pytest.importorskip("xtrack")
    pytest.importorskip("xsuite", reason="xtrack's compiled kernels are in the package xsuite")
    lattice = pj.Lattice(
        [
            pj.Quadrupole(0.4, 1.1, model="exact", steps=4, name="q1"),
            pj.Drift(1.0, name="d1"),
            pj.SBend(1.2, 0.2, e1=0.1, e2=0.1, name="b1"),
            pj.Drift(1.0, name="d2"),
            pj.Sextupole(0.2, 3.0, name="s1"),
        ]
    )
    electron = pj.Reference.from_total("electron", 3e9)
    line = load_example("rings/peer_xtrack").to_line(list(lattice), electron)
    line.to_json(str(tmp_path / "x.json"))
    found = read_lattice(tmp_path / "x.json", reference=electron)
    kept = [e for e in found.lattice if not isinstance(e, pj.Marker)]
    assert [type(e) for e in kept] == [type(e) for e in lattice]
    assert kept[0].k1 == pytest.approx(1.1)
    assert (kept[2].angle, kept[2].e1) == pytest.approx((0.2, 0.1))
    assert kept[4].k2 == pytest.approx(3.0)
    peer = load_example("rings/peer_at")
    theirs = peer.to_lattice(list(lattice), peer.fast(electron))
    theirs.save(str(tmp_path / "a.json"))
    again = read_lattice(tmp_path / "a.json").lattice
    beam = pj.Beam(peer.fast(electron), 1e-3 * torch.randn(20, 6, dtype=torch.float64))
    out, expected = (pj.track(line, beam).numpy() for line in (again, lattice))
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-12)


def test_files_that_are_none(tmp_path: Path) -> None:
    cut = (DATA / "hmba.mat").read_bytes()[:3000]
    half = "\n".join((DATA / "esrf.m").read_text(errors="replace").splitlines()[:200])
    for name, content, said in (
        ("a.mat", cut, "damaged: a part of 8871 bytes where 2864 are left"),
        ("a.mat", b"abc", "no MATLAB file"),
        ("a.mat", b"", "no MATLAB file"),
        ("a.m", half.encode(), "cut off"),
        ("a.madx", b"\x00\x01\x02\xff\xfe", "not a text file"),
        ("a.json", b'{"elements": [', "no JSON"),
        ("a.json", b"\xff\xfe\x00", "not a text file"),
        ("a.json", b'{"a": 1}', "the content is none of .own"),
        ("a.json", json.dumps({"pyjutrack": 99}).encode(), "99"),
        ("a.yaml", b"a: [1, 2", "a.yaml:"),
        ("a.txt", b"hello", "belongs to no format"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(LatticeFileError, match=said) as caught:
                read_lattice(path)
        assert name in str(caught.value)
    with pytest.raises(LatticeFileError, match="no such file"):
        read_lattice(tmp_path / "nowhere.mat")
    with pytest.raises(LatticeFileError, match="a folder"):
        read_lattice(tmp_path)
    with pytest.raises(pj.errors.UnknownNameError, match="madx"):
        read_lattice(tmp_path / "a.txt", format="madxx")
    with pytest.raises(pj.errors.InvalidValueError, match="txt"):
        write_lattice(tmp_path / "b.txt", pj.Lattice([pj.Drift(1.0)]))
    assert not (tmp_path / "b.txt").exists()


@pytest.mark.parametrize("turned", [("R1",), ("R2",), ("R1", "R2")])
def test_a_roll_of_at_is_one_on_both_sides(turned: tuple[str, ...]) -> None:
    """R2 undoes R1; where only one of them turns, it is no roll, and that is said."""
    c, s = np.cos(0.1), np.sin(0.1)
    first = np.diag([c, c, c, c, 1.0, 1.0])
    first[[0, 1], [2, 3]], first[[2, 3], [0, 1]] = s, -s
    matrices = {"R1": first, "R2": first.T}
    said: list[str] = []
    fields = {"FamName": "m", "Class": "Marker", **{name: matrices[name] for name in turned}}
    found = placement(at_element(fields, said.append), said.append)
    if len(turned) == 2:
        assert found == {"tilt": pytest.approx(0.1)}
        assert not said
    else:
        assert found == {}
        assert said == ["R1 and R2 are no pure roll; left out"]


def test_a_rotation_of_another_shape_is_none() -> None:
    fields = {"FamName": "m", "Class": "Marker", "R1": np.eye(6)[:, :1]}
    with pytest.raises(ValueError, match="R1 has 6 numbers in place of 36"):
        placement(at_element(fields, print), print)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("Bend", {"length": 1.0, "angle": 0.1, "k0": 0.1}),
        ("Bend", {"length": 1.0, "angle": 0.1}),
        ("Bend", {"length": 1.0, "angle": 0.1, "k0": 0.11}),
        ("Bend", {"length": 1.0, "angle": 0.1, "k0": 0.1, "knl": [1e-3]}),
        ("RBend", {"length_straight": 1.0, "angle": 0.1, "k0": 0.1}),
        ("Multipole", {"knl": [1e-3, 0.1], "length": 1.0}),
        ("Multipole", {"knl": [1e-3, 0.1]}),
        *(("Cavity", {"voltage": 1e6, "frequency": 5e8, "lag": n}) for n in (0, 30, 180, -75)),
    ],
)
def test_what_xsuite_means(kind: str, given: dict[str, Any], tmp_path: Path) -> None:
    """Particles that xtrack tracks, and ours."""
    xt = pytest.importorskip("xtrack")
    pytest.importorskip("xsuite", reason="xtrack's compiled kernels are in the package xsuite")
    elements = [getattr(xt, kind)(**given), xt.Drift(length=0.1)]
    line = xt.Line(elements=elements, element_names=["e", "d"])
    at = [1e-3, 1e-4, 1e-3, -1e-4, 1e-3, 1e-3]
    names = ("x", "px", "y", "py", "zeta", "delta")
    particle = {"mass0": xt.ELECTRON_MASS_EV, "q0": -1, "p0c": 1e9}
    line.particle_ref = xt.Particles(**particle)
    line.to_json(str(tmp_path / "x.json"))
    line.build_tracker()
    moved = xt.Particles(**particle, **dict(zip(names, at, strict=True)))
    line.track(moved)
    found = read_lattice(tmp_path / "x.json")
    end = pj.track(found.lattice, pj.Beam.from_array(found.reference, [at])).numpy()[0]
    expected = [float(getattr(moved, n)[0]) for n in names]
    # paraxial, by pyAT's choice: to third order in the slopes
    np.testing.assert_allclose(end, expected, rtol=0, atol=1e-7 + 2 * abs(expected[1]) ** 3)

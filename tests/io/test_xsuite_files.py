"""Layouts of Xsuite's files, and what of them cannot be represented."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xsuite_lines import PARTICLE, edit, track_here, track_there, write_line, xt

import pyjutrack as pj
from pyjutrack.errors import LatticeFileError, LatticeWarning

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


def _elements() -> dict[str, Any]:
    return {
        "qf": xt.Quadrupole(length=0.3, k1=1.2),
        "d": xt.Drift(length=0.5),
        "qd": xt.Quadrupole(length=0.3, k1=-1.2, knl=[1e-3]),
        "b": xt.Bend(length=1.0, angle=0.1),
    }


_NAMES = ["qf", "d", "qd", "d", "b"]


@pytest.fixture
def line(tmp_path: Path) -> Any:
    return write_line(tmp_path / "line.json", _elements(), _NAMES)


def _read(path: Path, **options: Any) -> pj.io.LatticeFile:
    return pj.read_lattice(path, strict=True, **options)


def test_a_line(line: Any, tmp_path: Path) -> None:
    found = _read(tmp_path / "line.json")
    assert [e.name for e in found.lattice] == _NAMES
    assert found.lattice[1] is found.lattice[3]
    assert found.reference.species == pj.Species("proton", PARTICLE["mass0"], 1.0)
    assert found.reference.p0c == PARTICLE["p0c"]
    np.testing.assert_allclose(track_here(found), track_there(line), rtol=0, atol=1e-9)


def test_a_line_of_an_environment(tmp_path: Path) -> None:
    path = tmp_path / "env.json"
    env = xt.Environment(element_dict=_elements())
    env.new_line(name="ring", components=_NAMES)
    env.particle_ref = xt.Particles(**PARTICLE)
    env.to_json(str(path))
    assert [e.name for e in _read(path).lattice] == _NAMES
    assert _read(path).reference.p0c == PARTICLE["p0c"]
    env.new_line(name="half", components=["qf", "d"])
    env["half"].particle_ref = xt.Particles(mass0=xt.ELECTRON_MASS_EV, q0=-1, p0c=1e9)
    env.to_json(str(path))
    with pytest.raises(
        LatticeFileError, match=r"several lines, name one with line=: (ring, half|half, ring)"
    ):
        pj.read_lattice(path)
    with pytest.raises(
        LatticeFileError, match=r"no line named 'no'; the file has (ring, half|half, ring)"
    ):
        pj.read_lattice(path, line="no")
    found = _read(path, line="half")
    assert [e.name for e in found.lattice] == ["qf", "d"]
    assert found.reference.species.name == "electron"
    assert _read(path, line="ring").reference.species.name == "proton"


def test_particles_that_have_names(tmp_path: Path) -> None:
    path = tmp_path / "env.json"
    env = xt.Environment(element_dict=_elements())
    env.new_particle("beam", mass0=xt.PROTON_MASS_EV, q0=1, p0c=3e9)
    env.new_line(name="ring", components=_NAMES)
    env["ring"].particle_ref = "beam"
    env.to_json(str(path))
    assert _read(path).reference.p0c == 3e9
    edit(path, lambda data: data["lines"]["ring"].update(particle_ref="none"))
    edit(path, lambda data: data["lines"]["ring"].pop("env_particles", None))
    with pytest.raises(LatticeFileError, match="names 'none'"):
        pj.read_lattice(path)


def test_older_layouts(line: Any, tmp_path: Path) -> None:
    """A list of elements; a line and a particle side by side; lines with elements of their own."""
    path = tmp_path / "line.json"
    expected = track_here(_read(path))
    data = json.loads(path.read_text())
    elements = [data["elements"][name] for name in _NAMES]
    names = [f"{name}.{n}" for n, name in enumerate(_NAMES)]
    older = {"elements": elements, "element_names": names}
    particle = data["particle_ref"]
    for layout in (
        {**older, "particle_ref": particle},
        {"line": older, "particle": particle},
        {"lines": {"b1": {**older, "particle_ref": particle}}},
    ):
        path.write_text(json.dumps(layout))
        found = _read(path)
        assert [e.name for e in found.lattice] == names
        np.testing.assert_array_equal(track_here(found), expected)


def test_names_of_storage_in_older_files(tmp_path: Path) -> None:
    """Numbers stand for words, and underscores before names."""
    path = tmp_path / "line.json"
    given = {"k1": 0.5, "knl": [0, 0, 0.4], "integrator": "uniform", "num_multipole_kicks": 3}
    write_line(
        path,
        {
            "q": xt.Quadrupole(length=0.4, model="mat-kick-mat", **given),
            "b": xt.Bend(length=1.0, angle=0.1, k0=0.11, edge_exit_model="suppressed"),
        },
    )
    expected = track_here(_read(path))

    def rename(data: Any) -> None:
        q, b = data["elements"]["q"], data["elements"]["b"]
        q.update(_model=4, _integrator=3)
        del q["model"], q["integrator"]
        b.update(_length=1.0, _angle=0.1, _h=0.1, _k0=0.11, _k0_from_h=0, _edge_exit_model=-1)
        for name in ("length", "angle", "k0", "edge_exit_model"):
            del b[name]

    edit(path, rename)
    np.testing.assert_array_equal(track_here(_read(path)), expected)


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("Multipole", {"knl": [0.1], "hxl": 0.1, "shift_x": 1e-3}, "a displaced thin bend"),
        ("Wedge", {"angle": 0.1, "k": 0.1}, "Wedge e: not modelled; a placeholder"),
        (
            "Quadrupole",
            {"length": 1.0, "k1": 0.1, "edge_entry_active": True},
            "edge_entry_active = 1",
        ),
        ("Bend", {"length": 1, "angle": 0.1, "edge_entry_angle_fdown": 0.01}, "edge_entry_angle_f"),
        ("RBend", {"length_straight": 1, "angle": 0.1, "rbend_model": "straight-body"}, "straight"),
        ("UniformSolenoid", {"length": 1.0, "ks": 0.1, "knl": [0.1]}, r"knl = \[0.1"),
        ("VariableSolenoid", {"length": 1.0, "ks_profile": [0, 0.1]}, "ks_profile"),
        ("Cavity", {"voltage": 1.0, "frequency": 4e8, "absolute_time": 1}, "absolute_time = 1"),
        ("Cavity", {"voltage": 1.0, "frequency": 4e8, "lag_taper": 0.2}, "lag_taper = 0.2"),
        ("RFMultipole", {"frequency": 1e6, "knl": [0, 1.0]}, "above the dipole"),
        ("Wire", {"current": 1.0, "L_phy": 1, "L_int": 1}, "Wire e: not modelled"),
    ],
)
def test_what_cannot_be_represented_is_noted(
    kind: str, given: dict[str, Any], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "line.json"
    elements = {"e": getattr(xt, kind)(**given), "d": xt.Drift(length=1.0)}
    write_line(path, elements)
    with pytest.warns(LatticeWarning, match=said):
        found = pj.read_lattice(path)
    assert [note.element for note in found.notes] == ["e"] * len(found.notes)


def test_every_attribute_that_is_written_is_read_or_noted(tmp_path: Path) -> None:
    """Whatever number xtrack writes of an element, the lattice or the notes follow it."""
    path = tmp_path / "line.json"
    silent = []
    kinds = ("Quadrupole", "Sextupole", "Octupole", "Bend", "RBend", "Multipole", "Cavity")
    for kind in (*kinds, "CrabCavity", "UniformSolenoid", "DipoleEdge", "Drift", "RFMultipole"):
        line = write_line(path, {"e": getattr(xt, kind)(), "d": xt.Drift(length=1.0)})
        for name in line["e"]._fields:
            if name.removeprefix("_") in _NEITHER or not isinstance(_value(line["e"], name), float):
                continue
            base = {**_BASE.get(kind, {}), "__class__": kind}
            found = []
            for value in ({}, {name: base.get(name, 0.0) + 0.02}):
                record = {**base, **value}
                edit(path, lambda data, record=record: data["elements"].update(e=record))
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", LatticeWarning)
                    read = pj.read_lattice(path)
                found.append((list(read.lattice), [str(note) for note in read.notes]))
            if found[0] == found[1]:
                silent.append(f"{kind}.{name}")
    assert silent == []


#: of the frame of storage, or of radiation
_NEITHER = {"inv_factorial_order", "rot_shift_anchor", "h", "r21", "r43", "length"}
_STRONG = {"length": 1.0, "angle": 0.1, "edge_entry_hgap": 0.1, "edge_exit_hgap": 0.1}
_BASE: dict[str, dict[str, Any]] = {
    "Bend": {**_STRONG, "edge_entry_fint": 0.1, "edge_exit_fint": 0.1},
    "RBend": {
        **{**_STRONG, "edge_entry_fint": 0.1, "edge_exit_fint": 0.1, "length_straight": 1.0},
        "rbend_model": "straight-body",
    },
    "DipoleEdge": {"k": 0.1, "e1": 0.1, "hgap": 0.1, "fint": 0.1},
    **{kind: {"length": 1.0} for kind in ("Quadrupole", "Sextupole", "Octupole")},
    "UniformSolenoid": {"length": 1.0, "ks": 0.1},
    "Cavity": {"voltage": 1e6, "frequency": 4e8},
    "CrabCavity": {"crab_voltage": 1e6, "frequency": 4e8},
    "RFMultipole": {"voltage": 1e6, "frequency": 1e6},
    "Multipole": {"knl": [0.1]},
}


def _value(element: Any, name: str) -> Any:
    value = getattr(element, name)
    return float(value) if isinstance(value, np.floating) else value


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data["elements"].pop("d"), "element_names has 'd', which is not among"),
        (lambda data: data["elements"]["d"].pop("__class__"), "the element 'd' has no __class__"),
        (lambda data: data["elements"].update(d=3), "the element 'd' is no object"),
        (
            lambda data: data["elements"]["qf"].update(k1="x"),
            "Quadrupole 'qf': k1 = \"'x'\" is no|k1",
        ),
        (lambda data: data["elements"]["qf"].update(k1=float("nan")), "k1 = nan is no finite"),
        (lambda data: data["elements"]["qf"].update(model="no"), "model = 'no' is not known"),
        (lambda data: data["elements"]["qd"].update(knl=3), "knl = 3 is no list"),
        (lambda data: data["elements"]["b"].update(edge_exit_model=7), "edge_exit_model = 7"),
        (lambda data: data.update(element_names=[]), "the line is empty"),
        (lambda data: data.update(element_names="qf"), "element_names is no list of names"),
        (lambda data: data.update(_var_manager=[["a"]]), "_var_manager has .* no pair of texts"),
        (
            lambda data: data["particle_ref"].pop("p0c"),
            "particle_ref: p0c = 'None' is no number|p0c",
        ),
        (lambda data: data["particle_ref"].update(p0c=[-1.0]), "particle_ref: .*p0c"),
        (
            lambda data: data["elements"].update(
                d={"__class__": "Replica", "parent_name": "r"},
                r={"__class__": "Replica", "parent_name": "d"},
            ),
            "its own parent: d -> r -> d",
        ),
        (
            lambda data: data["elements"].update(
                d={"__class__": "ThickSliceBend", "parent_name": "no", "weight": 1.0}
            ),
            "'d' has the parent 'no', which is no element",
        ),
        (
            lambda data: data["elements"]["d"].update({"__class__": "LineSegmentMap"}),
            "no drift can",
        ),
        (
            lambda data: data["elements"]["qd"].update(num_multipole_kicks=10**9),
            "steps of element",
        ),
    ],
)
@pytest.mark.usefixtures("line")
def test_files_that_are_wrong_are_refused_by_name(change: Any, said: str, tmp_path: Path) -> None:
    path = tmp_path / "line.json"
    edit(path, change)
    with pytest.raises(LatticeFileError, match=said) as caught:
        pj.read_lattice(path)
    assert "line.json" in str(caught.value)


@pytest.mark.usefixtures("line")
def test_a_line_without_a_name_is_not_asked_for(tmp_path: Path) -> None:
    with pytest.raises(LatticeFileError, match="leave line='ring' out"):
        pj.read_lattice(tmp_path / "line.json", line="ring")

"""Lattices written as lines of Xsuite, which xtrack and we read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from xsuite_lines import PARTICLE, track_here, track_there, xt

import pyjutrack as pj
from pyjutrack.elements import (
    Aperture,
    CrabCavity,
    DipoleEdge,
    Drift,
    Kicker,
    Marker,
    Monitor,
    Multipole,
    Octupole,
    Patch,
    Placeholder,
    Quadrupole,
    RBend,
    RFCavity,
    SBend,
    Sextupole,
    Solenoid,
    TaylorMap,
    ThinBend,
)
from pyjutrack.errors import InvalidValueError
from pyjutrack.testing import check_format

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

REFERENCE = pj.Reference(pj.Species("proton", PARTICLE["mass0"], 1.0), PARTICLE["p0c"])
_FACES = {"e1": 0.05, "e2": 0.08, "fint": 0.5, "fintx": 0.4, "hgap": 0.02}
_MOVED = {"dx": 1e-3, "dy": -2e-3, "dz": 1e-3, "x_rot": 1e-4, "y_rot": -2e-4, "z_rot": 0.01}

_DRAW = np.random.default_rng(1)
#: elements, and how far xtrack's integration is from ours for particles of 1e-4
_CASES = [
    (Drift(1.0), 1e-14),
    (Drift(1.0, model="paraxial"), 1e-14),
    (Marker(), 1e-15),
    (Monitor(), 1e-15),
    (Monitor(length=0.3), 1e-14),
    (Quadrupole(0.4, 1.2, k1s=0.1), 1e-7),
    (Quadrupole(0.4, 1.2, tilt=0.3), 1e-14),
    (Quadrupole(0.4, 1.2, knl=(1e-4, 0.02, 0.3), ksl=(0.0, 0.0, 0.2)), 1e-7),
    (Quadrupole(0.4, 1.2, model="exact"), 1e-9),
    (Quadrupole(0.4, 1.2, model="paraxial", order=2, steps=40), 1e-13),
    (Quadrupole(0.4, 1.2, **_MOVED), 1e-10),
    (Sextupole(0.3, 8.0, k2s=2.0), 1e-10),
    (Sextupole(0.3, 8.0, model="paraxial", order=6, steps=2), 1e-13),
    (Octupole(0.3, 80.0, order=2), 1e-12),
    (Multipole(knl=(1e-3, 0.2, 3.0), ksl=(0.0, 0.1)), 1e-14),
    (Multipole(knl=(1e-3, 0.2), length=0.3, steps=3), 1e-9),
    (Multipole(knl=(0.0, 0.2, 3.0), **_MOVED), 1e-12),
    (Kicker(hkick=1e-3, vkick=-2e-3), 1e-14),
    (Kicker(0.3, hkick=1e-3, vkick=-2e-3, knl=(0.0, 0.0, 1.0)), 1e-9),
    (SBend(1.2, 0.15), 1e-12),
    (SBend(1.2, 0.15, edges="linear", **_FACES), 1e-12),
    (SBend(1.2, 0.15, edges="none", dk0=1e-3, tilt=0.4), 1e-12),
    (SBend(1.2, 0.15, k1=0.4, k2=1.0, edges="linear", ksl=(1e-4,)), 1e-8),
    (SBend(1.2, 0.15, k1=0.4, model="linear", **_FACES), 1e-7),
    (SBend(1.2, 0.15, edges="linear", **_FACES, **_MOVED, tilt=0.2), 1e-10),
    (SBend(1.0, 0.0, dk0=1e-3), 1e-12),
    (SBend(0.0, dk0=0.2, e1=0.05, e2=0.07, fint=0.5, hgap=0.02, edges="linear"), 1e-14),
    (RBend(1.2, 0.15, edges="linear", e1=0.01), 1e-12),
    (Solenoid(1.5, 0.3), 1e-13),
    (RFCavity(0.4, 1e6, frequency=4e8, phase=3.0), 1e-11),
    (CrabCavity(0.0, 1e6, frequency=4e8, phase=0.3), 1e-13),
    (Patch(dx=1e-3, dy=-2e-3, x_rot=1e-3, y_rot=-2e-3, z_rot=0.1, tilt=0.2), 1e-13),
    (Patch(dx=1e-3), 1e-15),
    (Patch(dx=1e-3, dz=0.1, y_rot=1e-3), 1e-13),
    (Quadrupole(0.4, 1.2, fringe="hard-edge"), 1e-11),
    (ThinBend(0.1, h=0.2, knl=(1e-3, 0.1), ksl=(0.0, 0.1)), 1e-13),
    (ThinBend(0.1), 1e-13),
    (DipoleEdge(0.2, 0.1, fint=0.5, hgap=0.02), 1e-14),
    (TaylorMap(np.eye(6) + 0.1 * _DRAW.normal(size=(6, 6)), variables="t pt"), 1e-13),
    (
        TaylorMap(kick=(1e-4,) * 6, second=_DRAW.normal(size=216), variables="zeta pzeta"),
        1e-13,
    ),
    (Aperture(shape="polygon", vertices=((0.02, 0.0), (-0.01, 0.02), (-0.01, -0.02))), 1e-15),
    (
        Aperture(shape="octagon", half_width=0.02, half_height=0.03, corner_x=0.01, corner_y=0.01),
        1e-15,
    ),
    (Aperture(shape="rectellipse", half_width=0.02, radius_x=0.03, radius_y=0.03), 1e-15),
    (Aperture(half_width=0.02, dx=1e-3), 1e-15),
    (Aperture(half_width=0.02, half_height=0.01, shape="ellipse"), 1e-15),
    (
        Aperture(
            half_width=0.02, half_height=0.01, shape="racetrack", corner_x=0.004, corner_y=0.003
        ),
        1e-15,
    ),
]


@pytest.mark.parametrize(("element", "close"), _CASES, ids=lambda case: repr(case)[:60])
def test_an_element_is_what_it_was_and_what_it_is_there(
    element: pj.elements.Element, close: float, tmp_path: Path
) -> None:
    path = tmp_path / "x.json"
    lattice = pj.Lattice([element, Drift(0.1, name="end")])
    pj.write_lattice(path, lattice, REFERENCE, format="xsuite")
    found = pj.read_lattice(path, strict=True)
    assert found.reference == REFERENCE
    ours = track_here(pj.io.LatticeFile(lattice, REFERENCE))
    np.testing.assert_allclose(track_here(found), ours, rtol=0, atol=1e-15)
    np.testing.assert_allclose(track_there(xt.load(str(path))), ours, rtol=0, atol=close)


def _ring() -> pj.Lattice:
    cell = [
        Quadrupole(0.4, 1.0, name="qf"),
        Drift(0.8, name="d"),
        RBend(1.2, 0.1, edges="linear", name="b"),
        Sextupole(0.2, 4.0, name="s"),
        Drift(0.8, name="d"),
        Quadrupole(0.4, -1.0, name="qd"),
        Drift(0.8, name="d"),
        SBend(1.2, 0.1, k1=0.02, edges="linear", name="g"),
        Drift(0.8, name="d"),
        Kicker(hkick=0.0, name="k"),
    ]
    return pj.Lattice(
        cell,
        variables={"kq": 1.0, "ang": 0.1, "kd": "-1.05*kq^2", "odd name": 2.0},
        expressions={
            **{"qf.k1": "kq", "qd.k1": "kd", "b.angle": "ang", "g.angle": "0.2 - ang"},
            **{"g.dk0": "1e-4*kq", "k.hkick": "1e-5*sin(kq)", "s.k2": "2*`odd name`"},
            "qf.dx": "1e-4*kq",
        },
    )


def _optics(lattice: pj.Lattice) -> Any:
    table = pj.twiss_table(lattice, REFERENCE)
    slopes = pj.optics.chromaticities(lattice, REFERENCE)
    return np.array(
        [*map(float, (table.tune_x, table.tune_y)), *map(float, slopes), table.beta_x[0]]
    )


def test_a_ring_keeps_its_optics_and_its_knobs(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    lattice = _ring()
    pj.write_lattice(path, lattice, REFERENCE, format="xsuite")
    found = pj.read_lattice(path, strict=True)
    assert found.lattice.names == lattice.names
    assert found.lattice.variables == lattice.variables
    assert found.lattice.expressions["kd"] == lattice.expressions["kd"]
    np.testing.assert_allclose(_optics(found.lattice), _optics(lattice), rtol=1e-12)
    for setting in ({"kq": 1.02}, {"ang": 0.09}, {"odd name": 2.2}):
        moved, again = (line.with_values(setting) for line in (lattice, found.lattice))
        np.testing.assert_allclose(_optics(again), _optics(moved), rtol=1e-12)
    line = xt.load(str(path))
    for setting in ({}, {"kq": 1.02}, {"ang": 0.09}):
        for name, value in setting.items():
            line[name] = value
        table = line.twiss4d()
        there = [table.qx, table.qy, table.dqx, table.dqy, table.betx[0]]
        expected = _optics(lattice.with_values(setting))
        np.testing.assert_allclose(there, expected, rtol=0, atol=2e-4)
        np.testing.assert_allclose(there[:2], expected[:2], rtol=0, atol=1e-8)
        for name in setting:
            line[name] = float(lattice.variables[name])


def test_the_slope_of_a_knob_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    pj.write_lattice(path, _ring(), REFERENCE, format="xsuite")
    found = pj.read_lattice(path).lattice

    def tunes(table: Any) -> Any:
        return torch.stack([table.tune_x, table.tune_y])

    both = [
        pj.optics.optics_gradient(tunes, lattice, REFERENCE, wrt=["kq", "ang"])[1]
        for lattice in (_ring(), found)
    ]
    np.testing.assert_allclose(both[1], both[0], rtol=1e-10)


def test_the_format_keeps_its_promises() -> None:
    check_format(pj.io.lattice_formats()["xsuite"], _ring(), REFERENCE)


def test_names_are_made_where_there_are_none(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    lattice = pj.Lattice([Drift(1.0), Drift(2.0), Drift(1.0), Quadrupole(1.0, 0.1, name="q")])
    pj.write_lattice(path, lattice, REFERENCE, format="xsuite")
    assert json.loads(path.read_text())["element_names"] == ["drift", "drift_2", "drift", "q"]
    pj.write_lattice(path, lattice, format="xsuite")
    assert pj.read_lattice(path).reference is None


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.LatticeWarning")
def test_a_placeholder_goes_back_as_it_was(tmp_path: Path) -> None:
    path, back = tmp_path / "x.json", tmp_path / "y.json"
    wire = {"L_phy": 1.0, "L_int": 2.0, "current": 3.0, "xma": 1e-3, "yma": 0.0}
    line = xt.Line(elements={"w": xt.Wire(**wire)}, element_names=["w"])
    line.to_json(str(path))
    found = pj.read_lattice(path)
    assert found.lattice["w"].stands_for == "Wire"
    assert isinstance(found.lattice.skip_placeholders()["w"], Marker)
    pj.write_lattice(back, found.lattice, format="xsuite")
    there = xt.load(str(back))["w"]
    assert {name: getattr(there, name) for name in wire} == wire


def test_the_suffix_alone_is_of_our_own(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    pj.write_lattice(path, pj.Lattice([Drift(1.0)]), REFERENCE)
    assert "pyjutrack" in json.loads(path.read_text())


@pytest.mark.parametrize(
    ("element", "said"),
    [
        (SBend(1.0, 0.1, knl=(0.0, 0.1)), "add them to dk0 and k1"),
        (SBend(0.0, dk0=0.1, e1=0.1, edges="exact"), "exact edges without a bend"),
        (RFCavity(0.1, 1e6, frequency=1e8, accelerate=True), "accelerate=False"),
        (RFCavity(0.1, 1e6, frequency=1e8, focusing="gap"), 'focusing="none"'),
        (Aperture(half_width=0.1, smoothing=1e-3), "smoothing=0"),
        (TaylorMap(), "in the variables 'z delta'"),
        (Placeholder(1.0, stands_for="wire"), "another program's element"),
    ],
)
def test_what_xsuite_lacks_is_refused(
    element: pj.elements.Element, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.json"
    with pytest.raises(InvalidValueError, match=said):
        pj.write_lattice(path, pj.Lattice([element]), REFERENCE, format="xsuite")
    assert not path.exists()


def test_kinds_of_users_are_refused_by_name(tmp_path: Path) -> None:
    class Own(Quadrupole):
        """A kind that is no other's."""

    with pytest.raises(InvalidValueError, match="no counterpart of the kind Own"):
        pj.write_lattice(tmp_path / "x.json", pj.Lattice([Own(1.0)]), REFERENCE, format="xsuite")


@pytest.mark.parametrize(
    ("expressions", "said"),
    [
        ({"q.k1": "max(a, 1)"}, r"q.*k1 = max\(a, 1\): Xsuite has no function max"),
        ({"q.k1": "2*d.length"}, "names the parameter 'd.length'"),
    ],
)
def test_expressions_that_xsuite_lacks_are_refused(
    expressions: dict[str, str], said: str, tmp_path: Path
) -> None:
    elements = [Quadrupole(1.0, 0.1, name="q"), Drift(1.0, name="d")]
    lattice = pj.Lattice(elements, variables={"a": 1.0}, expressions=expressions)
    with pytest.raises(InvalidValueError, match=said):
        pj.write_lattice(tmp_path / "x.json", lattice, REFERENCE, format="xsuite")


def test_derivatives_are_refused(tmp_path: Path) -> None:
    slope = torch.tensor(0.1, dtype=torch.float64, requires_grad=True)
    lattice = pj.Lattice([Quadrupole(1.0, slope, name="q")])
    with pytest.raises(InvalidValueError, match="carries derivatives"):
        pj.write_lattice(tmp_path / "x.json", lattice, REFERENCE, format="xsuite")
    lattice = pj.Lattice([Quadrupole(1.0, 0.1)], variables={"a": slope})
    with pytest.raises(InvalidValueError, match="carries derivatives"):
        pj.write_lattice(tmp_path / "x.json", lattice, REFERENCE, format="xsuite")

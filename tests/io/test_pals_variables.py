"""Expressions of PALS files are those of the lattice; files that include and load others."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import constants as codata

import pyjutrack as pj
from pyjutrack.errors import LatticeWarning
from pyjutrack.io.pals.language import CONSTANTS
from pyjutrack.io.pals.read import read_pals, write_pals

ELECTRON = pj.Reference.from_total("electron", 3e9)
RING = """
PALS:
  facility:
    - constants:
        lq: 0.4
        dipoles: 20
    - variables:
        - kq: KQ
        - kd: -1.6*kq + shift
        - shift: SHIFT
    - ang: {kind: constant, value: 2*pi/dipoles}
    - beginning: {kind: BeginningEle, ReferenceP: {species_ref: electron, E_tot_ref: 3.0e9}}
    - supply:
        kind: Controller
        variables: {cur: CUR, half: cur/2}
        controls:
          - {parameter: qf.*>MagneticMultipoleP.Kn1, expression: kq + 0.02*half}
    - trim:
        kind: Controller
        control_type: RELATIVE
        variables: {knob: KNOB}
        controls:
          - {parameter: "Quadrupole::qd>MagneticMultipoleP.Kn1", expression: 0.1*knob + knob^2}
    - qf1: {kind: Quadrupole, length: lq, MagneticMultipoleP: {Kn1: 77}}
    - qd: {kind: Quadrupole, length: expr(lq), MagneticMultipoleP: {Kn1: kd}}
    - qf2: {inherit: qf1, BodyShiftP: {z_rot: 0.01*kq}}
    - b: {kind: Bend, BendP: {angle_ref: ang, radius_ref: "1.2/ang", e1: 0.01*kq}}
    - d: {kind: Drift, length: 0.5 + 0.1*kq}
    - cell:
        kind: BeamLine
        line: [beginning, qf1, d, b, d, qd, d, b, d, qf2]
"""
VALUES = {"KQ": 0.5, "SHIFT": 0.02, "CUR": 0.3, "KNOB": 0.0}
NAMES = {"KQ": "kq", "SHIFT": "shift", "CUR": "supply>cur", "KNOB": "trim>knob"}


def text_of_ring(**values: float) -> str:
    text = RING
    for name, value in {**VALUES, **values}.items():
        text = text.replace(name, repr(value), 1)
    return text


def built(kq: float, shift: float, cur: float, knob: float, at_start: float = 0.0) -> pj.Lattice:
    """The ring by hand, of numbers alone; a knob changes what it did not do at the start."""
    angle = 2 * math.pi / 20
    kf = kq + 0.02 * cur / 2
    kd = -1.6 * kq + shift + 0.1 * (knob - at_start) + knob**2 - at_start**2
    drift = pj.Drift(0.5 + 0.1 * kq)
    bend = pj.SBend(1.2, angle, e1=0.01 * kq)
    focus, turned = (pj.Quadrupole(0.4, k1=kf, z_rot=roll) for roll in (0.0, 0.01 * kq))
    defocus = pj.Quadrupole(0.4, k1=kd)
    return pj.Lattice([focus, drift, bend, drift, defocus, drift, bend, drift, turned])


def move(lattice: pj.Lattice) -> torch.Tensor:
    points = torch.linspace(-1e-3, 1e-3, 24, dtype=torch.float64).reshape(4, 6)
    return pj.track(lattice, pj.Beam(ELECTRON, points)).coordinates


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ring.pals.yaml"


def read(path: Path, text: str, **options: object):
    path.write_text(text, encoding="utf-8")
    return pj.read_lattice(path, **options)


def test_variables_are_knobs(path: Path) -> None:
    found = read(path, text_of_ring(), strict=True)
    assert found.reference == ELECTRON
    assert dict(found.lattice.variables) == pytest.approx(
        {
            **{"lq": 0.4, "dipoles": 20, "kq": 0.5, "kd": -1.6 * 0.5 + 0.02, "shift": 0.02},
            **{"ang": math.pi / 10, "supply>cur": 0.3, "supply>half": 0.15, "trim>knob": 0.0},
        },
        rel=1e-15,
    )
    for kq, shift, cur, knob in ((0.5, 0.02, 0.3, 0.0), (0.6, -0.05, 1.1, 0.2)):
        moved = found.lattice.with_values(
            {"kq": kq, "shift": shift, "supply>cur": cur, "trim>knob": knob}
        )
        ours = built(kq, shift, cur, knob)
        assert torch.allclose(move(moved), move(ours), rtol=0, atol=1e-15)
        tables = [pj.twiss_table(lattice, ELECTRON) for lattice in (moved, ours)]
        assert np.allclose(tables[0].beta_x, tables[1].beta_x, rtol=1e-12, atol=0)
    other = read(path, text_of_ring(KNOB=0.4)).lattice  # which changes nothing by itself
    assert torch.allclose(move(other), move(built(0.5, 0.02, 0.3, 0.0)), rtol=0, atol=1e-15)
    moved = other.with_values({"trim>knob": 0.5})
    assert torch.allclose(move(moved), move(built(0.5, 0.02, 0.3, 0.5, 0.4)), rtol=0, atol=1e-15)


@pytest.mark.parametrize("name", ["KQ", "SHIFT", "CUR"])
def test_derivatives_meet_differences_of_files(path: Path, name: str) -> None:
    def phase(table: pj.optics.OpticsTable) -> object:
        return table.beta_x[4]

    found = read(path, text_of_ring())
    value, slopes = pj.optics.optics_gradient(phase, found.lattice, ELECTRON, wrt=[NAMES[name]])
    step = 1e-4
    sides = []
    for sign in (1, -1):
        text = text_of_ring(**{name: VALUES[name] + sign * step})
        sides.append(float(phase(pj.twiss_table(read(path, text).lattice, ELECTRON))))
    assert float(slopes[0]) == pytest.approx((sides[0] - sides[1]) / (2 * step), rel=1e-5)
    assert sides[0] != sides[1]
    assert float(value) == pytest.approx(sum(sides) / 2, rel=1e-6)


def test_written_variables_come_back(path: Path) -> None:
    ring = read(path, text_of_ring()).lattice
    ring = pj.Lattice(
        [
            ring,
            pj.ThinBend(name="tb"),
            pj.Kicker(0.1, name="k"),
            pj.Multipole(knl=(0.0, 0.1), name="m.1"),
            pj.RFCavity(0.1, name="c", frequency=5e8),
            pj.Solenoid(0.2, 0.1, name="s"),
            pj.RBend(0.3, 0.01, name="r", fint=0.5, hgap=0.02),
        ],
        variables={"h v": 1e-4, "sin": 0.3, "p": "mod(sin, 0.2) + ceil(sin)^2^3 - -sin"},
        expressions={
            **{"tb.angle": "`h v`*2", "k.hkick": "`h v`", "k.vkick": "-`h v`", "m.1.knl[1]": "p"},
            **{"c.phase": "sin", "c.voltage": "1e6*sin", "s.ks": "kq/2", "r.fint": "sin"},
            **{"r.angle": "ang/9", "r.k1": "kd", "r.dx": "`h v`"},
        },
    )
    with pytest.warns(LatticeWarning, match="ThinBend tb: PALS has no such kind"):
        write_pals(path, ring, ELECTRON)
    back = read_pals(path)
    assert (back.notes, back.reference) == ((), ELECTRON)
    assert dict(back.lattice.variables) == dict(ring.variables)
    assert dict(back.lattice.expressions) == dict(ring.expressions)
    assert back.lattice.elements == ring.elements
    changes = {"kq": 0.6, "h v": 3e-4, "sin": 0.5, "supply>cur": 1.0, "trim>knob": 0.1}
    moved = [move(lattice.with_values(changes)) for lattice in (ring, back.lattice)]
    assert torch.allclose(*moved, rtol=0, atol=1e-12)
    assert not torch.allclose(move(ring), moved[0], rtol=0, atol=1e-6)


def test_what_follows_a_parameter_is_written_as_a_number(path: Path) -> None:
    pair = pj.Lattice(
        [pj.Quadrupole(0.1, k1=0.2, name="a"), pj.Quadrupole(0.1, name="b")],
        expressions={"b.k1": "2*a.k1"},
    )
    with pytest.warns(LatticeWarning, match=r"b\.k1 follows the parameter a\.k1"):
        write_pals(path, pair)
    assert read_pals(path).lattice["b"].k1 == 0.4
    erf = pj.Lattice([pj.Drift(1.0, name="d")], variables={"a": "erf(0.1)", "b": "erf(a)"})
    with pytest.warns(LatticeWarning, match="PALS has no function 'erf', which b needs"):
        write_pals(path, erf)
    assert dict(read_pals(path).lattice.variables) == dict(erf.variables)


def test_constants_are_those_of_codata() -> None:
    e = codata.e
    expected = {
        **{"pi": math.pi, "c_light": codata.c, "e_charge": e, "n_avogadro": codata.N_A},
        **{"h_planck": codata.h / e, "hbar": codata.hbar / e, "mu_0": codata.mu_0 * e},
        "epsilon_0": codata.epsilon_0 / e,
        "classical_radius_factor": e / (4 * math.pi * codata.epsilon_0),
        "fine_structure": codata.fine_structure,
        "r_electron": codata.value("classical electron radius"),
        "r_proton": codata.value("classical electron radius") * codata.m_e / codata.m_p,
    }
    assert pytest.approx(expected, rel=1e-8, abs=0) == CONSTANTS


HEAD = "PALS:\n  facility:\n"
LINE = "    - l: {kind: BeamLine, line: [e]}\n"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("cot(v)", 1 / math.tan(0.3)),
        ("coth(v)", 1 / math.tanh(0.3)),
        ("acoth(1+v)", math.atanh(1 / 1.3)),
        ("nint(10*v + 0.2)", 3.0),
        ("modulo(-v, 1)", 0.7),
        ("ceiling(v)", 1.0),
        ("sinc(v)", math.sin(0.3) / 0.3),
        ("expr(2^v^2)", (2**0.3) ** 2),
        ('mass_of("electron")*v', codata.value("electron mass energy equivalent in MeV") * 3e5),
        ("v - charge_of(kind)", 1.3),
        ("v*other>length", 0.6),
    ],
)
def test_functions(path: Path, text: str, value: float) -> None:
    variables = "    - variables: {v: 0.3, kind: anti-proton}\n"
    other = "    - other: {kind: Drift, length: 2.0}\n"
    element = f"    - e: {{kind: Drift, length: '{text}'}}\n"
    found = read(path, HEAD + variables + other + element + LINE)
    assert found.notes == ()
    assert found.lattice.length == pytest.approx(value, rel=1e-8)
    assert "v" in found.lattice.expressions["e.length"].names
    write_pals(path, found.lattice)
    assert read_pals(path).lattice.expressions == found.lattice.expressions


def test_parameters_that_expressions_name_move_together(path: Path) -> None:
    text = (
        "    - a: {kind: Sextupole, length: 0.3, MagneticMultipoleP: {Kn2: 4.0}}\n"
        "    - e: {kind: Sextupole, length: 0.3, MagneticMultipoleP: "
        "{Kn2: '2*a>MagneticMultipoleP.Kn2'}}\n    - l: {kind: BeamLine, line: [a, e]}\n"
    )
    found = read(path, HEAD + text)
    assert [e.k2 for e in found.lattice] == [4.0, 8.0]
    moved = found.lattice.with_values({"a>MagneticMultipoleP.Kn2": 5.0})
    assert [e.k2 for e in moved] == [5.0, 10.0]


def test_settings_are_made_in_order(path: Path) -> None:
    found = read(
        path,
        HEAD
        + "    - variables: {g: 0.02}\n"
        + "    - l:\n        kind: BeamLine\n        line:\n"
        + "          - B1a: {kind: Bend, length: 1, BendP: {e1: 0.1, g_ref: g}}\n"
        + "          - B1b: {kind: Bend, length: 1, BendP: {e1: 0.3, g_ref: g}}\n"
        + "          - Q1: {kind: Quadrupole, length: 0.5, MagneticMultipoleP: {Kn1: 3}}\n"
        + "          - Q2: {inherit: Q1}\n"
        + "    - set: {parameter: B1.*>BendP.e1, value: 2*PARAMETER + atan(SELF.BendP.g_ref)}\n"
        + "    - sets:\n        - Q1>MagneticMultipoleP.Kn1L: 0.25\n        - Q2>length: 2*g\n"
        + "    - expand_lattice\n"
        + "    - set: {parameter: 'B1a, Quadrupole::Q2>length', value: PARAMETER*3}\n",
        strict=True,
    ).lattice
    for g, ring in ((0.02, found), (0.05, found.with_values(g=0.05))):
        faces = [0.2 + math.atan(g), 0.6 + math.atan(g)]
        assert [ring["B1a"].e1, ring["B1b"].e1] == pytest.approx(faces, rel=1e-15)
        assert [e.length for e in ring] == pytest.approx([3.0, 1.0, 0.5, 6 * g], rel=1e-15)
        assert ring["B1a"].angle == pytest.approx(3 * g, rel=1e-15)
        assert ring["Q1"].k1 == pytest.approx(0.5, rel=1e-15)


def test_controllers_add_up_and_drive_each_other(path: Path) -> None:
    found = read(
        path,
        HEAD
        + "    - low: {kind: Controller, variables: {cur: 9}, controls: "
        + "[{parameter: e>length, expression: 10*cur}]}\n"
        + "    - side: {kind: Controller, variables: [{cur: 0.1}], controls: "
        + "[{parameter: e>length, expression: cur}]}\n"
        + "    - high: {kind: Controller, variables: {knob: 3}, controls: "
        + "[{parameter: low>cur, expression: knob/4}]}\n"
        + "    - e: {kind: Drift, length: 50}\n"
        + LINE,
    ).lattice
    assert found["e"].length == pytest.approx(7.6, rel=1e-15)
    moved = found.with_values({"high>knob": 1.0, "side>cur": 0.2})
    assert moved["e"].length == pytest.approx(2.7, rel=1e-15)

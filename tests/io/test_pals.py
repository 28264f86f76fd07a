"""PALS files: lines written by hand, round trips over all kinds, and what is wrong."""

from __future__ import annotations

import cmath
import math
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np
import pytest
import torch
from element_cases import CASES, ONE_WAY, build, move, points
from scipy import constants as codata

import pyjutrack as pj
from pyjutrack.errors import LatticeFileError, LatticeWarning
from pyjutrack.io.pals.read import read_pals, write_pals

yaml = pytest.importorskip("yaml")

ALL = [*CASES, *ONE_WAY]
#: what the standard knows by itself: it has no learned potentials
#: kinds that the standard has no word for
LACKING = (pj.DipoleEdge, pj.HamiltonianKick, pj.TaylorMap, pj.ThinBend)
STANDARD = [case for case in ALL if case.kind not in LACKING]
RING = """
PALS:
  version: null
  facility:
    - start:
        kind: BeginningEle
        ReferenceP:
          species_ref: electron
          E_tot_ref: 3.0e9
    - d1: {kind: Drift, length: 0.25}
    - q1:
        kind: Quadrupole
        length: 0.5
        MagneticMultipoleP:
          Kn1: 1.2
          Ks2L: 0.3
          tilt1: 0.1
    - q2:
        inherit: q1
        MagneticMultipoleP: {Kn1L: -0.7, tilt1: 0}
    - b1:
        kind: Bend
        length: 1.5
        BendP: {g_ref: 0.1, e1: 0.02, edge1_int: 0.011, edge2_int: 0.011, tilt_ref: 0.3}
        BodyShiftP: {x_offset: 1.0e-3, z_rot: 2e-3}
    - cav:
        kind: RFCavity
        length: 0.4
        RFP: {harmon: 10, voltage: 2.0e6, phase: 0.1, zero_phase: ABOVE_TRANSITION}
    - cell:
        kind: BeamLine
        line:
          - d1
          - q1
          - d1
          - q2:
              length: 0.6
    - ring:
        kind: BeamLine
        line:
          - start
          - cell: {repeat: 2}
          - b1
          - cell: {repeat: -1}
          - cell: {direction: 1, repeat: 0}
          - cav
          - end: {kind: Marker}
    - machine: {kind: Lattice, branches: [ring]}
    - use: machine
"""


@pytest.fixture
def read(tmp_path):
    def read(text, **options):
        path = tmp_path / "file.pals.yaml"
        path.write_text(text, encoding="utf-8")
        return read_pals(path, **options)

    return read


def line_of(read, *definitions, reference=None):
    """What a line of one element `e` gives."""
    text = "PALS:\n  facility:\n    - e: " + "{" + ", ".join(definitions) + "}\n"
    return read(text + "    - line: {kind: BeamLine, line: [e]}\n", reference=reference)


def test_a_ring_by_hand(read):
    ring = read(RING)
    assert ring.notes == ()
    assert ring.reference == pj.Reference.from_total("electron", 3e9)
    cell = ["d1", "q1", "d1", "q2"]
    assert [e.name for e in ring.lattice] == [*cell, *cell, "b1", *cell[::-1], "cav", "end"]
    q1, q2, bend, cavity = (ring.lattice[name] for name in ("q1", "q2", "b1", "cav"))
    turned = 1.2 * cmath.exp(-0.2j)
    assert (q1.k1, q1.k1s) == pytest.approx((turned.real, turned.imag))
    assert q1.ksl == (0.0, 0.0, 0.3)
    assert (q2.k1, q2.k1s, q2.length) == pytest.approx((-0.7 / 0.6, 0.0, 0.6))
    assert type(bend) is pj.SBend
    assert (bend.angle, bend.e1, bend.e2, bend.tilt) == pytest.approx((0.15, 0.02, 0.0, 0.3))
    assert (bend.fint * bend.hgap, bend.fintx * bend.hgap) == pytest.approx((0.011, 0.011))
    assert (bend.dx, bend.z_rot) == (1e-3, 2e-3)
    turn = ring.lattice.length / (ring.reference.beta * codata.c)
    assert cavity.frequency == pytest.approx(10 / turn)
    assert cavity.phase == pytest.approx(math.pi + 0.2 * math.pi)
    assert read(RING, line="cell").reference is None
    assert len(read(RING, line="cell", reference=ring.reference).lattice) == 4


def test_a_tilted_quadrupole_moves_particles_as_a_rolled_one(read):
    (skew,) = line_of(
        read, "kind: Quadrupole, length: 0.5", "MagneticMultipoleP: {Kn1: 1.2, tilt1: 0.1}"
    ).lattice
    options = {"model": "paraxial", "steps": 20}
    read_in = pj.Quadrupole(0.5, k1=skew.k1, k1s=skew.k1s, **options)
    rolled = pj.Quadrupole(0.5, k1=1.2, tilt=0.1, **options)
    assert torch.allclose(move(read_in, points()), move(rolled, points()), rtol=0, atol=1e-14)


def test_fields_in_tesla_are_divided_by_the_rigidity(read):
    definition = "kind: Quadrupole, length: 0.5", "MagneticMultipoleP: {Bn1: 2.0}"
    for name in ("proton", "electron"):
        reference = pj.Reference.from_p0c(name, 1e9)
        (quadrupole,) = line_of(read, *definition, reference=reference).lattice
        assert quadrupole.k1 == pytest.approx(
            2.0 * codata.c * reference.species.charge / 1e9, rel=1e-14
        )
    with pytest.raises(LatticeFileError, match=r"MagneticMultipoleP\.Bn1 is a field, and the line"):
        line_of(read, *definition)


@pytest.mark.parametrize(
    ("given", "length", "angle"),
    [
        ("length: 2.0, BendP: {angle_ref: 0.3}", 2.0, 0.3),
        ("length: 2.0, BendP: {g_ref: -0.15}", 2.0, -0.3),
        ("length: 2.0, BendP: {radius_ref: 5}", 2.0, 0.4),
        ("BendP: {angle_ref: 0.2, radius_ref: 5.0}", 1.0, 0.2),
        ("BendP: {g_ref: 0.25, L_chord: 1.9}", 8 * math.asin(0.2375), 2 * math.asin(0.2375)),
        ("BendP: {angle_ref: 0.4, L_chord: 1.9}", 1.9 * 0.2 / math.sin(0.2), 0.4),
        ("BendP: {angle_ref: 0.4, L_rectangle: 1.9}", 1.9 * 0.4 / math.sin(0.4), 0.4),
        ("BendP: {g_ref: 0.2, L_rectangle: 1.9}", 5 * math.asin(0.38), math.asin(0.38)),
        ("length: 0.8, BendP: {e1: 0.01}", 0.8, 0.0),
    ],
)
def test_a_bend_is_given_by_any_two(read, given, length, angle):
    (bend,) = line_of(read, "kind: Bend", given).lattice
    assert (bend.length, bend.angle) == pytest.approx((length, angle), rel=1e-14)
    assert bend.dk0 == 0


@pytest.mark.parametrize(
    ("faces", "kind", "against_sector"),
    [
        ("", pj.SBend, (0.0, 0.0)),
        (", e1: 0.1, e2: 0.2", pj.SBend, (0.1, 0.2)),
        (", e1_rect: 0, e2_rect: 0.1", pj.RBend, (0.2, 0.3)),
        (", e1_rect: 0", pj.RBend, (0.2, 0.0)),
        (", e1: 0.1, e2_rect: 0.1", pj.RBend, (0.1, 0.3)),
    ],
)
def test_faces_of_bends(read, faces, kind, against_sector):
    given = f"kind: Bend, length: 2.0, BendP: {{angle_ref: 0.4{faces}}}"
    (bend,) = line_of(read, given).lattice
    assert type(bend) is kind
    assert bend.face_angles == pytest.approx(against_sector, abs=1e-15)


@pytest.mark.parametrize(
    ("zero", "late_gains"),
    [("ACCELERATING", 0.0), ("BELOW_TRANSITION", 1.0), ("ABOVE_TRANSITION", -1.0)],
)
def test_zero_phases_of_cavities(read, proton, zero, late_gains):
    """Particles a little late gain energy below transition, lose above, and none at the crest."""
    given = f"kind: RFCavity, RFP: {{frequency: 1.0e8, voltage: 1.0e5, zero_phase: {zero}}}"
    (cavity,) = line_of(read, given).lattice
    late = torch.zeros(3, 6, dtype=torch.float64)
    late[:, 4] = torch.tensor([1e-3, 0.0, -1e-3])
    early, now, after = pj.track(pj.Lattice([cavity]), pj.Beam(proton, late)).coordinates[:, 5]
    slope = float(after - early) / 2
    omega_t = 2 * math.pi * 1e8 * 1e-3 / (proton.beta * codata.c)
    step = 1e5 / (proton.p0c * proton.beta)
    assert slope == pytest.approx(late_gains * step * math.sin(omega_t), rel=1e-4, abs=1e-14)
    assert float(now) == pytest.approx(step if zero == "ACCELERATING" else 0.0, rel=1e-4, abs=1e-18)


def test_apertures_stand_at_the_ends(read):
    quadrupole = (
        "kind: Quadrupole, length: 0.5",
        "ApertureP: {x_min: -0.01, x_max: 0.03, y_width: 0.02",
    )
    found = line_of(read, quadrupole[0], f"{quadrupole[1]}, location: BOTH_ENDS}}").lattice
    assert [type(e).__name__ for e in found] == ["Aperture", "Quadrupole", "Aperture"]
    stop = found[0]
    sizes = stop.half_width, stop.half_height, stop.dx, stop.dy
    assert sizes == pytest.approx((0.02, 0.01, 0.01, 0.0))
    assert (stop.name, stop.shape) == ("e_aperture", "ellipse")
    read_one = line_of(read, "kind: Mask", "ApertureP: {x_min: -0.01, shape: RECTANGULAR}")
    assert math.isinf(read_one.lattice[0].half_width)
    assert "open on one side in x" in read_one.notes[0].message


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("kind: Fork, ForkP: {to_line: x}", "ForkP is left out"),
        ("kind: Drift, length: 1, ElectricMultipoleP: {En1: 3}", "ElectricMultipoleP is left out"),
        ("kind: Bend, length: 1, BendP: {h1: 0.1}", "BendP.h1 = 0.1 is left out"),
        (
            "kind: Quadrupole, length: 1, MagneticMultipoleP: {Kn1: 1, Kn1_taper: 0.1}",
            "MagneticMultipoleP.Kn1_taper = 0.1 is left out",
        ),
        ("kind: Quadrupole, is_on: false, length: 1", "is off; read as a drift or a marker"),
        ("kind: RFCavity, RFP: {voltage: 1, cavity_type: TRAVELING_WAVE}", "of no length"),
        ("kind: RFCavity, RFP: {voltage: 1, dE_ref: 3}", "RFP.dE_ref = 3.0 eV is not what"),
        ("kind: Drift, length: 1, my_data: {a: 1}", "my_data is left out"),
        ("kind: Drift, length: 1, ApertureP: {shape: VERTICES}", "ApertureP.shape = VERTICES"),
    ],
)
def test_what_the_package_lacks_is_noted(read, given, message):
    found = line_of(read, given)
    assert message in " ".join(note.message for note in found.notes)
    assert {note.element for note in found.notes} == {"e"}


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.LatticeWarning")
# a frequency of zero, of a constant field, is not told from one that is not stated
@pytest.mark.filterwarnings("ignore:.* was given no frequency:pyjutrack.errors.AccuracyWarning")
def test_every_kind_and_option_comes_back(tmp_path, proton):
    every = pj.Lattice([case.element() for case in ALL])
    write_pals(tmp_path / "a.pals.yaml", every, proton)
    back = read_pals(tmp_path / "a.pals.yaml")
    assert back.reference == proton
    assert back.notes == ()
    assert len(back.lattice) == len(every)
    for ours, theirs in zip(every, back.lattice, strict=True):
        assert type(ours) is type(theirs)
        for item in fields(ours):
            a, b = getattr(ours, item.name), getattr(theirs, item.name)
            numbers = isinstance(a, (float, tuple, torch.Tensor))
            same = np.allclose(a, b, rtol=1e-14) if numbers else a == b
            assert same, (ours, item.name)


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.LatticeWarning")
@pytest.mark.parametrize("case", STANDARD, ids=lambda case: case.label)
def test_the_standard_alone_holds_the_physics(tmp_path, case):
    """Without the package's own group, particles move as with the options at their defaults."""
    path = tmp_path / "a.pals.yaml"
    write_pals(path, pj.Lattice([case.element()]))
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    for entry in data["PALS"]["facility"]:
        for value in entry.values():
            if isinstance(value, dict):
                value.pop("TrackingP", None)
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    (back,) = read_pals(path).lattice
    plain = case.element()
    if case.kind is not pj.Aperture:
        own = {"steps": None} if issubclass(case.kind, pj.elements.Magnet) else {}
        if "wave" in case.options.get("focusing", ""):
            own = {"focusing": case.options["focusing"]}
        plain = build(case.kind, case.parameters, own)
    start = 0.1 * points()
    end, again = (move(e, start) for e in (plain, back))
    # errors beside a strength of their own order are integrated as a part of it
    within = (
        1e-5 if issubclass(case.kind, pj.elements.Bend) and "knl0" in case.parameters else 1e-14
    )
    assert torch.allclose(end, again, rtol=0, atol=within)


def test_a_racetrack_is_a_list_of_vertices(tmp_path):
    stop = pj.Aperture(
        half_width=0.05, half_height=0.04, shape="racetrack", corner_x=0.02, corner_y=0.01
    )
    write_pals(tmp_path / "r.yaml", pj.Lattice([stop]))
    assert read_pals(tmp_path / "r.yaml").lattice.elements == (stop,)
    text = (tmp_path / "r.yaml").read_text(encoding="utf-8")
    mask = yaml.safe_load(text)["PALS"]["facility"][0]["aperture"]["ApertureP"]
    corners = [entry["point"] for entry in mask["vertices"]["list"]]
    angles = np.unwrap([math.atan2(y, x) for x, y in corners])
    assert mask["shape"] == "VERTICES"
    assert np.all(np.diff(angles) > 0)  # as the standard asks
    inside = [((abs(x) - 0.03) / 0.02, (abs(y) - 0.03) / 0.01) for x, y in corners]
    assert all(max(u, 0) ** 2 + max(v, 0) ** 2 == pytest.approx(1) for u, v in inside)


def test_names_survive(tmp_path):
    names = ["q.1", "1st", "use", "on", "", "", "beginning", "q_1", "\u00e9t\u00e9"]
    lattice = pj.Lattice(
        [pj.Quadrupole(0.1, k1=float(n), name=name) for n, name in enumerate(names)]
        + [pj.Quadrupole(0.1, k1=0.0, name="q.1"), pj.Marker(name="q_1")]
    )
    write_pals(tmp_path / "n.yaml", lattice, pj.Reference.from_p0c("antiproton", 1e9))
    assert read_pals(tmp_path / "n.yaml").lattice.elements == lattice.elements
    data = yaml.safe_load((tmp_path / "n.yaml").read_text(encoding="utf-8"))["PALS"]["facility"]
    written = [name for entry in data for name in entry]
    assert len(set(written)) == len(written)
    assert all(name.isidentifier() and name.isascii() for name in written)
    assert data[0]["beginning"]["ReferenceP"]["species_ref"] == "anti-proton"


def test_writing_warns_of_what_others_cannot_read(tmp_path, proton):
    @dataclass(frozen=True, repr=False)
    class Lens(pj.Element):
        strength: float = 0.0
        abstract: ClassVar[bool] = False
        knobs: ClassVar[tuple[str, ...]] = ("length", "strength")

    lens = pj.Lattice([Lens(2.0, length=0.5, name="l", dx=1e-3, tilt=0.1)])
    with pytest.warns(LatticeWarning, match="Lens l: PALS has no such kind"):
        write_pals(tmp_path / "l.yaml", lens)
    assert read_pals(tmp_path / "l.yaml").lattice.elements == lens.elements
    cavity = pj.Lattice([pj.RFCavity(0.1, 1e6, frequency=1e8, phase=0.5, accelerate=True)])
    with pytest.warns(LatticeWarning, match="give reference="):
        write_pals(tmp_path / "c.yaml", cavity)
    assert read_pals(tmp_path / "c.yaml").lattice[0].accelerate
    write_pals(tmp_path / "c.yaml", cavity, proton)
    text = (tmp_path / "c.yaml").read_text(encoding="utf-8")
    gain = yaml.safe_load(text)["PALS"]["facility"][1]["rfcavity"]["RFP"]["dE_ref"]
    assert gain == pytest.approx(1e6 * math.sin(0.5))
    carries = pj.Lattice([pj.Drift(torch.tensor(1.0, requires_grad=True))])
    with pytest.raises(pj.errors.InvalidValueError, match="carries derivatives"):
        write_pals(tmp_path / "c.yaml", carries)
    assert (tmp_path / "c.yaml").read_text(encoding="utf-8") == text
    del Lens


HEAD = "PALS:\n  facility:\n"
D = "    - d: {kind: Drift, length: 1}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("# nothing\n", "no PALS file"),
        ("[1, 2]", "no PALS file"),
        ("facility: []", "no PALS file"),
        ("PALS: {version: null}", "needs a facility"),
        (HEAD + "    - d: {kind: Drift, length", r":3: no YAML"),
        (HEAD + "    - d:\n      kind: [Drift", r":4: no YAML"),
        (HEAD + "    - d: {kind: Drift, kind: Marker}", ":3: the key 'kind' occurs twice"),
        (HEAD + D + D, ":4: 'd' is defined twice, first in line"),
        (HEAD + D, "the file defines no line"),
        (HEAD + "    - l: {kind: BeamLine, line: []}", "line 'l' is empty"),
        (HEAD + "    - l: {kind: BeamLine}", ":3: line 'l' must hold a list named 'line'"),
        (HEAD + D + "    - l: {kind: BeamLine, line: [d1]}", ":4: .*'d1'; did you mean 'd'"),
        (
            HEAD + "    - a: {kind: BeamLine, line: [b]}\n    - b: {kind: BeamLine, line: [a]}\n"
            "    - c: {kind: BeamLine, line: [a]}",
            ":3: cyclic lines: a -> b -> a",
        ),
        (
            HEAD
            + "    - d: {inherit: e}\n    - e: {inherit: d}\n    - l: {kind: BeamLine, line: [d]}",
            "inherits from itself",
        ),
        (HEAD + "    - d: {inherit: x}\n    - l: {kind: BeamLine, line: [d]}", ":3: .*named 'x'"),
        (HEAD + D + "    - l: {kind: BeamLine, line: [{d: {repeat: 1.5}}]}", ":4: repeat must be"),
        (
            HEAD + D + "    - l: {kind: BeamLine, line: [{d: {placement: {offset: 1}}}]}",
            ":4: the placement of 'd' is not understood",
        ),
        (
            HEAD
            + "    - q: {kind: Quadrupole}\n"
            + "    - l: {kind: BeamLine, line: [{q: {direction: -1}}]}",
            ":4: direction -1 turns the field of 'q' round",
        ),
        (
            HEAD + D + "    - l: {kind: BeamLine, line: [d]}\n    - m: {kind: BeamLine, line: [d]}",
            "several lines, name one with line=: l, m",
        ),
        (
            HEAD + D + "    - l: {kind: BeamLine, line: [d]}\n    - use: k",
            "'k'; did you mean|known",
        ),
        (HEAD + "    - set: {parameter: d>length, value: 1}", ":3: length: no element up to here"),
        (
            HEAD + "    - d: {kind: Drift, include: a.yaml}\n    - l: {kind: BeamLine, line: [d]}",
            ":3: there is no file 'a.yaml'",
        ),
        ("PALS:\n  include: a.yaml\n  facility: []", ":2: there is no file 'a.yaml'"),
        ("PALS: &a\n  facility: *a", "an anchor contains itself"),
    ],
)
def test_files_that_are_wrong_are_named(read, text, message):
    with pytest.raises(LatticeFileError, match=message) as caught:
        read(text)
    assert "file.pals.yaml" in str(caught.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("kind: Quadrupol, length: 1", "kind.*'Quadrupol'; did you mean 'Quadrupole'"),
        ("kind: Drift, length: 1 m", r":3: e: length must be a number, got '1 m': the expr"),
        ("kind: Drift, length: true", ":3: e: length must be a number, got True"),
        ("kind: Quadrupole, length: -1", ":3: e: .*must not be negative"),
        ("kind: Quadrupole, MagneticMultipoleP: 3", "MagneticMultipoleP must hold parameters"),
        (
            "kind: Quadrupole, MagneticMultipoleP: {Kn1: 1, Ks1L: 2}",
            "Ks1L has another form than the other part of order 1",
        ),
        (
            "kind: Bend, length: 1, BendP: {angle_ref: 1, g_ref: 1}",
            "two of: angle, one curvature, one length; more are given",
        ),
        ("kind: Bend, length: 1, BendP: {e1: 1, e1_rect: 1}", "e1_rect and e1 are both set"),
        ("kind: Bend, length: 1, BendP: {ref_geometry: EXIT_COORDS}", "EXIT_COORDS is not underst"),
        ("kind: RFCavity, RFP: {zero_phase: CREST}", "must be one of ACCELERATING.* got 'CREST'"),
        ("kind: RFCavity, RFP: {harmon: 3}", ":3: e: a harmonic number needs"),
        ("kind: RFCavity, RFP: {voltage: 1, gradient: 1}", "gradient and voltage are both set"),
        ("kind: Patch, PatchP: {flexible: true}", "PatchP.flexible is not understood"),
        (
            "kind: Drift, TrackingP: {pyjutrack: {modl: exact}}",
            "no field of Drift named 'modl'; did you mean 'model'",
        ),
    ],
)
def test_elements_that_are_wrong_are_named(read, given, message):
    with pytest.raises(LatticeFileError, match=message):
        line_of(read, given)


def test_lines_in_place_and_controllers(read):
    found = read(
        HEAD + "    - p: {kind: Controller, variables: {i: 1}}\n"
        "    - m: {kind: Lattice, branches: [{r: {kind: BeamLine, line: [{e: {kind: Marker}}]}}]}"
    )
    assert found.lattice.names == ["e"]
    assert found.lattice.variables == {"p>i": 1.0}


def test_files_that_are_none(tmp_path):
    with pytest.raises(LatticeFileError, match=r"none\.yaml: cannot be read"):
        read_pals(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(bytes(range(256)))
    with pytest.raises(LatticeFileError, match="not a text file"):
        read_pals(tmp_path / "binary.yaml")


def test_words_and_numbers_are_those_of_yaml_1_2(read):
    text = HEAD + "    - on: {kind: Drift, length: 1.0e0}\n    - no: {kind: Drift, length: 1e-1}\n"
    ring = read(text + "    - yes: {kind: BeamLine, line: [on, no, on]}\n")
    assert [(e.name, e.length) for e in ring.lattice] == [("on", 1.0), ("no", 0.1), ("on", 1.0)]


def test_a_kind_that_is_not_modelled_is_a_placeholder(read):
    found = line_of(
        read, "kind: Wiggler, length: 2", "WigglerP: {periods: 10, field: [1, 2*pi]}, label: w"
    )
    (wiggler,) = found.lattice
    assert (type(wiggler), wiggler.length, wiggler.stands_for) == (pj.Placeholder, 2, "Wiggler")
    assert wiggler.settings["WigglerP"]["field"] == (1, "2*pi")
    assert wiggler.settings["label"] == "w"
    assert "not modelled" in found.notes[0].message
    proton = pj.Reference.from_kinetic("proton", 1e9)
    with pytest.raises(pj.errors.InvalidValueError, match="Wiggler"):
        pj.jacobian(found.lattice, proton)
    assert pj.jacobian(found.lattice.skip_placeholders(), proton)[0, 1] == pytest.approx(2.0)

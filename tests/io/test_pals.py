"""PALS files by hand: what their lines and elements are, and what is noted."""

from __future__ import annotations

import cmath
import math

import pytest
import torch
from element_cases import move, points
from pals_text import HEAD, line_of, reader
from scipy import constants as codata

import pyjutrack as pj
from pyjutrack.errors import LatticeFileError


@pytest.fixture
def read(tmp_path):
    return reader(tmp_path)


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
        (
            "kind: RFCavity, RFP: {voltage: 1, frequency: 1, cavity_type: TRAVELING_WAVE}",
            "of no length",
        ),
        (
            "kind: RFCavity, RFP: {voltage: 1, frequency: 1, dE_ref: 3}",
            "RFP.dE_ref = 3.0 eV is not what",
        ),
        ("kind: Drift, length: 1, my_data: {a: 1}", "my_data is left out"),
        ("kind: Drift, length: 1, ApertureP: {shape: VERTICES}", "ApertureP.shape = VERTICES"),
    ],
)
def test_what_the_package_lacks_is_noted(read, given, message):
    found = line_of(read, given)
    assert message in " ".join(note.message for note in found.notes)
    assert {note.element for note in found.notes} == {"e"}


def test_lines_in_place_and_controllers(read):
    found = read(
        HEAD + "    - p: {kind: Controller, variables: {i: 1}}\n"
        "    - m: {kind: Lattice, branches: [{r: {kind: BeamLine, line: [{e: {kind: Marker}}]}}]}"
    )
    assert found.lattice.names == ["e"]
    assert found.lattice.variables == {"p>i": 1.0}


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

"""Expressions of PALS files go through every conversion of units and signs."""

from __future__ import annotations

from pathlib import Path

import pytest

import pyjutrack as pj
from pyjutrack.io.pals.read import read_pals

ELECTRON = pj.Reference.from_total("electron", 3e9)
HEAD = "PALS:\n  facility:\n"
LINE = "    - l: {kind: BeamLine, line: [e]}\n"
BENDS = [
    "length: 2.0*v, BendP: {angle_ref: 0.3, e1_rect: 0.1*v}",
    "length: 2.0, BendP: {g_ref: -0.15*v, edge1_int: 0.02*v}",
    "length: 2.0, BendP: {radius_ref: 5*v, e1: v, e2_rect: 0.1}",
    "BendP: {angle_ref: 0.2*v, radius_ref: 5.0}",
    "BendP: {g_ref: 0.25*v, L_chord: 1.9}",
    "BendP: {angle_ref: 0.4, L_chord: 1.9*v}",
    "BendP: {angle_ref: 0.4*v, L_rectangle: 1.9}",
    "BendP: {g_ref: 0.2, L_rectangle: 1.9*v}",
    "length: 2.0, BendP: {angle_ref: 0.3*v}, MagneticMultipoleP: {Kn0: 0.2, Ks1L: v, tilt1: v}",
]
OTHERS = [
    "kind: Quadrupole, length: v, MagneticMultipoleP: {Kn1: v, Ks1: 0.3, tilt1: 0.1*v, Kn2L: 1}",
    "kind: Multipole, MagneticMultipoleP: {Kn3L: v, Ks1L: 0.1, tilt3: 0.2}",
    "kind: Kicker, length: 0.2, MagneticMultipoleP: {Kn0L: 0.001*v, Ks0L: 0.01*v, Bn2: v}",
    "kind: RFCavity, length: 0.4, RFP: {harmon: 8*v, gradient: v, L_active: 0.3, phase: 0.1*v}",
    "kind: Solenoid, length: 0.4*v, SolenoidP: {Bsol: 0.1*v}",
    "kind: Patch, PatchP: {x_offset: v, x_rot: 0.1}",
    "kind: Mask, ApertureP: {x_min: -0.1*v, x_max: 0.3, y_width: 1}, length: 0",
]


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.LatticeWarning")
@pytest.mark.parametrize("given", [*(f"kind: Bend, {bend}" for bend in BENDS), *OTHERS])
def test_expressions_go_through_every_conversion(tmp_path: Path, given: str) -> None:
    """A variable that is changed is as a file of another number."""
    path = tmp_path / "e.pals.yaml"

    def element(value: float) -> pj.Lattice:
        text = f"{HEAD}    - variables: {{v: {value}}}\n    - e: {{{given}}}\n{LINE}"
        path.write_text(text, encoding="utf-8")
        return pj.read_lattice(path, reference=ELECTRON).lattice

    found, other = element(0.9), element(0.7)
    if "kind: Mask" in given:
        notes = read_pals(path).notes
        assert "half_width keeps its value" in str(notes[0])
        return
    moved = found.with_values(v=0.7)
    for name in (*other[0].knobs, *other[0].placement):
        ours, theirs = getattr(moved[0], name), getattr(other[0], name)
        if name in ("hgap", "fint"):
            continue  # the product counts
        assert ours == pytest.approx(theirs, rel=1e-14, abs=1e-18), name
    if "edge" in given:
        products = [line[0].fint * line[0].hgap for line in (moved, other)]
        assert products[0] == pytest.approx(products[1], rel=1e-14)

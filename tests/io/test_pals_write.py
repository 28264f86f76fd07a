"""Lattices written as PALS: round trips over all kinds, and what others read of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np
import pytest
import torch
from element_battery import CASES, ONE_WAY
from element_cases import build, move, points
from pals_text import yaml

import pyjutrack as pj
from pyjutrack.errors import LatticeWarning
from pyjutrack.io.pals.read import read_pals, write_pals

ALL = [*CASES, *ONE_WAY]
#: kinds that the standard has no word for
LACKING = (pj.DipoleEdge, pj.HamiltonianKick, pj.TaylorMap, pj.ThinBend)
STANDARD = [case for case in ALL if case.kind not in LACKING]


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.LatticeWarning")
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

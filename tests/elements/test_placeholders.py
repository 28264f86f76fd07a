"""Placeholders: kept, drawn and written; refused by name wherever physics is asked for."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from element_cases import PROTON, points

import pyjutrack as pj

SETTINGS = {"current": 120.0, "turns": 3, "on": True, "of": ["a", 1.5, None], "at": {"x": 1e-3}}
WIRE = pj.Placeholder(0.3, stands_for="wire", settings=SETTINGS, name="w1")
LENS = pj.Placeholder(stands_for="beambeam", name="bb")
QF, QD = pj.Quadrupole(0.5, 0.6, name="qf"), pj.Quadrupole(0.5, -0.6, name="qd")
RING = pj.Lattice([QF, pj.Drift(1.0), WIRE, QD, LENS, pj.Drift(1.2)])
BEAM = pj.Beam(PROTON, points(4))
SIZE = pj.observables.size("x")

CALLS: dict[str, Callable[[pj.Lattice], Any]] = {
    "track": lambda ring: pj.track(ring, BEAM),
    "track with slopes": lambda ring: pj.track(
        ring, pj.Beam(PROTON, points(4).requires_grad_()), adjoint="store"
    ),
    "jacobian": lambda ring: pj.jacobian(ring, PROTON),
    "gradient": lambda ring: pj.gradient(SIZE, ring, BEAM, wrt=["qf.k1"]),
    "gradient forward": lambda ring: pj.gradient(SIZE, ring, BEAM, wrt=["qf.k1"], mode="forward"),
    "twiss": lambda ring: pj.twiss(ring, PROTON),
    "twiss_table": lambda ring: pj.twiss_table(ring, PROTON),
    "closed orbit": lambda ring: pj.optics.closed_orbit(ring, PROTON),
    "loss map": lambda ring: pj.loss_map(ring, BEAM),
    "beams along": lambda ring: pj.beams_at(ring, BEAM, ["qd"]),
}


@pytest.mark.parametrize("name", CALLS)
def test_physics_is_refused_by_name(name: str) -> None:
    message = r"Placeholder 'w1' stands for wire, .*and 1 more placeholder; .*skip_placeholders\(\)"
    with pytest.raises(pj.errors.InvalidValueError, match=message):
        CALLS[name](RING)
    CALLS[name](RING.skip_placeholders())


def test_an_element_by_itself_is_refused_too() -> None:
    from pyjutrack.elements.part import WHOLE
    from pyjutrack.elements.placement import advance
    from pyjutrack.maps.state import State

    state = State(points(2).unbind(-1), torch.ones(2, dtype=torch.bool))
    with pytest.raises(pj.errors.InvalidValueError, match="'bb' stands for beambeam"):
        advance(LENS, state, PROTON, WHOLE)


def test_those_that_are_skipped_are_drifts_and_markers() -> None:
    found = RING.skip_placeholders()
    assert found["w1"] == pj.Drift(0.3, name="w1")
    assert found["bb"] == pj.Marker(name="bb")
    assert found.length == RING.length
    some = RING.skip_placeholders("wire")
    assert some["w1"] == pj.Drift(0.3, name="w1")
    assert some["bb"] is LENS
    with pytest.raises(pj.errors.InvalidValueError, match="'bb' stands for beambeam"):
        pj.twiss(some, PROTON)
    with pytest.raises(pj.errors.UnknownNameError, match="did you mean 'wire'"):
        RING.skip_placeholders("wires")
    plain = pj.Lattice([QF, QD])
    assert plain.skip_placeholders() == plain


@pytest.mark.parametrize("suffix", ["json", "pals.yaml"])
@pytest.mark.filterwarnings("ignore::pyjutrack.errors.LatticeWarning")
def test_files_give_them_back(suffix: str, tmp_path: Path) -> None:
    if suffix != "json":
        pytest.importorskip("yaml")
    pj.write_lattice(tmp_path / f"a.{suffix}", RING, PROTON)
    back = pj.read_lattice(tmp_path / f"a.{suffix}").lattice
    assert back == RING
    assert back["w1"].settings["at"]["x"] == 1e-3


def test_settings_are_frozen_plain_data() -> None:
    given: dict[str, Any] = {"of": [1, 2]}
    kept = pj.Placeholder(settings=given)
    given["of"].append(3)
    assert dict(kept.settings) == {"of": (1, 2)}
    with pytest.raises(TypeError):
        kept.settings["of"] = 1  # type: ignore[index]
    assert hash(WIRE) == hash(copy.deepcopy(WIRE))
    assert pickle.loads(pickle.dumps(WIRE)) == WIRE
    assert "'current': 120.0" in repr(WIRE)
    nested: Any = 1
    for _ in range(30):
        nested = [nested]
    for bad in ({"a": object()}, {"a": float("nan")}, {1: 2}, {"a": nested}, {"a": np.zeros(2)}):
        with pytest.raises(pj.errors.InvalidValueError, match="must be plain data"):
            pj.Placeholder(settings=bad)
    with pytest.raises(pj.errors.InvalidValueError, match="must be a dictionary, got 3"):
        pj.Placeholder(settings=3)  # type: ignore[arg-type]
    with pytest.raises(pj.errors.InvalidValueError, match="stands_for must be a string"):
        pj.Placeholder(stands_for=3)  # type: ignore[arg-type]


def test_a_file_with_other_settings_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    pj.write_lattice(path, RING, PROTON)
    path.write_text(path.read_text().replace('"turns": 3', '"turns": 1e999'), encoding="utf-8")
    with pytest.raises(pj.errors.LatticeFileError):
        pj.read_lattice(path)


def test_it_is_drawn_and_has_a_place() -> None:
    pytest.importorskip("matplotlib")
    from pyjutrack.plotting.layout import synoptic

    drawn = [found for found in synoptic(RING) if found.element is WIRE]
    np.testing.assert_allclose(drawn[0].outlines[0][:, 0].max(), 1.8)
    assert "w1" in RING._repr_html_()
    assert RING.knobs().count("w1.length") == 1

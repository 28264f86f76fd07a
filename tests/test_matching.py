"""Matching of rings and lines, checked by optics from an independent path."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack.optics.matching import Target


@pytest.fixture(scope="module")
def electron() -> pj.Reference:
    return pj.Reference.from_total("electron", 3e9)


@pytest.fixture(scope="module")
def ring() -> pj.Lattice:
    cell = [
        pj.Quadrupole(0.2, 1.6, name="qf"),
        pj.Sextupole(0.1, 0.0, name="sf"),
        pj.Drift(0.4),
        pj.SBend(1.0, math.pi / 8, name="b"),
        pj.Drift(0.4, name="d"),
        pj.Quadrupole(0.2, -1.5, name="qd"),
        pj.Sextupole(0.1, 0.0, name="sd"),
        pj.Drift(0.4),
        pj.SBend(1.0, math.pi / 8, name="b"),
        pj.Drift(0.4),
    ]
    return pj.Lattice(cell * 8)


def fractions(lattice: pj.Lattice, reference: pj.Reference, delta: float = 0.0) -> np.ndarray:
    """Tunes from the Jacobian of a tracked particle, on an orbit found by Newton's method."""
    at = np.array([0, 0, 0, 0, 0, delta])
    for _ in range(6):
        matrix = pj.jacobian(lattice, reference, at=at)
        end = pj.track(lattice, pj.Beam(reference, torch.tensor(at[None]))).numpy()[0]
        at[:4] += np.linalg.solve(np.eye(4) - matrix[:4, :4], (end - at)[:4])
    return pj.tunes(pj.jacobian(lattice, reference, at=at))


def test_tunes(ring: pj.Lattice, electron: pj.Reference) -> None:
    before = pj.twiss_table(ring, electron)
    wanted = {"tune_x": before.tune_x + 0.07, "tune_y": before.tune_y - 0.05}
    found = pj.match(ring, electron, ["qf.k1", "qd.k1"], wanted)
    assert found.success, found.message
    assert found.steps < 12
    assert np.abs(found.residuals).max() < 1e-9
    np.testing.assert_allclose(
        fractions(found.lattice, electron), [v % 1 for v in wanted.values()], rtol=0, atol=1e-8
    )
    assert found.lattice.value("qf.k1") == found.values["qf.k1"] != 1.6
    assert ring.value("qf.k1") == 1.6


def test_chromaticities(ring: pj.Lattice, electron: pj.Reference) -> None:
    wanted = {"chromaticity_x": 0.5, "chromaticity_y": 1.0}
    found = pj.match(ring, electron, ["sf.k2", "sd.k2"], wanted)
    assert found.success, found.message
    step = 1e-5
    slopes = fractions(found.lattice, electron, step) - fractions(found.lattice, electron, -step)
    np.testing.assert_allclose(slopes / 2 / step, [0.5, 1.0], rtol=1e-5)


def test_a_waist_at_the_end_of_a_line(electron: pj.Reference) -> None:
    line = pj.Lattice(
        [
            item
            for i in range(4)
            for item in (pj.Quadrupole(0.2, 2.0 * (-1) ** i, name=f"q{i}"), pj.Drift(0.8))
        ]
    )
    start = pj.optics.Twiss(5.0, -1.0, 4.0, 0.5)
    goals = [
        Target(name, value, at=-1)
        for name, value in {"beta_x": 1.5, "alpha_x": 0.0, "beta_y": 2.5, "alpha_y": 0.0}.items()
    ]
    knobs = {f"q{i}.k1": (-8.0, 8.0) for i in range(4)}
    found = pj.match(line, electron, knobs, goals, initial=start)
    assert found.success, found.message
    matrix = pj.jacobian(found.lattice, electron)
    for i, (beta, alpha, wanted) in enumerate(((5.0, -1.0, 1.5), (4.0, 0.5, 2.5))):
        block = matrix[2 * i : 2 * i + 2, 2 * i : 2 * i + 2]
        sigma = np.array([[beta, -alpha], [-alpha, (1 + alpha**2) / beta]])
        end = block @ sigma @ block.T
        np.testing.assert_allclose(end, [[wanted, 0], [0, 1 / wanted]], atol=1e-8)


def test_limits_and_functions(ring: pj.Lattice, electron: pj.Reference) -> None:
    table = pj.twiss_table(ring, electron)
    largest = float(table.beta_x.max())

    def widest(t: pj.optics.TwissTable) -> torch.Tensor:
        return t.beta_x.max()

    off = ring.with_values({"qf.k1": 1.2, "qd.k1": -1.5})
    assert pj.twiss_table(off, electron).beta_x.max() > 1.01 * largest
    goals = [Target(widest, below=1.005 * largest), Target("tune_y", float(table.tune_y))]
    found = pj.match(off, electron, ["qf.k1", "qd.k1"], goals)
    assert found.success, found.message
    after = pj.twiss_table(found.lattice, electron)
    assert after.beta_x.max() <= 1.005 * largest + 1e-8
    assert after.tune_y == pytest.approx(table.tune_y, abs=1e-9)
    kept = pj.match(ring, electron, ["qf.k1"], [Target("beta_x", at="d", below=1e3, above=0.0)])
    assert kept.success
    assert kept.values["qf.k1"] == 1.6


def test_targets_that_cannot_be_met_are_reported(ring: pj.Lattice, electron: pj.Reference) -> None:
    found = pj.match(
        ring, electron, {"qf.k1": (1.5, 1.7)}, [Target("tune_x", 9.9), Target("tune_y", 0.1)]
    )
    assert not found.success
    assert "target tune_x is off by" in found.message
    assert "target tune_y is off by" in found.message
    assert "further steps" in found.message
    assert "qf.k1" in found.message
    assert 1.5 <= found.values["qf.k1"] <= 1.7


def test_a_fraction_of_a_tune_is_told_of(ring: pj.Lattice, electron: pj.Reference) -> None:
    whole = int(pj.twiss_table(ring, electron).tune_x)
    found = pj.match(ring, electron, ["qf.k1"], {"tune_x": 0.31}, max_steps=5)
    assert whole >= 1
    assert not found.success
    assert found.message.endswith(f"should it be {whole}.31?")
    near = pj.match(ring, electron, {"qf.k1": (1.59, 1.61)}, {"tune_x": whole + 0.9}, max_steps=5)
    assert "should it be" not in near.message


def test_a_knob_that_moves_nothing_is_named() -> None:
    """The strength is its own once it is a knob, and its variable moves nothing else."""
    file = pj.io.read_lattice(pj.io.example("ring.madx"), line="ring")
    goals = {"tune_x": 3.31, "tune_y": 3.21}
    found = pj.match(file.lattice, file.reference, ["qf.k1", "kqf"], goals)
    assert not found.success
    assert found.message.endswith("What moves no target: kqf")


def test_steps_into_instability_are_taken_back(ring: pj.Lattice, electron: pj.Reference) -> None:
    """A full Newton step from here overshoots the edge of stability."""
    table = pj.twiss_table(ring, electron)
    edge = pj.match(ring, electron, ["qf.k1"], {"tune_x": math.floor(table.tune_x) + 0.99})
    assert edge.success, edge.message
    assert float(pj.twiss_table(edge.lattice, electron).tune_x) % 1 == pytest.approx(0.99, abs=1e-9)


@pytest.mark.parametrize(
    ("variables", "targets", "error", "match"),
    [
        (["qx.k1"], {"tune_x": 0.3}, pj.errors.UnknownNameError, "qf.k1"),
        (["qf.k1"], {"tunex": 0.3}, pj.errors.UnknownNameError, "tune_x"),
        (["qf.k1"], [Target("beta_x", 3.0, at="qq")], pj.errors.UnknownNameError, "qf"),
        (["qf.k1"], [Target("beta_x", 3.0)], pj.errors.InvalidValueError, "at="),
        (["qf.k1"], [Target("tune_x", 3.0, at="qf")], pj.errors.InvalidValueError, "at="),
        ([], {"tune_x": 0.3}, pj.errors.InvalidValueError, "variables"),
        ("qf.k1", {"tune_x": 0.3}, pj.errors.InvalidValueError, "variables"),
        (["qf.k1"], [], pj.errors.InvalidValueError, "targets"),
        (["qf.k1"], [3.0], pj.errors.InvalidValueError, "targets"),
        ({"qf.k1": (2.0, 3.0)}, {"tune_x": 0.3}, pj.errors.InvalidValueError, "outside its limits"),
    ],
)
def test_bad_input(
    ring: pj.Lattice,
    electron: pj.Reference,
    variables: object,
    targets: object,
    error: type[Exception],
    match: str,
) -> None:
    with pytest.raises(error, match=match):
        pj.match(ring, electron, variables, targets)


def test_targets_that_say_nothing() -> None:
    for options in (
        {},
        {"value": 1.0, "below": 2.0},
        {"value": math.nan},
        {"value": 1.0, "weight": 0},
    ):
        with pytest.raises(pj.errors.InvalidValueError, match="target beta_x"):
            Target("beta_x", at="q", **options)

"""Random errors of knobs: their distribution, whose they are, and the machines that they make."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from element_cases import PROTON
from scipy import stats

import pyjutrack as pj

LINE = pj.Lattice(
    [
        pj.Drift(0.4, name="d"),
        pj.Quadrupole(0.3, 1.2, name="q1"),
        pj.Drift(0.5, name="d2"),
        pj.Quadrupole(0.3, 0.0, name="q2"),
        pj.Multipole(knl=(0.0, 0.2, 3.0), name="m"),
    ],
    variables={"kf": 0.7},
    expressions={"q2.k1": "-2*kf"},
)


def errors(lattice: pj.Lattice, address: str, design: float = 0.0) -> np.ndarray:
    return np.asarray(lattice.value(address)) - design


@pytest.mark.parametrize("cut", [math.inf, 3.0, 1.0])
def test_distribution(cut: float) -> None:
    """Kolmogorov-Smirnov beside SciPy's normal and truncated normal distributions."""
    many = LINE.with_errors({"q1.dx": 2e-4, "q2.dx": 1e-4}, count=20000, seed=5, cut=cut)
    first, second = errors(many, "q1.dx") / 2e-4, errors(many, "q2.dx") / 1e-4
    of = stats.norm if math.isinf(cut) else stats.truncnorm(-cut, cut)
    for found in (first, second):
        assert np.abs(found).max() <= cut
        assert stats.kstest(found, of.cdf).pvalue > 1e-3
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / math.sqrt(20000)


def test_relative_errors_and_patterns() -> None:
    many = LINE.with_errors({"*.tilt": 1e-3}, relative={"q1.k1": 1e-2}, count=4000, seed=1)
    assert np.std(errors(many, "q1.k1", 1.2)) == pytest.approx(0.012, rel=0.05)
    for name in ("d", "q1", "d2", "q2", "m"):
        assert np.std(errors(many, f"{name}.tilt")) == pytest.approx(1e-3, rel=0.05)
    quadrupoles = LINE.with_errors({"*.dy": 1e-4}, kind=pj.Quadrupole, count=3, seed=1)
    assert [e.name for e in quadrupoles if e.batch] == ["q1", "q2"]


def test_an_error_is_the_knobs_and_the_seeds_own() -> None:
    """Whatever else has one, and however many machines there are."""
    few = LINE.with_errors({"q1.dx": 1e-4}, count=5, seed=7)
    more = LINE.with_errors({"*.dx": 1e-4, "m.knl[1]": 1e-3}, count=50, seed=7)
    np.testing.assert_array_equal(errors(few, "q1.dx"), errors(more, "q1.dx")[:5])
    other = LINE.with_errors({"q1.dx": 1e-4}, count=5, seed=8)
    assert not np.isin(errors(other, "q1.dx"), errors(few, "q1.dx")).any()


def test_variables_move_what_is_computed_from_them() -> None:
    many = LINE.with_errors(relative={"kf": 1e-3}, count=6, seed=2)
    np.testing.assert_allclose(errors(many, "q2.k1"), -2 * errors(many, "kf"), rtol=1e-15)
    both = LINE.with_errors({"q2.k1": 1e-2}, relative={"kf": 1e-3}, count=6, seed=2)
    own = errors(LINE.with_errors({"q2.k1": 1e-2}, count=6, seed=2), "q2.k1", -1.4)
    np.testing.assert_allclose(errors(both, "q2.k1"), -2 * errors(both, "kf") + own, rtol=1e-13)


def test_each_machine_is_tracked() -> None:
    """A displaced quadrupole moves the reference particle as the linear map of it says."""
    length, k1, shift = 0.3, 1.2, 1e-4
    line = pj.Lattice([pj.Quadrupole(length, k1, name="q")])
    many = line.with_errors({"q.dx": shift}, count=40, seed=3)
    end = pj.track(many, pj.Beam(PROTON, np.zeros((1, 6)))).coordinates[:, 0]
    dx, phase = errors(many, "q.dx"), math.sqrt(k1) * length
    np.testing.assert_allclose(end[:, 0], (1 - math.cos(phase)) * dx, rtol=1e-11)
    np.testing.assert_allclose(end[:, 1], math.sqrt(k1) * math.sin(phase) * dx, rtol=1e-11)


def test_orbits_of_each_machine() -> None:
    cell = [
        pj.Quadrupole(0.2, 1.6, name="qf"),
        pj.Drift(0.5, name="d"),
        pj.SBend(0.5, np.pi / 4, model="linear", name="b"),
        pj.Quadrupole(0.2, -1.6, name="qd"),
        pj.Drift(0.5, name="d"),
    ]
    ring = pj.Lattice(cell * 8).with_unique_names()
    many = ring.with_errors({"q*.dx": 1e-5}, count=4, seed=1)
    orbits = pj.optics.closed_orbit(many, PROTON)
    assert orbits.shape == (4, 41, 6)
    names = [n for n in ring.names if n.startswith("q")]
    for n in range(4):
        own = {f"{name}.dx": float(errors(many, f"{name}.dx")[n]) for name in names}
        one = pj.optics.closed_orbit(ring.with_values(own), PROTON)
        np.testing.assert_allclose(orbits[n], one, rtol=0, atol=1e-13 * np.abs(one).max())
    assert np.abs(orbits[:, :, 0]).max() > 1e-6


def test_beside_settings_that_there_are() -> None:
    lattice = LINE.with_values({"q1.k1": torch.tensor([1.0, 1.1], dtype=torch.float64)})
    many = lattice.with_errors(relative={"q1.k1": 1e-3}, count=3, seed=1)
    assert tuple(torch.as_tensor(many.value("q1.k1")).shape) == (3, 2)
    beam = pj.Beam(PROTON, np.full((1, 6), 1e-3))
    assert pj.track(many, beam).coordinates.shape == (3, 2, 1, 6)


def test_the_lattice_is_left_as_it_is() -> None:
    LINE.with_errors({"q1.dx": 1e-4}, count=2, seed=1)
    assert LINE.value("q1.dx") == 0.0


def test_what_is_refused() -> None:
    def refused(match: str, *args: object, **given: object) -> None:
        call: object = {"count": 3, "seed": 1, **given}
        with pytest.raises(pj.errors.InvalidValueError, match=match):
            LINE.with_errors(*args, **call)  # type: ignore[arg-type]

    refused("'q1.dx' has two errors", {"q1.dx": 1e-4, "q*.dx": 1e-3})
    refused("is zero, and has no relative error", relative={"q1.dx": 0.1})
    refused("as short as", {"d.length": 10.0}, count=100)
    refused("a dict of pattern to rms")
    refused("a dict of pattern to rms", ["q1.dx"])
    refused("the rms of 'q1.dx'", {"q1.dx": -1.0})
    refused("count must be", {"q1.dx": 1.0}, count=0)
    refused("seed must be", {"q1.dx": 1.0}, seed=-1)
    refused("cut must be", {"q1.dx": 1.0}, cut=0.0)
    with pytest.raises(pj.errors.UnknownNameError):
        LINE.with_errors({"q7.dx": 1.0}, count=1, seed=1)
    with pytest.raises(pj.errors.UnknownNameError):
        LINE.with_errors({"x*.dx": 1.0}, count=1, seed=1)


def test_elements_of_one_name() -> None:
    twice = LINE * 2
    with pytest.raises(pj.errors.InvalidValueError, match="2 elements are named 'q1'"):
        twice.with_errors({"q1.dx": 1e-4}, count=2, seed=1)
    together = twice.with_errors({"q1.dx": 1e-4}, count=2, seed=1, shared=True)
    assert torch.equal(together[1].dx, together[6].dx)
    apart = twice.with_unique_names().with_errors({"q1*.dx": 1e-4}, count=2, seed=1)
    assert not torch.equal(apart[1].dx, apart[6].dx)

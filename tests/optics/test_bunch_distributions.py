"""Bunches: shapes in z and delta, charge, and how they match an RF bucket."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from synchrotron_cases import CELL, ELECTRON

import pyjutrack as pj
from pyjutrack.errors import InvalidValueError, UnknownNameError
from pyjutrack.optics.bunches import match_bucket

LENGTH = sum(float(e.length) for e in CELL) * 8
HARMONIC = 32


def ring(voltage: Any = 3e6) -> pj.Lattice:
    frequency = HARMONIC * 299_792_458.0 * ELECTRON.beta / LENGTH
    cavity = pj.RFCavity(
        0.0, voltage, frequency=float(frequency), phase=np.pi, accelerate=False, name="rf"
    )
    return pj.Lattice([cavity, *CELL * 8])


def bunch(count: int = 20_000, **changes: Any) -> pj.Beam:
    table = pj.twiss(ring(), ELECTRON)
    given = {"twiss": table, "emittance": (1e-12, 1e-12), "charge": 1e-9, "quiet": True}
    return pj.distributions.gaussian(ELECTRON, count, **given | changes)


CUMULATIVE = {
    "gaussian": stats.norm.cdf,
    # the semicircle of radius 2, and the parabola of half-length sqrt(5)
    "waterbag": lambda z: 0.5 + z * np.sqrt(4 - z**2) / (4 * np.pi) + np.arcsin(z / 2) / np.pi,
    "parabolic": lambda z: 0.5 + 0.75 * (z / 5**0.5 - (z / 5**0.5) ** 3 / 3),
}


@pytest.mark.parametrize("shape", CUMULATIVE)
def test_line_densities_and_sizes(shape: str) -> None:
    beam = bunch(longitudinal=shape, sigma_z=2e-3, sigma_delta=3e-4, quiet=False, seed=3)
    for name, sigma in (("z", 2e-3), ("delta", 3e-4)):
        unit = beam.coordinate(name).numpy() / sigma
        assert stats.kstest(unit, CUMULATIVE[shape]).pvalue > 1e-3
        assert unit.std() == pytest.approx(1, abs=0.03)
    correlation = np.corrcoef(beam.coordinate("z"), beam.coordinate("delta"))[0, 1]
    assert abs(correlation) < 0.03
    assert (beam.charge, beam.current) == (1e-9, 0.0)
    quiet = bunch(longitudinal=shape, sigma_z=2e-3, sigma_delta=3e-4)
    sizes = pj.moments.sizes(quiet).numpy()[4:]
    np.testing.assert_allclose(sizes, [2e-3, 3e-4], rtol=3e-3)


def test_shapes_are_those_of_phase_space() -> None:
    """The density within an ellipse: all of it up to its edge, and the part within half of it."""
    for shape, edge, part in (("waterbag", 2.0, 0.25), ("parabolic", 5**0.5, 1 - 0.75**1.5)):
        beam = bunch(longitudinal=shape, sigma_z=1.0, sigma_delta=1.0)
        radius = torch.hypot(beam.coordinate("z"), beam.coordinate("delta"))
        assert float(radius.max()) == pytest.approx(edge, rel=1e-2)
        assert float(radius.max()) <= edge
        inner = float((radius < edge / 2).double().mean())
        assert inner == pytest.approx(part, abs=2e-3)


def test_the_match_is_that_of_textbooks_and_eigenvectors() -> None:
    bucket = pj.optics.synchrotron_optics(ring(), ELECTRON)
    ratio, tilt = map(float, match_bucket(bucket))
    slip = pj.twiss_table(ring(), ELECTRON).momentum_compaction - 1 / ELECTRON.gamma**2
    tune = min(float(bucket.tunes[2]), 1 - float(bucket.tunes[2]))
    assert ratio == pytest.approx(2 * math.pi * tune / (slip * LENGTH), rel=1e-2)
    values, vectors = np.linalg.eig(bucket.matrix.detach().numpy())
    wanted = np.exp(2j * np.pi * float(bucket.tunes[2]))
    v = vectors[:, np.abs(values - wanted).argmin()]
    assert ratio == pytest.approx(abs(v[5]) / abs(v[4]), rel=1e-9)
    expected = (v[4].conj() * v[5]).real / abs(v[4]) / abs(v[5])
    assert tilt == pytest.approx(expected, abs=1e-9)
    assert abs(tilt) > 1e-3, "the kick of a turn is before or after here"


@pytest.mark.parametrize("shape", CUMULATIVE)
def test_a_matched_bunch_stays(shape: str) -> None:
    bucket = pj.optics.synchrotron_optics(ring(), ELECTRON)
    beam = bunch(500, longitudinal=shape, sigma_z=1e-3, bucket=bucket)
    ratio = float(match_bucket(bucket)[0])
    other = bunch(500, longitudinal=shape, sigma_z=1e-3, sigma_delta=2e-3 * ratio)
    period = 1 / min(float(bucket.tunes[2]), 1 - float(bucket.tunes[2]))
    changes = []
    for one in (beam, other):
        sizes = []
        for _ in range(4):
            one = pj.track(ring(), one, turns=round(period / 8))
            sizes.append(float(pj.moments.sizes(one)[4]))
        changes.append(max(sizes) / min(sizes) - 1)
    assert changes[0] < 0.01
    assert changes[1] > 0.3


def test_the_match_carries_derivatives() -> None:
    """The spread grows with the root of the voltage."""

    def spread(voltage: torch.Tensor) -> torch.Tensor:
        bucket = pj.optics.synchrotron_optics(ring(voltage), ELECTRON)
        return pj.moments.sizes(bunch(100, sigma_z=1e-3, bucket=bucket))[5]

    at = torch.tensor(3e6, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(spread(at), at)
    h = 3e2
    differences = float(spread(torch.tensor(3e6 + h)) - spread(torch.tensor(3e6 - h))) / (2 * h)
    assert float(slope) == pytest.approx(differences, rel=1e-5)
    assert float(slope) == pytest.approx(float(spread(at.detach())) / 6e6, rel=0.02)


def test_what_is_refused() -> None:
    bucket = pj.optics.synchrotron_optics(ring(), ELECTRON)
    with pytest.raises(InvalidValueError, match="give that alone"):
        bunch(10, sigma_z=1e-3, sigma_delta=1e-3, bucket=bucket)
    with pytest.raises(InvalidValueError, match="give that alone"):
        bunch(10, bucket=bucket)
    with pytest.raises(InvalidValueError, match="bucket must be a SynchrotronOptics"):
        bunch(10, sigma_z=1e-3, bucket=3.0)
    with pytest.raises(UnknownNameError, match="did you mean 'waterbag'"):
        bunch(10, longitudinal="water bag")
    with pytest.raises(InvalidValueError, match="coasting, with a current, or a bunch"):
        bunch(10, current=1.0)

"""The example of an electron ring, small: slopes, growth by photons, picture."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from examples_loader import load_example

import pyjutrack as pj


def test_slopes_growth_and_picture(tmp_path: Path) -> None:
    example = load_example("electron_ring/run")
    lattice = example.ring()
    expected = pj.optics.equilibrium(lattice, example.ELECTRON)
    value, exact = example.slopes(lattice)
    assert value == pytest.approx(float(expected.emittances[0]), rel=1e-9)
    np.testing.assert_allclose(exact, example.differences(lattice), rtol=1e-5)
    grown = example.grow(lattice, expected, 400, 0.5)
    # amplitudes are damped with the time, and squares twice as fast
    part = 1 - math.exp(
        -2 * grown[0][-1] * lattice.length / example.SPEED / float(expected.damping_times[0])
    )
    assert grown[1][-1] == pytest.approx(part * value, rel=0.25)
    rows = [(1.79, value, exact[0]), (1.8, value, exact[0])]
    example.draw(grown, expected, rows, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 10_000

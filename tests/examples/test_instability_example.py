"""The example of an instability, small: slopes, histories, picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from examples_loader import load_example


def test_slopes_histories_and_picture(tmp_path: Path) -> None:
    example = load_example("instability/run")
    beam, turns, shunt = example.bunch(100), 40, 1.2e7
    rate, slopes = example.rate_and_slopes(shunt, beam, turns)
    expected = example.slopes_by_differences(shunt, beam, turns)
    np.testing.assert_allclose(slopes, [*expected.values()], rtol=1e-5)
    history = example.amplitudes(shunt, beam, turns + 1)
    # readings are before each turn: the last is that of the beam after 40
    assert np.log(history[-1]) == pytest.approx(rate * turns, rel=1e-9)
    rows = [(1e7, rate, slopes[0]), (shunt, rate, slopes[0])]
    example.draw({shunt: history}, rows, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 10_000

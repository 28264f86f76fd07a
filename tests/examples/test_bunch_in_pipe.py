"""The example of a bunch in a pipe, small: its slopes are those of differences, and it draws."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from examples_loader import load_example

import pyjutrack as pj
from pyjutrack.testing.comparison import differences

pytestmark = pytest.mark.filterwarnings("ignore::pyjutrack.errors.ResolutionWarning")


def test_slopes_and_picture(tmp_path: Path) -> None:
    example = load_example("bunch_in_pipe/run")
    beam, effect = example.bunch(600), example.space_charge(24)
    value, found = example.slopes(beam, effect)
    size = pj.observables.size("x")

    def value_at(knob: str, number: float) -> float:
        if knob == "beam.charge":
            line, bunch = example.line(), beam.replace(charge=number)
        else:
            line, bunch = example.line().with_values({knob: number}), beam
        return float(size(final=pj.track(line, bunch, effects=[effect])))

    rebuilt = []
    for knob in example.KNOBS:
        at = float(beam.charge if knob == "beam.charge" else example.line().value(knob))
        rebuilt.append(differences(partial(value_at, knob), at, 1e-4 * abs(at))[0])
    np.testing.assert_allclose(found, rebuilt, rtol=1e-5, atol=1e-7)
    free = float(size(final=pj.track(example.line(), example.bunch(600, 0.0))))
    assert free < value < 1.2 * free
    assert found[0] == pytest.approx((value - free) / example.CHARGE, rel=0.5)
    along = [example.sizes_along(example.bunch(200, q), effect) for q in (example.CHARGE, 0.0)]
    assert along[0][-1, 3] > along[1][-1, 3] > 6e-3
    scan = [(0.0, free, found[0]), (example.CHARGE, value, found[0])]
    example.draw(along, scan, (value, found, [22.0, -22.0] * 3), tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 10_000

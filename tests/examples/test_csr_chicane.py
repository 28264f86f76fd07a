"""The compressor with coherent radiation, small: its gradient, and that it leads downhill."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from examples_loader import load_example

import pyjutrack as pj
from pyjutrack.testing.comparison import differences

#: in the last bends the bunch is as wide as a line of charge may be, or wider by some per cent
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*particles are few:pyjutrack.errors.ResolutionWarning"),
    pytest.mark.filterwarnings("ignore:CSR in an arc:pyjutrack.errors.AccuracyWarning"),
]


@pytest.fixture(scope="module")
def example():
    return load_example("csr_chicane/compress")


def test_the_chicane_compresses(example) -> None:
    """By R56 as the variable says, without dispersion after it."""
    for r56 in (0.02, 0.025):
        matrix = pj.jacobian(example.chicane().with_values({"r56": r56}), example.REFERENCE)
        assert matrix[4, 5] == pytest.approx(r56, rel=5e-3)
        assert np.abs(matrix[:4, 5]).max() < 1e-9


def test_its_gradient(example) -> None:
    beam, effect = example.bunch(256, 1, quiet=True), replace(example.radiation(32), smoothing=1.5)
    options = {"wrt": example.KNOBS, "effects": [effect]}
    exact = pj.gradient(example.cost, example.chicane(), beam, **options)

    def value(knob: str, number: float) -> float:
        line = example.chicane().with_values({knob: number})
        return float(example.cost(final=pj.track(line, beam, effects=[effect]), initial=beam))

    rebuilt = [
        differences(partial(value, knob), float(example.chicane().value(knob)), 1e-6)[0]
        for knob in example.KNOBS
    ]
    np.testing.assert_allclose(exact, rebuilt, rtol=1e-5, atol=1e-6)


def test_the_emittance_grows_less(example) -> None:
    beam, effect = example.bunch(512, 1, quiet=True), replace(example.radiation(48), smoothing=2.0)
    values, history = example.optimise(example.chicane(), beam, effect, steps=15)
    assert min(history) < 0.9 * history[0]
    better = example.chicane().with_values(dict(zip(example.KNOBS, values, strict=True)))
    end = pj.track(better, beam, effects=[effect])
    assert float(end.coordinate("z").std()) == pytest.approx(example.SHORT, rel=0.05)

"""Networks over many cells."""

import numpy as np
import pytest
from examples_loader import load_example

import pyjutrack as pj
from pyjutrack.cli.paper import fodo


def growth(name, potential, cells):
    return load_example("long_run").growth(name, potential, 10_000, cells, 100.0)


def test_both_planes_follow_the_solver_while_the_noise_is_small():
    ours, lost = growth("network", pj.Surrogate.load("linear", outside="raise"), 30)
    theirs, _ = growth("solver", fodo.solver(), 30)
    assert lost == 0
    assert theirs[-1].min() > 1e-3
    assert np.abs(ours - theirs).max() < 0.01 * theirs.max()


@pytest.mark.slow
def test_the_emittance_grows_as_with_the_solver_over_a_thousand_cells():
    """Within 10 % in the mean of the planes; which plane has how much of it is chaotic."""
    ours, lost = growth("network", pj.Surrogate.load("linear", outside="raise"), 1000)
    theirs, _ = growth("solver", fodo.solver(), 1000)
    assert lost == 0
    assert ours[-1, 2] == pytest.approx(theirs[-1, 2], rel=0.1)
    assert ours[500:, 2].mean() == pytest.approx(theirs[500:, 2].mean(), rel=0.1)

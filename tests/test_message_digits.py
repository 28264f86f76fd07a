"""Messages name a value with as many digits as tell it from zero, and from what it is held to."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack.core.digits import round_down, tell_apart
from pyjutrack.errors import InvalidValueError, MeasurementError, ResolutionWarning, UnstableError

PROTON = pj.Reference.from_kinetic("proton", 1e9)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1.999, 1.9), (0.98765, 0.98), (0.01239, 0.012), (3.21e-7, 3.2e-7), (0.0, 0.0), (12.34, 12.3)],
)
def test_too_little_is_never_rounded_up(value: float, shown: float) -> None:
    assert round_down(value) == pytest.approx(shown, rel=1e-12)


def test_numbers_have_the_digits_that_tell_them_apart() -> None:
    assert tell_apart(1.0, 2.0) == ("1", "2")
    assert tell_apart(1.0, 1.0 + 1e-9) == ("1", "1.000000001")
    assert tell_apart(1.0, np.nextafter(1.0, 2.0))[1] != "1"
    assert tell_apart(0.5, 0.5, 3.0) == ("0.5", "0.5", "3")
    assert tell_apart(0.12345, 2.0, digits=2) == ("0.12", "2")
    assert tell_apart(float("inf"), 1.0) == ("inf", "1")


def test_no_digits_for_what_counts_as_the_same() -> None:
    assert tell_apart(0.0, -0.0) == ("0", "0")
    assert tell_apart(-0.0, 1.0) == ("0", "1")
    ends = (-0.005, 0.004, -0.005000000000000001, 0.005)
    assert tell_apart(*ends, slack=1e-12) == ("-0.005", "0.004", "-0.005", "0.005")
    assert tell_apart(*ends)[0] != tell_apart(*ends)[2]
    assert tell_apart(1.0, 1.0 + 1e-9, 1.0 + 2e-9, slack=1.5e-9)[2] == "1.000000002"


@pytest.mark.parametrize("size", [2e-6, 1e-3])
def test_a_coarse_grid_says_sizes_and_cells(size: float) -> None:
    """Cells of 0.02 m / 16: sizes of 0.0016 and 0.8 of them, and not of 0."""
    rows = torch.zeros(4, 6, dtype=torch.float64)
    rows[:, 0] = rows[:, 2] = size * torch.tensor([1.0, -1.0, 1.0, -1.0])
    box = pj.SpectralPoisson((0.02, 0.02), (16, 16))
    effect = pj.SpaceCharge(box, max_step=0.1)
    cell = box.mesh.grid.spacing[0] if hasattr(box, "mesh") else 0.02 / 16
    with pytest.warns(ResolutionWarning, match="in cells, x ") as said:
        pj.track(pj.Lattice([pj.Drift(0.1)]), pj.Beam(PROTON, rows, current=1e-3), effects=[effect])
    found = re.search(
        r"x ([\d.e-]+) \(([\d.e-]+) m in cells of ([\d.e-]+) m\)", str(said[0].message)
    )
    assert found is not None
    ratio, rms, spacing = map(float, found.groups())
    assert rms == pytest.approx(size, rel=1e-2)
    assert spacing == pytest.approx(cell, rel=1e-2)
    assert 0 < ratio == pytest.approx(size / cell, rel=0.1)


def test_what_is_held_against_a_limit_is_not_shown_equal_to_it() -> None:
    near = 1 + 2e-8
    line = pj.Lattice([pj.Quadrupole(0.1, near, name="q")])
    goal = {"tune_x": 0.3}
    with pytest.raises(InvalidValueError, match=r"q\.k1 = 1\.00000002 lies .* 0 to 1"):
        pj.optics.match(line, PROTON, {"q.k1": (0.0, 1.0)}, goal)
    growing = np.diag([1 + 4e-7, 1 / (1 + 4e-7), 1.0, 1.0])
    with pytest.raises(UnstableError, match=r"modulus 1\.0000004"):
        pj.optics.tunes(growing)
    axis = np.linspace(-1e-2, 1e-2, 11)
    axis[5] = np.nextafter(axis[4], -1)
    with pytest.raises(MeasurementError, match="not ascending") as refused:
        dg.Profiles(np.ones((1, 11)), (axis,))
    after, before = re.findall(r"(-[\d.]+) m", str(refused.value))[:2]
    assert float(after) == axis[5]
    assert float(before) == axis[4]

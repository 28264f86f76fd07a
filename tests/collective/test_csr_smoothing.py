"""A smoothing that smears the field is told of, and what the warning says serves."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack.collective import CSR
from pyjutrack.errors import ResolutionWarning

ELECTRON = pj.Reference.from_total("electron", 5e9)
ARC = pj.Lattice([pj.SBend(0.1, 0.01)])


def bunch() -> pj.Beam:
    rows = torch.zeros(20_000, 6, dtype=torch.float64)
    rows[:, 4] = 5e-5 * torch.special.ndtri((torch.arange(20_000) + 0.5).double() / 20_000)
    return pj.Beam(ELECTRON, rows, charge=1e-9)


def kicks(cells: int, smoothing: float) -> np.ndarray:
    effect = CSR("steady", cells=cells, smoothing=smoothing, max_step=0.1)
    return np.asarray(pj.track(ARC, bunch(), effects=[effect]).coordinates[:, 5].numpy())


@pytest.mark.parametrize(("cells", "smoothing"), [(256, 14.0), (256, 100.0), (64, 4.0)])
def test_the_field_is_smeared_and_a_warning_says_by_what(cells: int, smoothing: float) -> None:
    exact = kicks(256, 0.0)
    with pytest.warns(ResolutionWarning, match="smoothed over .* or more cells") as said:
        found = kicks(cells, smoothing)
    assert ((found - exact) ** 2).mean() ** 0.5 > 0.04 * exact.std()
    (remedy,) = re.findall(r"smoothing=([\d.]+)", str(said[0].message))
    better = kicks(cells, float(remedy))
    assert ((better - exact) ** 2).mean() ** 0.5 < 0.02 * exact.std()

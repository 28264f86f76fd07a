"""Slices of the other beam: their moments, their convergence, and too few of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from beam_beam_cases import CHARGE, SIZES, bunch, kicks

from pyjutrack.collective import BeamBeam
from pyjutrack.collective.beam_beam.slices import SLICINGS, cut


@pytest.mark.parametrize("slicing", SLICINGS)
@pytest.mark.parametrize("count", [1, 2, 7, 20])
def test_slices_have_the_moments_of_the_bunch(slicing: str, count: int) -> None:
    z, shares = cut(slicing, count)
    assert len(z) == len(shares) == count
    assert (np.diff(z) < 0).all()
    assert shares.sum() == pytest.approx(1)
    assert (shares * z).sum() == pytest.approx(0, abs=1e-12)
    if slicing == "charge":
        np.testing.assert_allclose(shares, 1 / count)
    if slicing == "gauss" and count > 1:
        assert (shares * z**2).sum() == pytest.approx(1)
    if slicing == "even" and count > 4:
        assert (shares * z**2).sum() == pytest.approx(1, rel=1e-3)


@pytest.mark.filterwarnings("ignore:slices of the bunch:pyjutrack.errors.ResolutionWarning")
def test_slicings_converge() -> None:
    """An hourglass with a waist as long as the bunch, at angles of Piwinski of 1 and 5."""
    shape = {**SIZES, "sigma_z": 1e-2, "sigma_px": 1e-3, "sigma_py": 5e-4}
    rows = bunch(100).numpy()

    def made(slicing: str, count: int, angle: float) -> Any:
        effect = BeamBeam(
            "ip", CHARGE / 10, **shape, slicing=slicing, count=count, angle=angle
        )  # fmt: skip
        return kicks(effect, rows)[:, [1, 3]]

    for angle, count, goal in ((1e-3, 15, 1e-3), (5e-3, 50, 1e-3)):
        exact = made("even", 400, angle)
        errors = {s: np.abs(made(s, count, angle) - exact).max() / exact.std() for s in SLICINGS}
        assert errors["even"] < goal
        assert errors["even"] < min(errors["gauss"], errors["charge"])
        # and they tend to one limit
        for slicing in ("gauss", "charge"):
            finer = np.abs(made(slicing, 4 * count, angle) - exact).max() / exact.std()
            assert finer < errors[slicing] / 3


def test_slices_too_far_apart() -> None:
    from pyjutrack.errors import ResolutionWarning

    flat = {**SIZES, "sigma_z": 1e-2, "count": 15}
    with pytest.warns(ResolutionWarning, match=r"are 9 of its rms sizes apart.* count=135 or more"):
        kicks(BeamBeam("ip", CHARGE, **flat, angle=math.atan(15e-3)), bunch().numpy())
    with pytest.warns(ResolutionWarning, match=r"are 3 of its rms sizes apart"):
        kicks(BeamBeam("ip", CHARGE, **flat, sigma_py=5e-3), bunch().numpy())
    # one slice has all of the bunch in it: at P = 0.64 its kicks are wrong by 0.4 of the rms one
    one = {**SIZES, "sigma_z": 1e-2, "count": 1}
    angle = math.atan(0.64 * SIZES["sigma_x"] / 1e-2)
    with pytest.warns(ResolutionWarning, match=r"are 2\.3 of its rms sizes apart.* count=6 or"):
        kicks(BeamBeam("ip", CHARGE, **one, angle=angle), bunch().numpy())

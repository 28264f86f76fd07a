"""Kicks of beam-beam against xfields, which shares no code with us, where it is installed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from claims import claim
from scipy.constants import e, epsilon_0

import pyjutrack as pj
from pyjutrack.collective import BeamBeam, BeamBeam2D
from pyjutrack.collective.beam_beam.slices import SLICINGS, cut

xfields: Any = pytest.importorskip("xfields")
xtrack: Any = pytest.importorskip("xtrack")

POSITRON = pj.Reference.from_total("positron", 45e9)
IP = pj.Lattice([pj.Marker(name="ip")])
#: electrons, and how much stronger they kick by the constants of ours
COUNT = 1e11
CONSTANTS = (e / epsilon_0) / (1.60217662e-19 / 8.854187817620e-12)
DIVERGENCES = 1e-4, 2e-4
LENGTH = 1e-2


def bunch() -> pj.Beam:
    draw = np.random.default_rng(0).normal(size=(2000, 6))
    return pj.Beam(POSITRON, draw * [1e-5, 1e-4, 5e-6, 1e-4, LENGTH, 1e-3])


def both(ours: Any, theirs: Any) -> tuple[Any, Any]:
    """What is added to coordinates."""
    beam = bunch()
    rows = beam.numpy()
    particles = xtrack.Particles(
        mass0=POSITRON.species.mass, q0=1, p0c=float(POSITRON.p0c),
        **dict(zip(("x", "px", "y", "py", "zeta", "delta"), rows.T, strict=True)),
    )  # fmt: skip
    theirs.track(particles)
    names = ("x", "px", "y", "py", "zeta", "delta")
    end = np.stack([getattr(particles, name) for name in names], 1)
    return pj.track(IP, beam, effects=[ours]).numpy() - rows, end - rows


def check(found: Any, expected: Any, tolerance: float, text: str) -> None:
    """In x, px, y, py and delta, by the largest change; z changes by their rounding."""
    columns = [0, 1, 2, 3, 5]
    size = np.abs(expected[:, columns]).max(0)
    error = np.abs(found - expected)[:, columns].max(0)
    assert (error <= tolerance * size).all(), error / size
    moved = size > 0
    claim("Beam-beam", text, "xfields", (error[moved] / size[moved]).max(), tolerance)
    assert size[1] > 1e-5
    assert np.abs(found - expected)[:, 4].max() < 1e-11 * LENGTH / 1e-2


@pytest.mark.parametrize("sizes", [(1e-5, 5e-6), (5e-6, 1e-5), (1e-5, 1e-5), (1e-5, 1e-7)])
def test_thin_kicks(sizes: tuple[float, float]) -> None:
    theirs = xfields.BeamBeamBiGaussian2D(
        other_beam_q0=-1, other_beam_num_particles=COUNT * CONSTANTS, other_beam_beta0=1.0,
        other_beam_Sigma_11=sizes[0] ** 2, other_beam_Sigma_33=sizes[1] ** 2,
        other_beam_shift_x=2e-6, other_beam_shift_y=1e-6,
    )  # fmt: skip
    ours = BeamBeam2D("ip", -COUNT * e, *sizes, x=2e-6, y=1e-6)
    check(*both(ours, theirs), 1e-9, "thin kicks of the largest")


CASES = {
    "head-on": {},
    "in x": {"angle": 15e-3},
    "far in x": {"angle": 0.2},
    "in y": {"angle": 15e-3, "plane": math.pi / 2},
    "between": {"angle": 15e-3, "plane": 0.7},
    "slopes": {"angle": 15e-3, "plane": 0.7, "slope_x": 2e-5, "slope_y": -3e-5},
    "coupled": {"correlations": (0.1, 0.3, 0.1, 0.1, -0.1, 0.2)},
    "all": {
        "angle": 15e-3, "plane": -0.4, "slope_x": 2e-5, "slope_y": -3e-5,
        "correlations": (0.1, 0.3, 0.1, 0.1, -0.1, 0.2),
    },
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:slices of the bunch:pyjutrack.errors.ResolutionWarning")
@pytest.mark.parametrize("slicing", SLICINGS)
@pytest.mark.parametrize("case", CASES)
def test_kicks_of_slices(case: str, slicing: str) -> None:
    """They leave momenta in the head-on frame in units of P0, and ours are in P0 cos(angle)."""
    settings: dict[str, Any] = CASES[case]
    count = {"gauss": 7, "charge": 5, "even": 12}[slicing]
    centre = {"x": 2e-6, "y": 1e-6, "slope_x": 0.0, "slope_y": 0.0}
    centre |= {name: value for name, value in settings.items() if name in centre}
    angle, plane = settings.get("angle", 0.0), settings.get("plane", 0.0)
    ours = BeamBeam(
        "ip", -COUNT * e, 1e-5, 5e-6, LENGTH, *DIVERGENCES, **{**settings, **centre},
        count=count, slicing=slicing,
    )  # fmt: skip
    sizes = np.array([1e-5, DIVERGENCES[0], 5e-6, DIVERGENCES[1]])
    upper = np.zeros((4, 4))
    upper[np.triu_indices(4, 1)] = settings.get("correlations", (0.0,) * 6)
    moments = (np.eye(4) + upper + upper.T) * np.outer(sizes, sizes)
    z, shares = cut(slicing, count)
    each = np.ones(count)
    theirs = xfields.BeamBeamBiGaussian3D(
        phi=angle, alpha=plane, other_beam_q0=-1,
        slices_other_beam_num_particles=COUNT * CONSTANTS * shares / math.cos(angle),
        slices_other_beam_zeta_center=LENGTH * z,
        slices_other_beam_x_center=centre["x"] * each,
        slices_other_beam_y_center=centre["y"] * each,
        slices_other_beam_px_center=centre["slope_x"] * each,
        slices_other_beam_py_center=centre["slope_y"] * each,
        **{
            f"slices_other_beam_Sigma_{i + 1}{j + 1}": moments[i, j] * each
            for i in range(4) for j in range(i, 4)
        },
    )  # fmt: skip
    text = f"kicks of slices ({slicing}), of the largest"
    check(*both(ours, theirs), 1e-6, text)

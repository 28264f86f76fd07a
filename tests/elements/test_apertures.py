"""Shapes of apertures by areas in closed form, in every way of tracking, and what they refuse."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from element_cases import PROTON

import pyjutrack as pj

W, H, CX, CY = 0.03, 0.02, 0.012, 0.005
STAR = ((0.03, 0.0), (0.005, 0.005), (0.0, 0.03), (-0.03, -0.02), (0.01, -0.01))


def shoelace(corners: Any) -> float:
    x, y = np.array(corners).T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def within_both(w: float, h: float, a: float, b: float) -> float:
    """Area of |x| < w, |y| < h within the ellipse, by a quadrature of its height."""
    x = np.linspace(0, min(w, a), 200_001)
    height = np.minimum(h, b * np.sqrt(np.clip(1 - (x / a) ** 2, 0, None)))
    return float(4 * np.trapezoid(height, x))


OPENINGS: dict[str, tuple[dict[str, Any], float]] = {
    "octagon": (
        {"half_width": W, "half_height": H, "corner_x": CX, "corner_y": CY},
        4 * W * H - 2 * CX * CY,
    ),
    "rectellipse": (
        {"half_width": W, "half_height": H, "radius_x": 0.035, "radius_y": 0.022},
        within_both(W, H, 0.035, 0.022),
    ),
    "polygon": ({"vertices": STAR}, shoelace(STAR)),
}


def grid(count: int = 800) -> torch.Tensor:
    """Particles that stand still at the middles of the cells of a square of 0.08 m."""
    line = (torch.arange(count, dtype=torch.float64) + 0.5) / count * 0.08 - 0.04
    x, y = torch.meshgrid(line, line, indexing="ij")
    rows = torch.zeros(count * count, 6, dtype=torch.float64)
    rows[:, 0], rows[:, 2] = x.reshape(-1), y.reshape(-1)
    return rows


@pytest.mark.parametrize("shape", OPENINGS)
def test_the_share_that_passes_is_the_area(shape: str) -> None:
    sizes, area = OPENINGS[shape]
    line = pj.Lattice([pj.Aperture(shape=shape, **sizes)])
    beam = pj.track(line, pj.Beam(PROTON, grid()))
    found = float(beam.alive.double().mean()) * 0.08**2
    assert found == pytest.approx(area, rel=2e-3)


@pytest.mark.parametrize("shape", OPENINGS)
def test_kernels_and_tensors_lose_the_same(shape: str) -> None:
    sizes, _ = OPENINGS[shape]
    line = pj.Lattice(
        [pj.Drift(0.1), pj.Aperture(shape=shape, dx=2e-3, tilt=0.2, **sizes), pj.Drift(0.1)]
    )
    rows = grid(60)
    rows[:, 1] = 1e-2
    plain = pj.track(line, pj.Beam(PROTON, rows))
    with pytest.warns(pj.errors.LossWarning):
        tensors = pj.track(line, pj.Beam(PROTON, rows.clone().requires_grad_()))
    assert 100 < int(plain.alive.sum()) < 3000
    assert torch.equal(plain.alive, tensors.alive)
    # a particle with its tangents, through the kernels of Jacobians
    for place in (0, 1800, 1830):
        if plain.alive[place]:
            assert np.isfinite(pj.jacobian(line, PROTON, at=rows[place])).all()
        else:
            with pytest.raises(pj.errors.ParticleLostError):
                pj.jacobian(line, PROTON, at=rows[place])


def test_what_an_outline_goes_about_twice_is_outside() -> None:
    turns = [math.pi / 2 + 4 * math.pi / 5 * n for n in range(5)]
    star = pj.Aperture(shape="polygon", vertices=[(math.cos(t), math.sin(t)) for t in turns])
    rows = torch.zeros(2, 6, dtype=torch.float64)
    rows[1, 2] = 0.7
    alive = pj.track(pj.Lattice([star]), pj.Beam(PROTON, rows)).alive
    assert alive.tolist() == [False, True]


@pytest.mark.parametrize("suffix", ["json", "pals.yaml"])
@pytest.mark.filterwarnings("ignore::pyjutrack.errors.LatticeWarning")
@pytest.mark.parametrize("shape", OPENINGS)
def test_files_give_them_back(shape: str, suffix: str, tmp_path: Path) -> None:
    line = pj.Lattice([pj.Aperture(shape=shape, name="a", **OPENINGS[shape][0])])
    pj.write_lattice(tmp_path / f"a.{suffix}", line, PROTON)
    assert pj.read_lattice(tmp_path / f"a.{suffix}").lattice == line


def test_corners_of_an_octagon_in_a_file_of_pals(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    line = pj.Lattice([pj.Aperture(shape="octagon", name="a", **OPENINGS["octagon"][0])])
    pj.write_lattice(tmp_path / "a.pals.yaml", line, PROTON)
    data = yaml.safe_load((tmp_path / "a.pals.yaml").read_text())
    (table,) = (e["a"] for e in data["PALS"]["facility"] if "a" in e)
    corners = [point["point"] for point in table["ApertureP"]["vertices"]["list"]]
    assert shoelace(corners) == pytest.approx(OPENINGS["octagon"][1])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"shape": "polygon"}, "vertices must be three or more"),
        ({"shape": "polygon", "vertices": [(0, 0), (1, 1), (2, 2)]}, "not on one line"),
        ({"shape": "polygon", "vertices": [(0, 0), (1, 1), (2, math.nan)]}, "finite numbers"),
        ({"shape": "polygon", "vertices": [1, 2, 3]}, "pairs of finite numbers"),
        ({"shape": "polygon", "vertices": STAR, "half_width": 1.0}, "half_width = 1.0 is of"),
        ({"vertices": STAR}, "vertices = .* is of the shape polygon, not rectangle"),
        ({"corner_x": 1e-3}, "corner_x = 0.001 is of the shape racetrack or octagon"),
        ({"shape": "rectellipse", "radius_x": -1.0}, "radius_x must be positive"),
        (
            {"shape": "octagon", "half_width": 1.0, "smoothing": 0.1},
            "octagon, which has no soft",
        ),
    ],
)
def test_what_is_no_opening_is_refused_by_name(given: dict[str, Any], message: str) -> None:
    with pytest.raises(pj.errors.InvalidValueError, match=message):
        pj.Aperture(name="a", **given)

"""Pictures of machines: what is drawn is what is in the data."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from examples_loader import load_example

import pyjutrack as pj
from pyjutrack import plotting


@pytest.fixture(scope="module")
def booster() -> tuple[pj.Lattice, pj.Reference]:
    return load_example("rings/psb").psb()


def axes(columns: int = 1):
    return plotting.figure(columns)[1]


def test_the_strip_of_a_lattice() -> None:
    line = pj.Lattice(
        [
            pj.Quadrupole(0.5, 2.0),
            pj.Drift(1.0),
            pj.SBend(2.0, 0.1),
            pj.Quadrupole(0.5, -2.0),
            pj.Sextupole(0.2, 3.0),
            pj.RFCavity(1.0, 1e6, frequency=5e8),
            pj.Kicker(hkick=1e-3),
            pj.Monitor(),
            pj.Aperture(half_width=0.01),
        ]
    )
    ax = plotting.plot_lattice(axes(), line, legend=True)
    spans = {}
    for collection in ax.collections:
        for path in collection.get_paths():
            box = path.get_extents()
            spans.setdefault(collection.get_label(), []).append((box.x0, box.x1, box.y0, box.y1))
    assert len(spans) >= 6
    quadrupoles = next(s for label, s in spans.items() if "quad" in label.lower())
    (focus, defocus) = sorted(quadrupoles)
    assert focus[:2] == pytest.approx((0.0, 0.5))
    assert defocus[:2] == pytest.approx((3.5, 4.0))
    assert focus[3] > 0.5 > 0 >= focus[2]
    assert defocus[2] < -0.5 < 0 <= defocus[3]
    bends = next(s for label, s in spans.items() if "bend" in label.lower())
    assert bends[0][:2] == pytest.approx((1.5, 3.5))


def test_optics_and_orbit(booster: tuple[pj.Lattice, pj.Reference]) -> None:
    lattice = booster[0].with_values({"d3l4.hkick": 1e-4})
    table = pj.twiss_table(lattice, booster[1])
    strip, beta, dispersion = plotting.plot_optics(table, lattice)
    assert strip.get_shared_x_axes().joined(strip, beta)
    for ax, column in ((beta, "beta_x"), (beta, "beta_y"), (dispersion, "dispersion_x")):
        wanted = getattr(table, column)
        drawn = [
            np.interp(table.s, *line.get_data())
            for line in ax.get_lines()
            if len(line.get_xdata()) >= len(table.s)
        ]
        assert min(np.abs(d - wanted).max() for d in drawn) < 1e-2 * np.abs(wanted).max()
    orbit = plotting.plot_orbit(axes(), table)
    drawn = [line.get_ydata() for line in orbit.get_lines() if len(line.get_xdata()) == len(table)]
    assert any(np.allclose(d, 1e3 * table.orbit[:, 0]) for d in drawn)


def test_phase_space(make_beam) -> None:
    beam = make_beam(500)
    beam = beam.replace(alive=torch.arange(500) >= 100)
    ax = plotting.plot_phase_space(axes(), beam, "x", ellipse=True)
    points = np.concatenate([line.get_xydata() for line in ax.get_lines()])
    points = points[~np.isnan(points[:, 0])]
    np.testing.assert_allclose(points, 1e3 * beam.numpy()[100:, :2])
    assert ax.patches[0].get_zorder() > max(line.get_zorder() for line in ax.get_lines())
    turns = plotting.plot_phase_space(axes(), [beam, beam], "y")
    assert len(turns.collections[0].get_offsets()) == 1000
    with pytest.raises(pj.errors.UnknownNameError, match="plane"):
        plotting.plot_phase_space(axes(), beam, "w")
    with pytest.raises(pj.errors.InvalidValueError, match="alive"):
        plotting.plot_phase_space(axes(), beam.replace(alive=torch.zeros(500, dtype=torch.bool)))


@pytest.mark.parametrize(
    ("size", "length", "momentum", "scales"),
    [
        (1e-3, "mm", "10^{-3}", (1e3, 1e3)),
        (1e-7, "µm", "10^{-6}", (1e6, 1e6)),
        (10.0, "m", "10^{-3}", (1.0, 1e3)),
        (0.0, "mm", "10^{-3}", (1e3, 1e3)),
    ],
)
def test_units_of_a_portrait_are_those_that_fit_the_beam(
    size: float, length: str, momentum: str, scales: tuple[float, float]
) -> None:
    draw = np.random.default_rng(1)
    rows = size * draw.uniform(0.5, 1, (50, 6)) * [1, 1, 1, 1, 1, min(1, 1e-3 / (size or 1))]
    beam = pj.Beam(pj.Reference.from_kinetic("proton", 1e9), rows)
    ax = plotting.plot_phase_space(axes(), beam, "z", ellipse=True)
    assert ax.get_xlabel() == f"z [{length}]"
    assert momentum in ax.get_ylabel()
    np.testing.assert_allclose(ax.get_lines()[0].get_xydata(), rows[:, 4:] * scales)
    area = 1e6 * np.sqrt(max(0.0, np.linalg.det(np.cov(rows[:, 4:].T, ddof=0))))
    _, said, unit = ax.get_legend().get_texts()[0].get_text().split()
    assert float(said) * {"µm": 1, "mm": 1000}[unit] == pytest.approx(area, rel=0.01, abs=1e-15)
    assert float(said) < 1000


def test_portraits_that_share_a_side_have_one_unit() -> None:
    proton = pj.Reference.from_kinetic("proton", 1e9)
    long, short = (pj.Beam(proton, np.full((3, 6), size)) for size in (2.0, 0.02))
    panels = plotting.sheet().subplots(1, 2, sharex=True)
    for ax, beam in zip(panels, (long, short), strict=True):
        plotting.plot_phase_space(ax, beam, "z")
    assert [ax.get_xlabel() for ax in panels] == ["z [m]", "z [m]"]
    assert panels[1].get_lines()[0].get_xdata() == pytest.approx(0.02)
    plotting.plot_phase_space(panels[0], short, "z")
    assert panels[0].get_lines()[1].get_xdata() == pytest.approx(0.02)
    apart = plotting.plot_phase_space(axes(), short, "z")
    assert apart.get_xlabel() == "z [mm]"


def test_optics_without_dispersion_say_so() -> None:
    proton = pj.Reference.from_kinetic("proton", 1e9)
    parts = [pj.Quadrupole(0.3, 1.5), pj.Drift(1.0), pj.Quadrupole(0.3, -1.6), pj.Drift(1.3)]
    straight = plotting.plot_optics(pj.twiss_table(pj.Lattice(parts), proton))
    bent = pj.Lattice([*parts[:3], pj.SBend(1.3, 0.1)])
    arc = plotting.plot_optics(pj.twiss_table(bent, proton))
    assert [text.get_text() for text in straight[1].texts] == ["no dispersion in x and y"]
    assert straight[1].get_legend() is None
    assert not arc[1].texts
    assert arc[1].get_legend() is not None
    heights = []
    for _, dispersion in (straight, arc):
        dispersion.figure.draw_without_rendering()
        heights.append(dispersion.get_position().height)
    assert heights[0] < 0.6 * heights[1]


def test_density_and_potential(make_beam, kick: pj.SpaceCharge) -> None:
    beam = make_beam(3000)
    for plot in (plotting.plot_density, plotting.plot_potential):
        ax = plot(axes(), kick, beam)
        (picture,) = [*ax.images, *ax.collections]
        values = np.ma.filled(picture.get_array(), np.nan).reshape(128, 128)
        assert np.isfinite(values).any()
        peak = np.unravel_index(np.nanargmax(np.abs(values)), values.shape)
        assert abs(peak[0] - 64) < 16
        assert abs(peak[1] - 64) < 16
        assert ax.get_xlabel()
        assert ax.get_ylabel()


def test_losses_are_where_they_were() -> None:
    line = pj.Lattice([pj.Drift(1.0), pj.Aperture(half_width=1e-3), pj.Drift(2.0)])
    c = torch.zeros(10, 6, dtype=torch.float64)
    c[:4, 0] = 2e-3
    losses = pj.loss_map(line, pj.Beam(pj.Reference.from_kinetic("proton", 1e9), c))
    ax = plotting.plot_losses(axes(), losses)
    assert [(p.get_x(), p.get_height()) for p in ax.patches] == [(1.0, 4)]
    ax = plotting.plot_losses(axes(), losses, fraction=True)
    assert ax.patches[0].get_height() == pytest.approx(40.0)


def test_a_notebook_shows_a_figure_by_itself() -> None:
    figure = plotting.sheet(5.0, 3.0)
    picture, size = figure._repr_png_()
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    width = int.from_bytes(picture[16:20], "big")
    assert (width, size) == (960, {"width": 480})  # two points for each of the screen


def test_fields_may_be_tensors() -> None:
    ours, exact = torch.tensor([1.0, 3.0, 2.0]), torch.tensor([1.5, -2.0, 4.0])
    ax = plotting.field_comparison(axes(), exact, ours, "H", "a formula")
    points, equal = ax.lines
    assert points.get_xydata().tolist() == [[1.5, 1.0], [-2.0, 3.0], [4.0, 2.0]]
    assert equal.get_xydata().tolist() == [[-2.0, -2.0], [4.0, 4.0]]
    (errors, _) = plotting.field_error(axes(), ours * 1e-3, exact, "x").lines
    assert errors.get_xydata().round(6).tolist() == [[1.0, 1.5], [3.0, -2.0], [2.0, 4.0]]

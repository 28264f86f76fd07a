"""Envelopes between apertures, and networks' errors: what is drawn is what is in the data."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from matplotlib import rcParams

import pyjutrack as pj

PROTON = pj.Reference.from_kinetic("proton", 1e9)
CELL = [
    *(pj.Quadrupole(0.3, k1=1.5, name="qf"), pj.Drift(1.0), pj.Quadrupole(0.3, k1=-1.6)),
    *(pj.Drift(0.5), pj.Aperture(half_width=0.02, half_height=0.01, dx=2e-3), pj.Drift(0.8)),
]


def test_a_matched_beam_is_as_wide_as_its_envelope() -> None:
    lattice = pj.Lattice([*CELL, pj.Marker(name="end")])
    table = pj.twiss_table(lattice, PROTON)
    beam = pj.distributions.gaussian(
        PROTON, 50_000, twiss=table[0], emittance=(1e-6, 2e-6), quiet=True
    )
    seen = pj.beams_at(lattice, beam, ["end"])["end"]
    for plane, column in (("x", 0), ("y", 2)):
        ax = pj.plotting.figure()[1]
        drawn = pj.plotting.plot_envelope(ax, table, plane, emittance=(1e-6, 2e-6), sigmas=2)
        assert drawn is ax
        ends = sorted(line.get_ydata()[-1] for line in ax.get_lines())
        rms = 1e3 * float(pj.moments.sizes(seen)[column])
        assert ends == pytest.approx([-2 * rms, -rms, 0, rms, 2 * rms], rel=0.01, abs=1e-9)
        assert ax.get_ylabel() == f"{plane} [mm]"


def test_apertures_stand_where_they_are() -> None:
    lattice = pj.Lattice(CELL)
    table = pj.twiss_table(lattice, PROTON)
    ax = pj.plotting.plot_envelope(
        pj.plotting.figure()[1], table, "x", emittance=(2e-5, 2e-5), lattice=lattice
    )
    bars = next(c for c in ax.collections if c.get_label() == "aperture")
    (low, high) = (np.sort(p.vertices, 0) for p in bars.get_paths())
    np.testing.assert_allclose([low[:, 0], high[:, 0]], 2.1)
    assert low[1, 1] == pytest.approx(-18.0)
    assert high[0, 1] == pytest.approx(22.0)
    top = ax.get_ylim()[1]
    assert 22 < top < high[1, 1]


@pytest.mark.parametrize(
    ("shape", "more"),
    [
        ("rectangle", {}),
        ("ellipse", {}),
        ("racetrack", {"corner_x": 4e-3, "corner_y": 2e-3}),
        ("octagon", {"corner_x": 4e-3, "corner_y": 2e-3}),
        ("rectellipse", {"radius_x": 11e-3, "radius_y": 7e-3}),
        ("polygon", {"vertices": ((-0.01, -0.004), (0.012, 0.0), (0.0, 0.006))}),
    ],
)
@pytest.mark.parametrize("roll", [0.0, 0.5, math.pi / 2])
def test_openings_are_where_particles_are_lost(shape: str, more: dict, roll: float) -> None:
    size = {} if shape == "polygon" else {"half_width": 0.01, "half_height": 0.006}
    aperture = pj.Aperture(shape=shape, dx=1e-3, dy=-2e-3, z_rot=roll, **size, **more)
    side = torch.linspace(-0.02, 0.02, 401, dtype=torch.float64)
    x, y = (u.reshape(-1) for u in torch.meshgrid(side, side, indexing="ij"))
    rows = torch.zeros(len(x), 6, dtype=torch.float64)
    rows[:, 0], rows[:, 2] = x, y
    live = pj.track(pj.Lattice([aperture]), pj.Beam(PROTON, rows)).alive
    for found, u in zip(aperture.opening, (x, y), strict=True):
        seen = float(u[live].min()), float(u[live].max())
        if shape == "rectellipse" and roll == 0.5:  # no less than that
            assert found[0] <= seen[0] + 1e-4
            assert found[1] >= seen[1] - 1e-4
        else:
            assert found == pytest.approx(seen, abs=2.1e-4)


def test_an_open_side_has_no_edge() -> None:
    assert pj.Aperture(half_width=0.01).opening == ((-0.01, 0.01), (-math.inf, math.inf))
    rolled = pj.Aperture(half_width=0.01, tilt=math.pi / 2)
    assert rolled.opening[0] == (-math.inf, math.inf)
    assert rolled.opening[1] == pytest.approx((-0.01, 0.01))
    assert pj.Drift(1.0).opening is None


def test_what_cannot_be_drawn_is_refused() -> None:
    ax, table = pj.plotting.figure()[1], pj.twiss_table(pj.Lattice(CELL), PROTON)
    for given, words in (((1e-6,), "emittance"), ((1e-6, -1.0), "emittance"), ("ab", "emittance")):
        with pytest.raises(pj.errors.InvalidValueError, match=words):
            pj.plotting.plot_envelope(ax, table, "x", emittance=given)
    gap = pj.RFCavity(1.0, voltage=5e7, frequency=1e8, phase=math.pi / 2, accelerate=True)
    line = pj.twiss_table(pj.Lattice([*CELL, gap]), PROTON, initial=table[0])
    with pytest.raises(pj.errors.InvalidValueError, match="accelerates"):
        pj.plotting.plot_envelope(ax, line, "x", emittance=(1e-6, 1e-6))


def test_optics_are_drawn_on_axes_that_are_given() -> None:
    lattice = pj.Lattice(CELL)
    table = pj.twiss_table(lattice, PROTON)
    axes = pj.plotting.figure(3)[1]
    before = dict(rcParams)
    assert pj.plotting.plot_optics(table, lattice, axes=axes) == tuple(axes)
    assert dict(rcParams) == before
    with pytest.raises(pj.errors.InvalidValueError, match="take 2 axes"):
        pj.plotting.plot_optics(table, axes=axes)
    with pytest.raises(pj.errors.InvalidValueError, match="and a figure"):
        pj.plotting.plot_optics(table, lattice, axes=axes, figure=pj.plotting.sheet())


def test_errors_of_a_network_are_those_of_its_card() -> None:
    network = pj.Surrogate.load("linear")
    ax = pj.plotting.plot_held_out(pj.plotting.figure()[1], network)
    errors = network.about["held_out"]
    widths = [bar.get_width() for bar in ax.patches]
    assert widths == pytest.approx([100 * e for e in errors["by_kind"].values()])
    with pytest.raises(pj.errors.InvalidValueError, match="no errors"):
        pj.plotting.plot_held_out(ax, network.replace(about={}))

"""Shape functions against B-splines as sums of truncated powers, and where they stand on grids."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import quad

import pyjutrack as pj
from pyjutrack.collective import BSPLINE, CATMULL_ROM, CIC, QUADRATIC, Grid, Mesh, Shape, deposit
from pyjutrack.collective.slices import unsmooth
from pyjutrack.engines.julia import effects
from pyjutrack.errors import InvalidValueError, UnknownNameError
from pyjutrack.mesh.box import Box
from pyjutrack.mesh.box import deposit as deposit_in_box
from pyjutrack.mesh.line import Line, spread
from pyjutrack.mesh.shapes import shape

#: and their degrees
SPLINES = pytest.mark.parametrize(
    ("used", "degree"), [(CIC, 1), (QUADRATIC, 2), (BSPLINE, 3)], ids=lambda s: str(s)
)
EVERY = pytest.mark.parametrize(
    "used", [BSPLINE, QUADRATIC, CATMULL_ROM, CIC], ids=lambda s: s.name
)


def spline(x: np.ndarray, degree: int) -> np.ndarray:
    """The B-spline about 0 (I. J. Schoenberg, Quart. Appl. Math. 4 (1946) 45)."""
    terms = (
        (-1) ** k * math.comb(degree + 1, k) * (x - k + (degree + 1) / 2).clip(0) ** degree
        for k in range(degree + 2)
    )
    return np.asarray(sum(terms) / math.factorial(degree))


@SPLINES
def test_weights_are_those_of_the_spline(used: Shape, degree: int) -> None:
    u = np.linspace(0, 1, 101)
    weights = used.table @ u ** np.arange(4)[:, None]
    nodes = np.arange(-1, 3)[:, None]
    np.testing.assert_allclose(weights, spline(used.offset + u - nodes, degree), atol=1e-14)
    np.testing.assert_allclose(used.on_node, spline(np.arange(-1.0, 2.0), degree), atol=1e-15)


@SPLINES
def test_variance_and_transform(used: Shape, degree: int) -> None:
    def moment(weigh: Callable[[float], float]) -> float:
        ends = itertools.pairwise(np.arange(-2.0, 2.1, 0.5))  # of the pieces
        parts = (quad(lambda x: weigh(x) * spline(np.array(x), degree), *end)[0] for end in ends)
        return float(sum(parts))

    assert moment(lambda x: 1.0) == pytest.approx(1.0, abs=1e-12)
    assert moment(lambda x: x * x) == pytest.approx(used.variance, abs=1e-12)
    kh = np.array([1e-9, 0.3, 1.0, 3.0])
    waves = [moment(lambda x, k=k: math.cos(k * x)) for k in kh]
    np.testing.assert_allclose(used.transfer(kh), waves, atol=1e-12)
    near = spline(np.arange(-2.0, 3.0), degree) @ np.cos(np.outer(np.arange(-2, 3), kh))
    np.testing.assert_allclose(used.on_nodes(kh), near, atol=1e-14)


@EVERY
def test_nodes_that_are_not_met_have_no_weight(used: Shape) -> None:
    left = [n for n in range(4) if n not in used.met]
    assert not used.table[left].any()
    assert not used.table[:, len(used.met) :].any()
    assert used.met[-1] == 3
    assert len(QUADRATIC.met) == 3


@SPLINES
def test_particles_are_spread_about_where_they_are(used: Shape, degree: int) -> None:
    """On a grid, along a line and in a box, whose spacings and origins differ."""
    draw = np.random.default_rng(1)
    grid = Grid((8.0, 10.8), (8, 9))
    x, y, z = (torch.from_numpy(draw.uniform(-4, 4, 7)) for _ in range(3))
    active, weights = torch.ones(7, dtype=torch.bool), torch.from_numpy(draw.normal(size=7))
    lines = Line(-4.0, 4.0, 8, used), Line(-5.4, 5.4, 9, used), Line(-4.0, 5.0, 15, used)
    along = [
        torch.from_numpy(spline((at.numpy() - line.positions()[:, None]) / line.spacing, degree))
        for at, line in zip((x, y, z), lines, strict=True)
    ]
    exact = {"rtol": 0, "atol": 1e-11}  # truncated powers cancel
    found = deposit(Mesh(grid, used), x, y, active, weights)
    torch.testing.assert_close(found, torch.einsum("xp,yp,p", *along[:2], weights), **exact)
    found = spread(lines[2], z, active, weights)
    torch.testing.assert_close(found, along[2] @ weights, **exact)
    found = deposit_in_box(Box(*lines), (x, y, z), active, weights)
    torch.testing.assert_close(found, torch.einsum("xp,yp,zp,p", *along, weights), **exact)


@EVERY
def test_unsmoothed_values_are_those_at_the_nodes(used: Shape) -> None:
    line = Line(-1.0, 1.0, 12, used)
    values = np.cos(line.positions())
    spline_of = torch.from_numpy(unsmooth(line, values, 1))
    at = torch.from_numpy(line.positions()[2:-2])
    everywhere = torch.ones(len(at), dtype=torch.bool)
    read = [
        float(spread(line, at[n : n + 1], everywhere[:1], at.new_ones(1)) @ spline_of)
        for n in range(len(at))
    ]
    np.testing.assert_allclose(read, values[2:-2], atol=1e-13)


@EVERY
def test_shapes_by_name(used: Shape) -> None:
    assert shape(used.name) is shape(used) is used


def test_what_no_shape_is() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'quadratic'"):
        shape("quadric")
    with pytest.raises(InvalidValueError, match="offset must be 0 or 1/2"):
        Shape("own", BSPLINE.coefficients, 1 / 3, BSPLINE.transfer, 0.25)


def test_the_julia_engine_refuses_what_it_would_misplace() -> None:
    session: Any = type("Session", (), {"call": None})()  # which is not asked
    solver = pj.SpectralPoisson(assignment="quadratic")
    with pytest.raises(InvalidValueError, match="does not know the shape function 'quadratic'"):
        effects.potential(session, solver)

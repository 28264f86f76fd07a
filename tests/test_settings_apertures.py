"""Soft apertures that stand elsewhere in each of many settings: as of each alone."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack.cli.paper import fodo

SOFT = pj.Aperture(half_width=1.5e-3, half_height=1.5e-3, smoothing=3e-4, name="a")
CELL = fodo.cell()
LINE = pj.Lattice([*CELL[:3], SOFT, *CELL[3:]])
PROTON = fodo.beam(2, seed=1).reference
KICK = fodo.space_charge(fodo.solver())
#: of two settings each, by themselves or as rows of a grid
PLACES = {
    "dx": {"a.dx": (0.0, 1e-3)},
    "tilt": {"a.tilt": (0.0, 0.3)},
    "rotation": {"a.y_rot": (0.0, 0.3)},
    "grid": {"a.dx": (0.0, 1e-3), "q1.k1": (29.0, -40.0)},
    "grid after": {"a.dx": (0.0, 1e-3), "q2.k1": (-29.0, -40.0)},
}
each_place = pytest.mark.parametrize("place", PLACES)


def machines(place: str) -> tuple[pj.Lattice, list[pj.Lattice], tuple[int, ...]]:
    """The line in all settings, in each of them, and their shape."""
    values = PLACES[place]
    columns = {n: torch.tensor(v, dtype=torch.float64) for n, v in values.items()}
    if len(values) > 1:
        columns["a.dx"] = columns["a.dx"][:, None]
    ones = [LINE.with_values(dict(zip(values, v, strict=True))) for v in product(*values.values())]
    return LINE.with_values(columns), ones, (2,) * len(values)


@each_place
@pytest.mark.filterwarnings("ignore:the grid is coarse:pyjutrack.errors.ResolutionWarning")
@pytest.mark.parametrize("particles", [2, 50], ids=["as many particles as settings", "more"])
@pytest.mark.parametrize("effects", [[], [KICK]], ids=["alone", "kicked"])
def test_tracking(place: str, particles: int, effects: list[Any]) -> None:
    many, ones, shape = machines(place)
    beam = fodo.beam(particles, seed=1)
    found = pj.track(many, beam, effects=effects, turns=2)
    wanted = [pj.track(one, beam, effects=effects, turns=2) for one in ones]
    assert found.weights is not None
    assert found.weights.shape == (*shape, particles)
    for name in ("weights", "coordinates"):
        each = torch.stack([getattr(beam, name) for beam in wanted])
        joined = getattr(found, name).reshape(each.shape)
        torch.testing.assert_close(joined, each, rtol=1e-12, atol=1e-15)
    assert wanted[0].weights is not None
    assert not torch.equal(wanted[0].weights, wanted[-1].weights)


@each_place
@pytest.mark.parametrize("mode", ["reverse", "forward"])
def test_gradients(place: str, mode: Any) -> None:
    many, ones, shape = machines(place)
    beam = fodo.beam(50, seed=1)
    size = lambda final: pj.moments.sizes(final)[0]  # noqa: E731
    given: dict[str, Any] = {"wrt": ["q1.k1", "a.dx"], "mode": mode}
    found = pj.gradient(size, many, beam, **given)
    wanted = np.array([pj.gradient(size, one, beam, **given) for one in ones])
    assert found.shape == (*shape, 2)
    np.testing.assert_allclose(found.reshape(-1, 2), wanted, rtol=1e-11)


@each_place
def test_jacobians(place: str) -> None:
    many, ones, shape = machines(place)
    found = pj.jacobian(many, PROTON)
    wanted = np.stack([pj.jacobian(one, PROTON) for one in ones])
    np.testing.assert_allclose(found, wanted.reshape(*shape, 6, 6), rtol=0, atol=1e-13)

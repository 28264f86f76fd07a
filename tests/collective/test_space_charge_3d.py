"""Space charge of bunches in three dimensions: conservation, slopes, limits, refusals."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from space_charge_3d_cases import PROTON, SHAPES, STEP, ball, bunch, kicks

import pyjutrack as pj
from pyjutrack.collective import Place, Shape, SpaceCharge3D
from pyjutrack.errors import InvalidValueError, ResolutionWarning
from pyjutrack.maps.state import State
from pyjutrack.testing import check_effect


def test_what_a_pipe_does_not_hold_is_lost_or_refused() -> None:
    rows = bunch(ball(1024) * 1e-3).coordinates
    effect = SpaceCharge3D((26, 24, 20), pipe=(8e-3, 6e-3))
    with pytest.raises(InvalidValueError, match="larger than the space-charge box"):
        pj.track(STEP, pj.Beam(PROTON, 3 * rows, charge=1e-9), effects=[effect])
    rows[0, 2] = 3.1e-3
    with pytest.warns(ResolutionWarning, match=r"0\.00098 of the beam start outside"):
        after = pj.track(STEP, pj.Beam(PROTON, rows, charge=1e-9), effects=[effect])
    assert after.lost == 1
    with pytest.raises(InvalidValueError, match="sides"):
        SpaceCharge3D(pipe=(8e-3, -1.0))


@pytest.mark.parametrize("weighted", [False, True])
@SHAPES
def test_keeps_the_promises_of_effects(used: Shape, weighted: bool) -> None:
    draw = np.random.default_rng(0)
    rows = draw.uniform(-1.7, 1.7, size=(300, 6)) * [2e-3, 1e-3, 1.5e-3, 1e-3, 6e-3, 1e-3]
    beam = pj.Beam(pj.Reference.from_kinetic("proton", 3e7), rows, charge=1e-9)
    if weighted:
        beam = beam.replace(weights=torch.as_tensor(draw.uniform(0.5, 1.5, 300)))
    lattice = pj.Lattice([pj.Quadrupole(0.2, 2.0, name="q"), pj.Drift(0.4, name="d")])
    pipe = (0.012, 0.01) if weighted else None
    effect = SpaceCharge3D((18, 20, 22), 0.2, pipe=pipe, balanced=weighted, assignment=used)
    check_effect(effect, beam, lattice, knobs=["scale"])


@pytest.mark.parametrize("pipe", [None, (0.02, 0.02)])
def test_action_is_reaction(pipe: tuple[float, float] | None) -> None:
    """To rounding where it is balanced: in open space, and along a pipe, whose walls are pushed."""
    draw = np.random.default_rng(0)
    places = draw.normal(size=(20_000, 3)).clip(-4, 4) * 1.5e-3 + [2e-3, 0.0, 0.0]
    weights = torch.as_tensor(draw.uniform(0.5, 1.5, len(places)))
    beam, effect = bunch(places).replace(weights=weights), SpaceCharge3D((44, 44, 44), pipe=pipe)
    plain, balanced = (kicks(dataclasses.replace(effect, balanced=b), beam) for b in (False, True))
    sums = [np.average(k, axis=0, weights=weights) / np.abs(k).max(0) for k in (plain, balanced)]
    axes = slice(3) if pipe is None else slice(2, 3)
    assert np.abs(sums[0][axes]).min() > 1e-8
    assert np.abs(sums[1][axes]).max() < 1e-15
    assert np.abs(balanced - plain).max() < 1e-3 * np.abs(plain).max()
    if pipe is not None:
        assert sums[1][0] == pytest.approx(sums[0][0], rel=1e-9)
        assert sums[1][0] > 1e-2, "towards the wall"


@pytest.mark.parametrize("pipe", [None, (0.007, 0.012)])
def test_slopes_by_the_energy(pipe: tuple[float, float] | None) -> None:
    """The Green function depends on it, by the length at rest."""
    places = np.random.default_rng(0).uniform(-1.7, 1.7, (200, 3)) * [1e-3, 2e-3, 3e-3]
    effect = SpaceCharge3D((20, 20, 20), 1.0, pipe=pipe)

    def kicked(p0c: torch.Tensor | float) -> torch.Tensor:
        beam = bunch(places).replace(reference=pj.Reference.from_p0c("proton", p0c))
        after = pj.track(STEP, beam, effects=[effect])
        return (
            1e9 * (after.coordinate("px") * beam.coordinate("x")).sum()
            + 1e9 * (after.coordinate("delta") * beam.coordinate("z")).sum()
        )

    at = torch.tensor(PROTON.p0c, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(kicked(at), at)
    (forward,) = torch.func.jacfwd(lambda p: kicked(p).reshape(1))(at.detach()).reshape(1)
    h = 1e-4 * PROTON.p0c
    values = [float(kicked(PROTON.p0c + k * h)) for k in (-2, -1, 1, 2)]
    difference = (8 * (values[2] - values[1]) - (values[3] - values[0])) / (12 * h)
    assert float(slope) == pytest.approx(difference, rel=1e-6)
    assert float(forward) == pytest.approx(float(slope), rel=1e-10)


@SHAPES
def test_each_beam_of_a_batch_is_as_alone(used: Shape) -> None:
    small, large = (bunch(s * ball(1024) * [1e-3, 2e-3, 3e-3]) for s in (1.0, 3.0))
    effect = SpaceCharge3D((16, 16, 16), 1.0, assignment=used)
    both = small.replace(
        coordinates=torch.stack([small.coordinates, large.coordinates]),
        alive=torch.stack([small.alive, large.alive]),
    )
    found = pj.track(STEP, both, effects=[effect]).coordinates
    for one, beam in zip(found, (small, large), strict=True):
        alone = pj.track(STEP, beam, effects=[effect]).coordinates
        torch.testing.assert_close(one, alone, rtol=1e-10, atol=1e-20)


def test_test_particles_are_lost_outside_of_the_box_alone() -> None:
    beam = bunch(ball(1024) * [1e-3, 2e-3, 3e-3])
    effect = SpaceCharge3D((16, 16, 16), 1.0)
    place = Place(STEP[0], 0, 0.0, 1.0, 1.0, 0)
    state = State(beam.coordinates.unbind(-1), beam.alive)
    field = effect.field(beam, state, place)
    rows = torch.zeros(3, 6, dtype=torch.float64)
    rows[:, 4] = torch.tensor([0.0, 1e-3, 1.0])
    end = effect.apply(State(rows.unbind(-1), torch.ones(3, dtype=torch.bool)), field, place)
    assert end.alive.tolist() == [True, True, False]
    assert float(end.coordinates[5][1]) > 0
    assert float(end.coordinates[5][2]) == 0


def test_what_it_cannot_be_right_for() -> None:
    rows = bunch(ball(1024) * 1e-3).coordinates
    effect = SpaceCharge3D((16, 16, 16))
    with pytest.raises(InvalidValueError, match=r"SpaceCharge3D acts on a bunch.* 1 A"):
        pj.track(STEP, pj.Beam(PROTON, rows, current=1.0), effects=[effect])
    few = pj.Beam(PROTON, rows[:100], charge=1e-9)
    with pytest.warns(ResolutionWarning, match=r"100 particles are few for 16 cells"):
        pj.track(STEP, few, effects=[effect])
    halo = rows.clone()
    halo[0, 0] = 1.0
    with pytest.warns(ResolutionWarning, match=r"sizes are, in cells, x 0\.\d"):
        pj.track(STEP, pj.Beam(PROTON, halo, charge=1e-9), effects=[effect])


@pytest.mark.parametrize(
    ("name", "value"),
    [("nodes", 64), ("nodes", (64, 64)), ("nodes", (64, 64, 8)), ("max_step", 0.0), ("scale", "1"),
     ("assignment", "cic"), ("margin", -0.1), ("margin", math.inf), ("response", 1)],
)  # fmt: skip
def test_settings_that_cannot_be(name: str, value: object) -> None:
    with pytest.raises(InvalidValueError, match=name if name != "max_step" else "step"):
        SpaceCharge3D(**{name: value})  # type: ignore[arg-type]

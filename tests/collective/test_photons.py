"""Photons of quantum radiation: their moments, and the stream that they are drawn of."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from radiation_cases import CELL, ELECTRON, STEPS, bunch, delta_after

import pyjutrack as pj
from pyjutrack.collective import Radiation


def test_photons_have_the_moments_of_their_spectrum() -> None:
    """N <u^2> = 55 / (24 sqrt(3)) r_e hbar c mc^2 gamma^7 / rho^3, N <u> the loss."""
    bend, count = pj.SBend(0.5, 0.1), 40_000
    drawn = delta_after(bend, np.zeros((count, 6)), Radiation("quantum", seed=7))[:, 5]
    mean = delta_after(bend, np.zeros(6), Radiation())[0, 5]
    # per radian: 55 / (24 sqrt(3)) alpha (hbar c)^2 gamma^7 / rho^2
    squares = 55 / (24 * math.sqrt(3)) / 137.035999 * (197.3269804e-9) ** 2
    variance = squares * ELECTRON.gamma**7 / 5.0**2 * 0.1 / 3e9**2
    assert drawn.mean() - mean == pytest.approx(0, abs=4 * math.sqrt(variance / count))
    assert drawn.var() == pytest.approx(variance, rel=4 * math.sqrt(2 / count))
    assert np.mean(((drawn - mean) / drawn.std()) ** 4) == pytest.approx(3, abs=0.15)


def test_photons_belong_to_seed_turn_place_and_number() -> None:
    lattice = pj.Lattice([pj.SBend(0.5, 0.1), pj.SBend(0.5, 0.1)])
    still = pj.Beam(ELECTRON, torch.zeros(8, 6, dtype=torch.float64))

    def noise(seed: int = 1, turns: int = 1, beam: pj.Beam = still) -> np.ndarray:
        effects = [Radiation("quantum", seed=seed)]
        quiet = pj.track(lattice, beam, effects=[Radiation()], turns=turns).numpy()[:, 5]
        return pj.track(lattice, beam, effects=effects, turns=turns).numpy()[:, 5] - quiet

    first = noise()
    np.testing.assert_array_equal(noise(), first)
    assert len(set(first)) == 8
    assert not np.isclose(noise(seed=2), first, rtol=1e-3).any()
    assert not np.isclose(noise(turns=2), 2 * first, rtol=1e-3).any()
    np.testing.assert_array_equal(noise(beam=pj.Beam(ELECTRON, still.coordinates[:3])), first[:3])
    state = torch.random.get_rng_state()
    noise()
    assert torch.equal(torch.random.get_rng_state(), state)


def test_ranks_share_one_stream() -> None:
    from pyjutrack.kernels.noise import key_of, normal

    whole = normal(key_of(1, 2, 3), 0, 20_001)
    for first in (1, 2, 7001, 7002):
        np.testing.assert_array_equal(normal(key_of(1, 2, 3), first, 9000), whole[first:][:9000])
    other = normal(key_of(1, 3, 2), 0, 20_001)
    assert abs(np.corrcoef(whole, other)[0, 1]) < 0.03
    assert abs(np.corrcoef(whole[1:], whole[:-1])[0, 1]) < 0.03
    from scipy.stats import kstest

    from pyjutrack.beam.communicator import Communicator
    from pyjutrack.tracking.loop import run
    from pyjutrack.tracking.plan import plan_of
    from pyjutrack.tracking.task import Task

    assert kstest(whole, "norm").pvalue > 1e-3
    effects = (Radiation("quantum", seed=2),)
    plan, rows = plan_of(CELL, effects), bunch(9).coordinates
    whole = pj.Beam(ELECTRON, rows)
    part = pj.Beam(ELECTRON, rows[4:], world=Communicator(rank=1, size=2, particles=9))
    together, alone = (run(Task(CELL, beam, effects, 2, plan)).state for beam in (whole, part))
    for all_of_them, some in zip(together.coordinates, alone.coordinates, strict=True):
        torch.testing.assert_close(some, all_of_them[4:], rtol=1e-12, atol=1e-18)


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.LossWarning")
@pytest.mark.filterwarnings("ignore::pyjutrack.errors.ResolutionWarning")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_programs_draw_what_tensors_do(dtype: torch.dtype) -> None:
    """Over blocks, turns and losses; and with a kick of space charge between the programs."""
    rows = bunch(700).coordinates.clone()
    rows[300, 0] = 0.5
    cell = pj.Lattice([pj.Aperture(half_width=0.1, half_height=0.1), *CELL])
    kick = pj.SpaceCharge(pj.SpectralPoisson((0.05, 0.05), (24, 24)), max_step=0.3)
    for more in ([], [kick]):
        beam = pj.Beam(ELECTRON, rows.to(dtype), current=1e5 if more else 0.0)
        effects = [Radiation("quantum", seed=2, scale=50.0, **STEPS), *more]
        by_programs = pj.track(cell, beam, effects=effects, turns=3)
        plain = beam.replace(coordinates=beam.coordinates.clone().requires_grad_())
        by_tensors = pj.track(cell, plain, effects=effects, turns=3, adjoint="store")
        assert torch.equal(by_programs.alive, by_tensors.alive)
        assert int((~by_programs.alive).sum()) == 1
        bound = 450 * torch.finfo(dtype).eps
        scale = by_tensors.coordinates.detach()[by_tensors.alive].abs().amax(0)
        apart = (by_programs.coordinates - by_tensors.coordinates.detach()).abs() / scale
        assert float(apart[by_programs.alive].max()) < bound


def test_jacobians_meet_the_photons_of_the_particle() -> None:
    beam, effects = bunch(1), [Radiation("quantum", seed=2, scale=50.0, **STEPS)]
    at = beam.coordinates[0].numpy()
    exact = pj.jacobian(CELL, bunch(9), effects=effects, at=at, turns=2)
    for column, step in ((0, 1e-6), (3, 1e-6), (5, 1e-6)):
        ends = []
        for sign in (1, -1):
            shift = torch.zeros(6, dtype=torch.float64)
            shift[column] = sign * step
            moved = beam.replace(coordinates=beam.coordinates + shift)
            ends.append(pj.track(CELL, moved, effects=effects, turns=2).numpy()[0])
        difference = (ends[0] - ends[1]) / 2 / step
        np.testing.assert_allclose(exact[:, column], difference, rtol=1e-5, atol=1e-5)


def test_photons_of_a_call_that_goes_on() -> None:
    """Turns count from 0 in each: one seed twice adds the same photons, as the page says."""
    ring = pj.Lattice([pj.SBend(1.0, 0.1)])
    beam = pj.Beam(ELECTRON, torch.zeros(10_000, 6, dtype=torch.float64))
    first = pj.track(ring, beam, effects=[Radiation("quantum", seed=1)])
    spread = [
        float(
            pj.track(ring, first, effects=[Radiation("quantum", seed=seed)])
            .coordinate("delta")
            .std()
        )
        for seed in (1, 2)
    ]
    once = float(first.coordinate("delta").std())
    assert spread[0] == pytest.approx(2 * once, rel=0.02)
    assert spread[1] == pytest.approx(math.sqrt(2) * once, rel=0.03)

"""Particles that no grid of an effect can hold are told of, with how many there are."""

from __future__ import annotations

import dataclasses
import re
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from effect_cases import EFFECTS, ELECTRON, bunch

import pyjutrack as pj
from pyjutrack.collective import CSR, NeuralWake, Resonator, SpaceCharge2p5D, SpaceCharge3D, Wake
from pyjutrack.errors import InvalidValueError, ParticleLostError, ResolutionWarning

BOX = pj.SpectralPoisson((0.014, 0.014), (48, 48))
CELL = pj.Lattice([pj.Drift(0.2, name="d"), pj.SBend(0.2, 0.02, name="b"), pj.Marker(name="tank")])
RING = pj.Lattice([pj.Drift(0.2), pj.Marker(name="tank"), pj.Drift(3.0), pj.Marker(name="end")])
FOLLOWING: dict[str, tuple[pj.CollectiveEffect, str]] = {
    "3D": (SpaceCharge3D((20, 20, 20), max_step=0.2), "x and y and z"),
    "pipe": (SpaceCharge3D((48, 48, 20), max_step=0.2, pipe=(0.014, 0.014)), "z"),
    "2.5D": (SpaceCharge2p5D(BOX, 16, 0.2), "z"),
    "CSR": (CSR(cells=36, smoothing=2.0), "z"),
}


@pytest.mark.parametrize("count", [1, 500])
@pytest.mark.parametrize("case", FOLLOWING)
def test_charge_without_an_extent_is_refused(case: str, count: int) -> None:
    effect, axes = FOLLOWING[case]
    point = pj.Beam(ELECTRON, np.full((count, 6), 1e-4), charge=1e-9)
    message = (
        f"^{type(effect).__name__} follows the bunch by a grid, and all of it \\(particles alive: "
        f"{count}\\) is within 1e-09 m in {axes}: .* leave the effect out where one particle stands"
    )
    with pytest.raises(InvalidValueError, match=message):
        pj.track(CELL, point, effects=[effect])


def test_one_beam_of_a_batch_without_an_extent() -> None:
    rows = torch.stack([bunch(300, lost=False).coordinates] * 2)
    rows[1, :, 4] = 0.0
    with pytest.raises(InvalidValueError, match=r"SpaceCharge3D follows .* 1e-09 m in z:"):
        pj.track(CELL, pj.Beam(ELECTRON, rows, charge=1e-9), effects=[FOLLOWING["3D"][0]])


def test_a_wake_serves_one_particle() -> None:
    """Which meets half of W(0), 2 R omega / (2 Q) / 2, by itself."""
    wake = Wake(Resonator(2e9, 100.0, 2.0), "tank", cells=40)
    one = pj.Beam(ELECTRON, np.zeros((1, 6)), charge=1e-9)
    end = pj.track(CELL, one, effects=[wake])
    volts = 1e-9 * 2 * np.pi * 2e9 * 100.0 / 2.0 / 2
    assert -float(end.coordinates[0, 5]) == pytest.approx(volts / ELECTRON.p0c, rel=1e-4)


def long_bunch(outside: int, count: int = 2000) -> pj.Beam:
    """Some particles are outside of a window of 0.2 m at the start."""
    rows = bunch(count, lost=False).numpy()
    rows[:outside, 4] = 0.15
    return pj.Beam(ELECTRON, rows, charge=1e-9)


@dataclasses.dataclass(frozen=True)
class Model:
    cells: int = 40
    window: float | None = 0.2

    def solve(self, shares: torch.Tensor, spacing: float) -> torch.Tensor:
        return 1e9 * shares


WINDOWS = {
    "Wake": Wake(Resonator(2e9, 100.0, 2.0), "tank", cells=40, window=0.2),
    "NeuralWake": NeuralWake(Model(), "tank"),
}


def square(final: pj.Beam) -> torch.Tensor:
    return torch.where(final.alive, final.coordinates[:, 5] ** 2, 0.0).sum()


def read(beam: pj.Beam, **options: Any) -> Any:
    return pj.diagnostics.track_turns(RING, beam, {"lost": lambda b: b.lost}, turns=3, **options)


CALLS: dict[str, Any] = {
    "track": lambda beam, **o: pj.track(RING, beam, turns=3, **o),
    "batch": lambda beam, **o: pj.track(
        RING, beam.replace(coordinates=torch.stack([beam.coordinates] * 2), alive=None), **o
    ),
    "reversible": lambda beam, **o: pj.track(RING, beam, adjoint="reversible", **o, turns=3),
    "gradient": lambda beam, **o: pj.gradient(square, RING, beam, wrt=["beam.charge"], **o),
    "forward": lambda beam, **o: pj.gradient(
        square, RING, beam, wrt=["beam.charge"], mode="forward", **o
    ),
    "fd": lambda beam, **o: pj.gradient(square, RING, beam, wrt=["beam.charge"], mode="fd", **o),
    "beams_at": lambda beam, **o: pj.beams_at(RING, beam, ["end", "tank"], **o),
    "track_turns": read,
    "jacobian": lambda beam, **o: pj.jacobian(RING, beam, turns=2, **o),
    "differences": lambda beam, **o: pj.jacobian(RING, beam, method="fd", **o),
    "slopes": lambda beam, **o: pj.jacobian_derivatives(RING, beam, ["beam.charge"], **o),
}


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.LossWarning")
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", WINDOWS)
def test_particles_outside_a_window_are_counted_once(kind: str, call: str) -> None:
    beam, effect = long_bunch(7), WINDOWS[kind]
    message = (
        f"7 of 2000 particles are lost, and outside of the window of {kind}, 0.2 m about "
        "the reference (effects[1])"
    )
    effects = [EFFECTS["beam-beam"], effect]
    with pytest.warns(ResolutionWarning, match=re.escape(message)) as said:
        CALLS[call](beam, effects=effects)
    assert sum("window" in str(one.message) for one in said) == 1


def test_particles_that_leave_a_window_on_the_way_are_counted() -> None:
    rows = bunch(2000, lost=False).numpy()
    rows[:, 4] *= 0.5
    rows[:5, 4], rows[:5, 5] = 0.099, 0.1
    slip = np.diag(np.ones(6))
    slip[4, 5] = 0.1
    ring = pj.Lattice([pj.Marker(name="tank"), pj.TaylorMap(slip)])
    beam = pj.Beam(ELECTRON, rows, charge=1e-12)
    pj.track(ring, beam, effects=[WINDOWS["Wake"]])  # without a warning
    with pytest.warns(ResolutionWarning, match="^5 of 2000 particles are lost, and outside"):
        end = pj.track(ring, beam, effects=[WINDOWS["Wake"]], turns=2)
    assert end.lost == 5


def test_what_an_aperture_takes_is_no_loss_of_a_window() -> None:
    line = pj.Lattice([pj.Aperture(half_width=1e-3, half_height=1e-3), *RING])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        end = pj.track(line, long_bunch(0), effects=[WINDOWS["Wake"]])
    assert 0 < end.lost < 2000


def test_the_share_outside_of_a_box_at_the_start() -> None:
    rows = bunch(2000, lost=False).numpy()
    rows[:3, 0] = 8e-3
    message = r"0\.0015 of the beam start outside the space-charge box of 0\.014 m x 0\.014 m and"
    coasting = pj.Beam(ELECTRON, rows, current=1.0)
    with pytest.warns(ResolutionWarning, match=message):
        end = pj.track(CELL, coasting, effects=[pj.SpaceCharge(BOX, 0.2)])
    assert end.lost == 3
    for case in ("pipe", "2.5D"):
        with pytest.warns(ResolutionWarning, match=message):
            pj.track(CELL, coasting.replace(current=0.0, charge=1e-9), effects=[FOLLOWING[case][0]])


def test_a_test_particle_off_the_line_of_csr_is_lost() -> None:
    """The radiation of the bunch would reach it, and the line does not."""
    beam, effect = bunch(1000, lost=False), CSR(cells=36, smoothing=2.0)
    matrix = pj.jacobian(CELL, beam, effects=[effect], at=[0, 0, 0, 0, 0.01, 0])
    assert np.isfinite(matrix).all()
    with pytest.raises(ParticleLostError, match="the test particle was lost"):
        pj.jacobian(CELL, beam, effects=[effect], at=[0, 0, 0, 0, 0.2, 0])

"""Samples of wakes of any effect, and the bunches that they are of."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from wake_surrogate_cases import LINE, WAKE

import pyjutrack as pj
from pyjutrack.collective import NeuralWake, Resonator, Wake
from pyjutrack.surrogate import Bunches, wake_error, wake_samples
from pyjutrack.surrogate.wakes.samples import read_centres


def test_samples_are_what_a_test_particle_feels():
    """Of an effect of a user, whose field is no line at all."""

    @dataclass(frozen=True)
    class Slope(pj.CollectiveEffect):
        at: str = "here"
        strength: float = 2e12
        lumped = reversible = True

        def slices(self, element):
            return 3 if element.name == self.at else 0

        def field(self, beam, state, place, memory):
            return self.strength * beam.charge / (beam.reference.beta * beam.reference.p0c)

        def apply(self, state, field, place):
            *others, z, delta = state.coordinates
            return state._replace(coordinates=(*others, z, delta - field * z * place.share))

    found = wake_samples(Slope(), Bunches((1e-3, 5e-3), 0.5, (500, 900), 0.08), 5, cells=32)
    centres = (torch.arange(32, dtype=torch.float64) + 0.5) * 0.0025 - 0.04
    torch.testing.assert_close(found.wake, 2e12 * centres.expand(5, -1), rtol=1e-9, atol=1e3)
    assert found.known.all()
    torch.testing.assert_close(found.shares.sum(-1), torch.ones(5, dtype=torch.float64))
    with pytest.raises(pj.errors.InvalidValueError, match="does not act in"):
        wake_samples(Slope(at="there"), Bunches((1e-3, 5e-3), 0.5, (500, 900)), 1, element=LINE[0])


@pytest.mark.parametrize("component", ["constant y", "quadrupole x"])
def test_samples_of_transverse_wakes(component):
    """A model of the effect itself is found again, though the kick is of another momentum."""

    @dataclass(frozen=True)
    class Ramp:
        cells: int = 32
        window: float | None = 0.08

        def solve(self, shares, spacing):
            return 3e12 * torch.arange(36, dtype=torch.float64) + 0 * shares

    effect = NeuralWake(Ramp(), component=component, max_step=1.0)
    bunches = Bunches((2e-3, 5e-3), 0.5, (500, 900), 0.08)
    found = wake_samples(effect, bunches, 3, cells=32, component=component)
    torch.testing.assert_close(
        found.wake, 3e12 * torch.arange(2, 34, dtype=torch.float64).expand(3, -1)
    )
    exact = Ramp().solve(found.shares, 0.0025)
    assert float(wake_error(exact, found).max()) < 1e-10


def test_a_wake_with_a_memory_is_refused():
    wake = Wake(Resonator(2e9, 1e5), "cavity", window=0.3, period=1e-6)
    with pytest.raises(pj.errors.InvalidValueError, match="wake of one passage"):
        wake_samples(wake, Bunches((1e-2, 2e-2), 0.5, (500, 900), 0.3), 1)


def test_the_wake_is_known_in_the_window_of_the_effect_alone():
    """Read past the end of its line, it would be whatever is in memory there."""
    short = dataclasses.replace(WAKE, window=0.1, cells=64)
    found = wake_samples(short, Bunches((1e-2, 1e-2), 0.0, (5000, 5000), 0.3), 1, cells=96)
    centres = (np.arange(96) + 0.5) * 0.3 / 96 - 0.15
    np.testing.assert_array_equal(found.known[0].numpy(), np.abs(centres) < 0.05)
    assert not found.wake[~found.known].any()


@pytest.mark.parametrize("wrong", [{"component": "constant x"}, {"scale": 0.0}])
def test_a_component_that_the_effect_does_not_kick_is_refused(wrong):
    effect = dataclasses.replace(WAKE, **wrong)
    with pytest.raises(pj.errors.InvalidValueError, match="feels a 'longitudinal' wake"):
        wake_samples(effect, Bunches((1e-2, 2e-2), 0.5, (500, 900), 0.3), 1)


def test_shapes_of_bunches():
    family, kinds = Bunches((2e-3, 8e-3), 0.5, (2000, 4000)), set()
    for index in range(60):
        kind, z = family.draw(7, index)
        kinds.add(kind)
        assert 2000 <= len(z) <= 4000
        assert 2e-3 <= z.std() * 1.0000001 <= 8.0001e-3
        assert abs(z.mean()) <= 0.5001 * z.std()
        np.testing.assert_array_equal(z, family.draw(7, index)[1])
    assert kinds == {"gaussian", "parabolic", "flat", "skew", "halo", "bunchlets"}


def test_particles_read_splines():
    values = torch.randn(36, dtype=torch.float64)
    line = pj.mesh.line.Line(-0.4, 0.4, 32)
    at = torch.from_numpy(line.positions()[2:-2])
    read = pj.mesh.line.gather(line, at, torch.ones(32, dtype=torch.bool), values)
    torch.testing.assert_close(read_centres(values), read, rtol=1e-12, atol=1e-12)

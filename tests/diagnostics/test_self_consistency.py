"""Footprints in the field that the particles make themselves, and warnings where it changes."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack.collective import BeamBeam2D
from pyjutrack.errors import AccuracyWarning

PROTON = pj.Reference.from_kinetic("proton", 1e9)
RING = pj.Lattice(
    [
        pj.Marker(name="ip"),
        pj.Quadrupole(0.3, 1.5, name="qf"),
        pj.Drift(1.0),
        pj.Quadrupole(0.3, -1.6, name="qd"),
        pj.Drift(1.3),
    ]
)
KICK = pj.SpaceCharge(pj.SpectralPoisson((0.02, 0.02), (48, 48)), max_step=0.7)
TURNS = 64


def beam(scale: float = 1.0, offset: float = 0.0) -> pj.Beam:
    options = {"twiss": pj.twiss(RING, PROTON), "emittance": (3e-7, 3e-7), "current": 2.0}
    drawn = pj.distributions.gaussian(PROTON, 1000, quiet=True, **options)
    rows = drawn.coordinates * torch.tensor([scale, 1, 1, 1, 1, 1], dtype=torch.float64)
    rows[:, 0] += offset
    return drawn.replace(coordinates=rows)


def footprint(of: pj.Beam, effect: pj.CollectiveEffect = KICK) -> dg.Footprint:
    return dg.footprint(RING, of, turns=TURNS, effects=[effect])


def test_tunes_of_a_matched_beam_are_between_the_lattice_and_its_core() -> None:
    """Without a warning; most particles meet more than half of what one at the origin does."""
    bare = pj.tunes(pj.jacobian(RING, PROTON))
    deepest = bare - pj.tunes(pj.jacobian(RING, beam(), effects=[KICK]))
    shifts = bare - footprint(beam()).tunes
    assert (np.nanmedian(shifts, 0) > 0.5 * deepest).all()
    assert (np.nanquantile(shifts, 0.9, axis=0) < deepest).all()


def test_a_beam_that_is_not_matched_is_told_of() -> None:
    message = r"makes the field of SpaceCharge changes its rms size in x between 0\.\d+ m and 0\."
    with pytest.warns(AccuracyWarning, match=message):
        footprint(beam(scale=2.0))


def test_a_beam_that_moves_as_a_whole_is_told_of() -> None:
    """Its field goes with it: the tunes are those of the lattice, to a tenth of the true shift."""
    message = r"field of SpaceCharge moves as a whole by 0\.00\d+ m rms in x, and is 0\.00\d+ m rms"
    with pytest.warns(AccuracyWarning, match=message):
        found = footprint(beam(offset=3e-3))
    bare = pj.tunes(pj.jacobian(RING, PROTON))
    core = pj.tunes(pj.jacobian(RING, beam(), effects=[KICK]))
    shifts = np.nanmedian(bare - found.tunes, 0)
    assert abs(shifts[0]) < 0.1 * (bare - core)[0]


def test_no_beam_makes_the_field_of_an_opposing_one() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        footprint(beam(scale=2.5, offset=5e-3), BeamBeam2D("ip", 1e-9, 1e-3, 1e-3))
        dg.footprint(RING, beam(scale=2.5, offset=5e-3), turns=TURNS)


def test_a_grid_of_amplitudes_in_a_field_of_given_sizes_is_not_told_of() -> None:
    """The tunes are those of the field, however the particles lie that show it."""
    amplitudes = np.stack(np.meshgrid(*[np.linspace(1e-3, 4e-3, 4)] * 2), -1).reshape(-1, 2)
    rows = np.zeros((16, 6))
    rows[:, [0, 2]] = amplitudes
    solver = pj.SpectralPoisson((0.02, 0.02), (48, 48))
    frozen = pj.collective.FrozenGaussian((1e-3, 1e-3), 0.1, solver, max_step=0.7)
    bunch = pj.Beam(PROTON, rows, charge=1e-10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = footprint(bunch, frozen)
    bare = pj.tunes(pj.jacobian(RING, PROTON))
    shifts = np.linalg.norm(bare - found.tunes, axis=1)
    order = np.linalg.norm(amplitudes, axis=1).argsort()
    assert shifts[order[0]] > 2 * shifts[order[-1]] > 0

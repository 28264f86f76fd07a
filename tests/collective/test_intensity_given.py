"""Effects of intensity refuse a beam that was given none, and take a zero that was."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from effect_cases import EFFECTS, ELECTRON, LATTICE, bunch

import pyjutrack as pj
from pyjutrack.beam.communicator import SERIAL
from pyjutrack.collective import FrozenGaussian
from pyjutrack.errors import InvalidValueError

CELL = pj.Lattice([pj.Drift(0.2, name="d"), pj.Marker(name="tank"), *LATTICE[2:3]])
ROWS = bunch(300, lost=False).numpy()
BOX = pj.SpectralPoisson((0.014, 0.014), (28, 28))
OF_BUNCHES = {name: effect for name, effect in EFFECTS.items() if not effect.individual} | {
    "frozen": FrozenGaussian((1.2e-3, 1.2e-3), 0.02, BOX, 0.2)
}
NONE_GIVEN = r"acts by the charge of a bunch \[C\], and this beam was given none: .*charge=0\.0"


def square(final: pj.Beam, initial: pj.Beam) -> torch.Tensor:
    return (final.coordinates[:, [1, 3, 5]] ** 2).sum()


@pytest.mark.parametrize("name", OF_BUNCHES)
def test_a_bunch_without_a_charge_is_refused(name: str) -> None:
    effect = OF_BUNCHES[name]
    bare = pj.Beam(ELECTRON, ROWS)
    with pytest.raises(InvalidValueError, match=f"{type(effect).__name__} {NONE_GIVEN}"):
        pj.track(CELL, bare, effects=[effect])
    with pytest.raises(InvalidValueError, match=NONE_GIVEN):
        pj.gradient(square, CELL, bare, effects=[effect], wrt=["beam.charge"])
    # a current of zero is no charge
    with pytest.raises(InvalidValueError, match=NONE_GIVEN):
        pj.track(CELL, pj.Beam(ELECTRON, ROWS, 0.0), effects=[effect])


@pytest.mark.parametrize("name", OF_BUNCHES)
def test_a_charge_of_zero_is_one_and_has_slopes(name: str) -> None:
    """Beside a one-sided difference of second order of rebuilt beams."""
    effect = OF_BUNCHES[name]

    def value(charge: float) -> float:
        beam = pj.Beam(ELECTRON, ROWS, charge=charge)
        return float(square(pj.track(CELL, beam, effects=[effect]), beam))

    beam = pj.Beam(ELECTRON, ROWS, charge=0.0)
    plain = pj.track(CELL, beam).numpy()
    np.testing.assert_allclose(pj.track(CELL, beam, effects=[effect]).numpy(), plain, atol=1e-18)
    (slope,) = pj.gradient(square, CELL, beam, effects=[effect], wrt=["beam.charge"])
    step = 1e-10
    expected = (4 * value(step) - value(2 * step) - 3 * value(0.0)) / (2 * step)
    assert slope == pytest.approx(expected, rel=2e-3)
    assert abs(slope) > 0


def test_a_coasting_beam_without_a_current_is_refused(kick: pj.SpaceCharge) -> None:
    message = r"SpaceCharge acts by the current of a coasting beam \[A\], and .* given none"
    for beam in (pj.Beam(ELECTRON, ROWS), pj.Beam.from_array(ELECTRON, ROWS)):
        with pytest.raises(InvalidValueError, match=message):
            pj.track(CELL, beam, effects=[kick])
    given = pj.Beam.from_array(ELECTRON, ROWS, 0.0)
    plain = pj.track(CELL, given).numpy()
    np.testing.assert_allclose(pj.track(CELL, given, effects=[kick]).numpy(), plain, atol=1e-15)


def test_effects_on_each_particle_need_none() -> None:
    for effect in EFFECTS.values():
        if effect.individual:
            pj.track(CELL, pj.Beam(ELECTRON, ROWS), effects=[effect])


def drawn() -> pj.Beam:
    optics = pj.optics.Twiss(1.0, 0.0, 1.0, 0.0)
    return pj.distributions.gaussian(ELECTRON, 300, twiss=optics, emittance=(1e-8, 1e-8))


COPIES: dict[str, Any] = {
    "drawn": lambda beam: drawn(),
    "replaced": lambda beam: beam.replace(coordinates=beam.coordinates * 1.0),
    "pickled": lambda beam: pickle.loads(pickle.dumps(beam)),
    "of another precision": lambda beam: beam.to(torch.float32),
    "tracked": lambda beam: pj.track(CELL, beam),
    "shared": lambda beam: pj.distributed.gather(pj.distributed.shard(beam, SERIAL)),
}


@pytest.mark.parametrize("way", COPIES)
def test_what_was_never_given_stays_so(way: str) -> None:
    copy = COPIES[way](pj.Beam(ELECTRON, ROWS))
    with pytest.raises(InvalidValueError, match=NONE_GIVEN):
        pj.track(CELL, copy, effects=[EFFECTS["space charge in 3D"]])


def test_a_file_of_beams_gives_none_back(tmp_path: Path) -> None:
    pytest.importorskip("beamphysics")
    pj.io.write_beam(tmp_path / "beam.h5", pj.Beam(ELECTRON, ROWS))
    found = pj.io.read_beam(tmp_path / "beam.h5")
    with pytest.raises(InvalidValueError, match=NONE_GIVEN):
        pj.track(CELL, found, effects=[EFFECTS["space charge in 3D"]])


def test_a_file_of_twins_gives_none_back(tmp_path: Path) -> None:
    effect = EFFECTS["wake at a place"]
    monitor = pj.diagnostics.BeamPosition(at="tank")
    loaded = []
    for amounts in ({}, {"charge": 0.0}):
        beam = pj.Beam(ELECTRON, ROWS, **amounts)
        pj.Twin(CELL, beam, (monitor,), effects=[effect]).save(tmp_path / "twin")
        loaded.append(pj.Twin.load(tmp_path / "twin"))
    with pytest.raises(InvalidValueError, match=NONE_GIVEN):
        loaded[0].predict({})
    assert loaded[1].predict({})


def test_slices_of_a_beam_without_a_charge_have_no_current() -> None:
    found = pj.diagnostics.slice_moments(pj.Beam(ELECTRON, ROWS), 5)
    assert np.isnan(found.current).all()
    assert np.isfinite(found.sizes).all()
    found = pj.diagnostics.slice_moments(pj.Beam(ELECTRON, ROWS, charge=0.0), 5)
    assert (found.current == 0).all()


def test_a_charge_that_settings_or_unknowns_give_need_not_be_given() -> None:
    effect, monitor = EFFECTS["wake at a place"], pj.diagnostics.BeamPosition(at="tank")
    bare = pj.Twin(CELL, pj.Beam(ELECTRON, ROWS), (monitor,), effects=[effect])
    given = bare.replace(beam=pj.Beam(ELECTRON, ROWS, charge=1e-9))
    expected = given.predict({})[monitor.name]
    np.testing.assert_array_equal(bare.predict({"beam.charge": 1e-9})[monitor.name], expected)
    unknown = bare.replace(unknowns=(pj.Unknown("beam.charge", value=1e-9),))
    np.testing.assert_array_equal(unknown.predict({})[monitor.name], expected)
    with pytest.raises(InvalidValueError, match=NONE_GIVEN):
        bare.predict({})
    # a share of it gives none
    share = bare.replace(unknowns=(pj.Unknown("beam.charge", relative=True, value=0.1),))
    with pytest.raises(InvalidValueError, match=NONE_GIVEN):
        share.predict({})
    expected = given.predict({"beam.charge": 1.1e-9})[monitor.name]
    found = share.predict({"beam.charge": 1e-9})[monitor.name]
    np.testing.assert_allclose(found, expected, rtol=1e-12)

"""Cavities off the harmonics of the revolution: warned of, or refused, by the shift of a beam."""

from __future__ import annotations

import dataclasses
import math
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import pyjutrack as pj
from pyjutrack.errors import AccuracyWarning, InvalidValueError
from pyjutrack.optics import orbit

ELECTRON = pj.Reference.from_total("electron", 2e9)
CLOSING: Any = orbit.Closing
CELL = [
    pj.Quadrupole(0.3, 1.7),
    pj.Drift(0.6),
    pj.SBend(1.5, math.pi / 8, model="linear"),
    pj.Drift(0.5),
    pj.Quadrupole(0.2, -1.3),
    pj.Drift(0.6),
    pj.SBend(1.5, math.pi / 8, k1=-0.05, model="linear"),
    pj.Drift(0.6),
]
ARCS = CELL * 8
LENGTH = sum(float(e.length) for e in ARCS)
HARMONIC = 20
EXACT = HARMONIC * ELECTRON.beta * 299_792_458.0 / LENGTH


def ring(change: float, *more: pj.Element, arcs: Any = ARCS, **options: Any) -> pj.Lattice:
    """A ring whose cavity is off its harmonic by a relative change."""
    gap = {"voltage": 1.5e6, "frequency": EXACT * (1 + change), "phase": math.pi} | options
    return pj.Lattice([*arcs, pj.RFCavity(**gap, name="rf"), *more])


CALLS: dict[str, Callable[[pj.Lattice], Any]] = {
    "equilibrium": lambda r: pj.optics.equilibrium(r, ELECTRON).covariance,
    "taper": lambda r: pj.optics.taper(r, ELECTRON, rounds=1)[0].k1,
    "synchrotron_optics": lambda r: pj.optics.synchrotron_optics(r, ELECTRON).matrix,
    "closed_orbit": lambda r: pj.optics.closed_orbit(r, ELECTRON, dimensions=6),
    "one_turn_matrix": lambda r: pj.optics.one_turn_matrix(r, ELECTRON, dimensions=6),
    "transfer_matrices": lambda r: pj.optics.transfer_matrices(r, ELECTRON, dimensions=6),
}


def told_shift(ring: pj.Lattice, call: str = "closed_orbit") -> float:
    with pytest.warns(AccuracyWarning, match="periods of it: a beam would follow it") as said:
        CALLS[call](ring)
    found = re.search(r"at a delta of (\S+),", str(said[0].message))
    assert found is not None
    return float(found[1])


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("change", [2e-5, -3e-4])
def test_the_shift_is_that_of_the_slip(call: str, change: float) -> None:
    """delta = -(df / f) / eta."""
    eta = pj.twiss_table(pj.Lattice(ARCS), ELECTRON).slip_factor
    assert told_shift(ring(change), call) == pytest.approx(-change / eta, rel=0.06)


def test_the_shift_is_that_of_pyat() -> None:
    """Whose closed orbit has an arrival that is late by h / f - T0 in each turn."""
    at = pytest.importorskip("at")
    parts = []
    for e in ARCS:
        if isinstance(e, pj.Quadrupole):
            parts.append(at.Quadrupole("q", float(e.length), float(e.k1)))
        elif isinstance(e, pj.SBend):
            parts.append(at.Dipole("b", float(e.length), float(e.angle), float(e.k1)))
        else:
            parts.append(at.Drift("d", float(e.length)))
    fast = HARMONIC * 299_792_458.0 / LENGTH  # AT's particles have the speed of light
    change = 1e-4
    parts.append(at.RFCavity("rf", 0.0, 1.5e6, fast * (1 + change), HARMONIC, 2e9))
    theirs = at.Lattice(parts, energy=2e9, periodicity=1)
    theirs.enable_6d(dipole_pass=None, quadrupole_pass=None, copy=False)
    orbit, _ = theirs.find_orbit6()
    assert told_shift(ring(change)) == pytest.approx(orbit[4], rel=0.01)


@pytest.mark.parametrize("call", CALLS)
def test_a_wave_that_holds_no_beam_is_refused(call: str) -> None:
    message = r"RFCavity 'rf' has a frequency of .* Hz, and a turn takes 20\.4 periods .*no ring"
    with pytest.raises(InvalidValueError, match=message) as refused:
        CALLS[call](ring(2e-2))
    found = re.search(r"harmonic 20 of the revolution, (\S+) Hz", str(refused.value))
    assert found is not None
    assert float(found[1]) == pytest.approx(EXACT, rel=1e-9)


def test_a_part_of_a_ring_is_told_to_be_one() -> None:
    with pytest.raises(InvalidValueError, match=r"2\.5 periods .* or the whole ring"):
        CALLS["closed_orbit"](ring(0.0, arcs=CELL))


def test_below_the_first_harmonic() -> None:
    with pytest.raises(InvalidValueError, match=r"takes 0\.3 periods .* harmonic 1 of"):
        CALLS["closed_orbit"](ring(0.3 / HARMONIC - 1))


def test_harmonics_and_small_offsets_say_nothing() -> None:
    """A frequency stated to seven digits, a third harmonic, and a cavity that is off."""
    rounded = float(f"{EXACT:.7g}")
    assert rounded != EXACT
    third = pj.RFCavity(voltage=2e5, frequency=3 * EXACT, name="third")
    off = pj.RFCavity(voltage=0.0, frequency=1.3 * EXACT, name="off")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for made in (ring(0.0), ring(0.0, frequency=rounded), ring(0.0, third, off)):
            for call in CALLS.values():
                call(made)


def test_the_worst_of_several_is_named() -> None:
    near = pj.RFCavity(voltage=1e5, frequency=EXACT * (1 + 2e-5), name="near")
    far = pj.RFCavity(voltage=1e5, frequency=3 * EXACT * (1 + 1e-4), name="far")
    with pytest.warns(AccuracyWarning, match=r"RFCavity 'far' .* takes 60\.006 periods") as said:
        CALLS["closed_orbit"](ring(0.0, near, far))
    assert len(said) == 1


@pytest.mark.parametrize("change", [1e-4, 0.53 / 3])
@pytest.mark.parametrize("call", CALLS)
def test_no_beam_follows_a_wave_that_deflects(call: str, change: float) -> None:
    """Its phase slips, by 2 pi times what there is beyond whole periods."""
    crab = pj.CrabCavity(voltage=1e3, frequency=3 * EXACT * (1 + change), name="crab")
    with pytest.warns(AccuracyWarning, match="CrabCavity 'crab' .* periods of it: its p") as said:
        CALLS[call](ring(0.0, crab))
    assert len(said) == 1
    found = re.search(r"slips by (\S+) rad from turn to turn", str(said[0].message))
    assert found is not None
    periods = 3 * HARMONIC * (1 + change)
    expected = 2 * math.pi * abs(periods - round(periods))
    assert float(found[1]) == pytest.approx(expected, rel=0.05)


@pytest.mark.filterwarnings("error")
def test_a_crab_cavity_on_a_harmonic_of_the_beams_turn() -> None:
    """Which is that of the cavity that holds it, known to seven digits."""
    rounded = float(f"{EXACT:.7g}")
    for frequency in (EXACT, rounded):
        crab = pj.CrabCavity(voltage=1e3, frequency=3 * frequency, name="crab")
        CALLS["closed_orbit"](ring(0.0, crab, frequency=frequency))


@pytest.mark.parametrize("step", [0.2, -0.3])
def test_a_patch_along_s_is_path_of_the_reference(step: float) -> None:
    """A drift of its length takes as long."""
    right = EXACT * LENGTH / (LENGTH + step)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CALLS["closed_orbit"](ring(0.0, pj.Patch(dz=step), frequency=right))
        CALLS["closed_orbit"](ring(0.0, pj.Drift(step), frequency=right))
        CALLS["closed_orbit"](ring(0.0, pj.Quadrupole(0.0, 0.0, dz=step)))
    with pytest.warns(AccuracyWarning, match=f"20 of the revolution, {int(right)}"):
        CALLS["closed_orbit"](ring(0.0, pj.Patch(dz=step)))


def test_harmonic_numbers_of_pals_count_it(tmp_path: Path) -> None:
    path = tmp_path / "ring.yaml"
    path.write_text(
        "PALS:\n  version: null\n  facility:\n"
        "    - c: {kind: RFCavity, RFP: {harmon: 3, voltage: 1.0e6}}\n"
        "    - d: {kind: Drift, length: 4.0}\n"
        "    - p: {kind: Patch, PatchP: {z_offset: 0.5}}\n"
        "    - line: {kind: BeamLine, line: [c, d, p]}\n    - use: line\n"
    )
    cavity = pj.read_lattice(path, reference=ELECTRON).lattice[0]
    expected = 3 * ELECTRON.beta * 299_792_458.0 / 4.5
    assert float(cavity.rf_frequency) == pytest.approx(expected, rel=1e-12)


def test_waves_on_harmonics_cost_no_matrices_of_the_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    """The orbit is the axis: no shift of it is asked for."""
    built = []
    monkeypatch.setattr(orbit, "Closing", lambda *given: built.append(given) or CLOSING(*given))
    CALLS["closed_orbit"](ring(0.0))
    assert not built
    with pytest.warns(AccuracyWarning):
        CALLS["closed_orbit"](ring(1e-4))
    assert len(built) == 1


@dataclasses.dataclass(frozen=True, repr=False)
class Gap(pj.RFCavity):
    """A kind of a user, whose wave is twice as fast as it says."""

    abstract: ClassVar[bool] = True

    @property
    def rf_frequency(self) -> Any:
        return 2 * self.frequency


def test_a_kind_of_a_user_says_its_frequency() -> None:
    whole = Gap(voltage=1e6, frequency=EXACT * 1.025, phase=math.pi, name="whole")
    other = dataclasses.replace(whole, frequency=EXACT * 1.0125, name="other")
    with pytest.raises(InvalidValueError, match=r"Gap 'other' .* takes 40\.5 periods"):
        CALLS["closed_orbit"](pj.Lattice([*ARCS, whole, other]))


def test_what_is_found_is_that_of_the_harmonic() -> None:
    """But for the slope of the wave, by what its frequency differs."""
    with pytest.warns(AccuracyWarning):
        off = pj.optics.equilibrium(ring(1e-4), ELECTRON)
    on = pj.optics.equilibrium(ring(0.0), ELECTRON)
    np.testing.assert_allclose(off.emittances, on.emittances, rtol=1e-3, atol=1e-20)
    np.testing.assert_allclose(off.orbit[:, 5], on.orbit[:, 5], rtol=0, atol=1e-6)

"""What optics in four dimensions leave out of cavities is said, with the size of it."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest

import pyjutrack as pj
from pyjutrack.errors import AccuracyWarning

ELECTRON = pj.Reference.from_total("electron", 1e8)
START = pj.optics.Twiss(4.0, -0.7, 3.0, 0.4)
CELL = [pj.Quadrupole(0.2, 1.5), pj.Drift(1.0), pj.Quadrupole(0.2, -1.5), pj.Drift(1.0)]


def gap(volts: float, phase: float = math.pi / 2, **options: Any) -> pj.RFCavity:
    return pj.RFCavity(0.5, volts, frequency=1e9, phase=phase, **{"name": "gap"} | options)


def crab(volts: float, phase: float = math.pi / 2, **options: Any) -> pj.CrabCavity:
    return pj.CrabCavity(0.0, volts, frequency=1e9, phase=phase, **{"name": "crab"} | options)


def functions(*elements: pj.Element) -> Any:
    return pj.optics.twiss_table(pj.Lattice([*CELL, *elements, *CELL]), ELECTRON, initial=START)


def test_a_cavity_that_accelerates_the_beam_alone() -> None:
    """By 2 MeV of 100: the matrix of the beam is another one than that of the optics."""
    message = (
        r"optics of a line take cavities for drifts .* 2 of them change the delta of the beam.*"
        r"the first RFCavity 'gap' by 0\.02: .*accelerate=True"
    )
    twice = (gap(2e6), gap(2e6, name="second"))
    with pytest.warns(AccuracyWarning, match=message) as said:
        table = functions(*twice)
    assert len(said) == 1
    line = pj.Lattice([*CELL, *twice, *CELL])
    beams = np.asarray(pj.jacobian(line, ELECTRON))[:4, :4]
    assert abs(beams - table.matrix[:4, :4]).max() > 1e-3
    assert functions(*(gap(2e6, accelerate=True) for _ in twice)).tune_x != table.tune_x


def test_one_that_decelerates() -> None:
    with pytest.warns(AccuracyWarning, match=r"1 of them changes .* by -0\.02"):
        functions(gap(2e6, -math.pi / 2))


def test_what_many_cavities_give_adds_up() -> None:
    """50 of 0.09 MV at 100 MeV: 0.045 in all, and each of them next to nothing."""
    some = [gap(9e4, name=f"c{n}") for n in range(50)]
    message = (
        r"50 of them change the delta of the beam, by up to 0\.045 in all, .*"
        r"the first RFCavity 'c0' by 0\.0009:"
    )
    with pytest.warns(AccuracyWarning, match=message):
        functions(*some)
    end = pj.track(pj.Lattice(some), pj.Beam(ELECTRON, np.zeros((1, 6)))).coordinates
    assert float(end[0, 5]) == pytest.approx(0.045, rel=1e-3)
    back = [gap(-9e4, name=f"b{n}") for n in range(50)]
    with pytest.warns(AccuracyWarning, match=r"100 of them change .* by up to 0\.045 in all"):
        functions(*some, *back)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        functions(*(e for pair in zip(some, back, strict=True) for e in pair))


def test_what_adds_up_counts_at_the_momentum_of_the_place() -> None:
    """0.9 MeV are 0.9 % of 100 MeV, and next to nothing of 1 GeV."""
    linac = gap(9e8, accelerate=True, name="linac")
    many = [gap(9e4, name=f"c{n}") for n in range(10)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        functions(linac, *many)
        functions(gap(9e4), linac, *many[1:])
    idle = gap(9e4, 0.0, name="idle")  # gives nothing, and is not counted
    with pytest.warns(AccuracyWarning, match=r"10 of them change .* by up to 0\.009 in all"):
        functions(*many[:5], idle, *many[5:], linac)


def test_cavities_that_are_as_good_as_drifts() -> None:
    drift = functions(pj.Drift(0.5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for made in (gap(2e6, 0.0), gap(2e6, math.pi), gap(1e4), gap(0.0), crab(1e5, 0.0)):
            found = functions(made, *([] if made.length else [pj.Drift(0.5)]))
            assert found.tune_x == pytest.approx(drift.tune_x, abs=1e-12)


@pytest.mark.parametrize("tilt", [0.0, math.pi / 2, 0.4])
def test_a_crab_cavity_that_kicks_the_beam(tilt: float) -> None:
    """By V / (p c) = 0.001, in a line and in a ring."""
    made = crab(1e5, tilt=tilt)
    message = r"1 of them kicks the beam, the first CrabCavity 'crab' by 0\.001 rad"
    with pytest.warns(AccuracyWarning, match=f"optics of a line .*{message}"):
        functions(made)
    ring = pj.Lattice([*CELL, made])
    with pytest.warns(AccuracyWarning, match=f"optics in 4 dimensions .*{message}"):
        pj.twiss(ring, ELECTRON)
    with pytest.warns(AccuracyWarning, match=message):
        orbit = pj.optics.closed_orbit(ring, ELECTRON)
    assert not orbit[:, :4].any()


def test_a_ring_leaves_out_what_makes_up_for_radiation() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pj.twiss(pj.Lattice([*CELL, gap(2e6)]), ELECTRON)


def test_after_an_acceleration_the_change_is_of_the_momentum_there() -> None:
    """300 MeV before it: 2 MeV are 0.5 % of what there is."""
    first = gap(3e8, accelerate=True, name="linac")
    with pytest.warns(AccuracyWarning, match=r"the first RFCavity 'gap' by 0\.005"):
        functions(first, gap(2e6))


def test_a_cavity_that_is_turned_kicks_the_beam() -> None:
    """By V sin(x_rot) / (p c), of 2 MV at 100 MeV/c."""
    made = gap(2e6, x_rot=0.05)
    with pytest.warns(
        AccuracyWarning, match=r"1 of them kicks the beam, the first .* by 0\.001 rad"
    ):
        pj.twiss(pj.Lattice([*CELL, made]), ELECTRON)

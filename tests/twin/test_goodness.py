"""Whether a model fits is said: where it lacks something, and not where chance makes residuals."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack.twin.goodness import find_misfit, spread_of

ELECTRON = pj.Reference.from_kinetic("electron", 100e6)
AXIS = pj.Beam(ELECTRON, np.zeros((1, 6)))
MONITORS = [dg.BeamPosition(place, noise=2e-5) for place in ("s1", "s2")]
SETTINGS = [
    {"q1.k1": a, "q2.k1": b, "st.hkick": c}
    for a in (5.0, 7.0)
    for b in (-5.0, -7.0)
    for c in (-5e-4, 0.0, 5e-4)
]
WANTED = [pj.Unknown(f"q{n}.k1", prior=0.1, relative=True) for n in (1, 2)]


def make_line(dx: float = 0.0, error: float = 0.0) -> pj.Lattice:
    return pj.Lattice(
        [
            *[pj.Kicker(name="st"), pj.Drift(0.5), pj.Quadrupole(0.2, k1=6.0, name="q1")],
            *[pj.Drift(0.5), pj.Quadrupole(0.2, k1=-6.0 * (1 + error), name="q2", dx=dx)],
            *[pj.Drift(1.0), pj.Marker(name="s1"), pj.Drift(1.0), pj.Marker(name="s2")],
        ]
    )


def measure(seed: int, dx: float, q1: float = 0.03) -> pj.Measurements:
    """Shots of a machine whose first quadrupole is wrong, and whose second is displaced by dx."""
    draw = np.random.default_rng(seed)
    truth = pj.Unknown("q1.k1", relative=True, value=q1)
    machine = pj.Twin(make_line(dx), AXIS, MONITORS, unknowns=[truth])
    shots = [machine.predict(s) for s in SETTINGS]
    return pj.Measurements(
        SETTINGS,
        {
            m.name: np.stack([s[m.name] for s in shots]) + 2e-5 * draw.standard_normal((12, 2))
            for m in MONITORS
        },
    )


def fit(data: pj.Measurements, **options: Any) -> Any:
    return pj.calibrate(pj.Twin(make_line(), AXIS, MONITORS), data, WANTED, **options)


@pytest.mark.parametrize("dx", [4e-5, 1e-4, 1e-3])
def test_a_displaced_magnet_that_the_model_lacks_is_seen(dx: float) -> None:
    with pytest.warns(pj.errors.MisfitWarning, match=r"does not fit: .* where 1 \+- 0\.") as told:
        found = fit(measure(1, dx), held_out=0)
    assert [t.category for t in told].count(pj.errors.MisfitWarning) == 1
    assert found.mean_square() > 1.5
    said = next(str(t.message) for t in told if t.category is pj.errors.MisfitWarning)
    assert re.search(r"; worst s2\.position \(.*\), s1\.position \(", said)
    beside = [*WANTED, pj.Unknown("q2.dx", prior=1e-3)]
    twin = pj.Twin(make_line(), AXIS, MONITORS)
    right = pj.calibrate(twin, measure(1, dx), beside, held_out=0)  # a warning would be an error
    assert abs(right["q2.dx"][0] - dx) < 4 * right["q2.dx"][1]


def test_the_right_model_is_not_doubted() -> None:
    for seed in range(25):  # a warning would be an error
        found = fit(measure(seed, 0.0), held_out=0.25 if seed % 2 else 0)
        assert abs(found["q1.k1"][0] - 0.03) < 5 * found["q1.k1"][1]


def test_a_value_far_beyond_its_prior_is_named() -> None:
    with pytest.warns(pj.errors.MisfitWarning, match=r"^found far beyond .*: q1\.k1 \([67]\.\d+"):
        fit(measure(2, 0.0, q1=0.65), held_out=0)


def test_the_summary_says_what_is_expected() -> None:
    found = fit(measure(3, 0.0), held_out=[2, 5])
    assert found.trained == (0, 1, 3, 4, 6, 7, 8, 9, 10, 11)
    assert found.mean_square_spread() == np.sqrt(2 / 40)
    assert found.mean_square_spread(held_out=True) == np.sqrt(2 / 8)
    assert "trained (1 +- 0.22 expected)" in found.summary()


@pytest.mark.parametrize("readings", [4, 60, 5000])
def test_chance_is_no_misfit(readings: int) -> None:
    draw = np.random.default_rng(readings)
    shots = range(4)
    rows = [{"a": draw.standard_normal((4, readings))} for _ in range(400)]
    assert not any(find_misfit(row, shots) for row in rows)
    spread = np.std([np.mean(row["a"] ** 2) for row in rows])
    assert spread == pytest.approx(spread_of(4 * readings), rel=0.15)
    wide = {"a": rows[0]["a"], "b": 2.5 * rows[1]["a"]}
    worst = find_misfit(wide, shots)
    assert worst is not None
    assert worst.name == "b"
    wide["b"][:] = np.nan  # masked
    assert find_misfit(wide, shots) is None


def test_many_small_excesses_are_one_of_all() -> None:
    draw = np.random.default_rng(0)
    rows = {f"m{n}": 1.5 * draw.standard_normal((5, 4)) for n in range(30)}
    worst = find_misfit(rows, range(5))
    assert worst is not None
    assert worst.name == ""

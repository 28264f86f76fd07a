"""The example of a digital twin: what it hides, what the twin says of that, what it learns."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import pyjutrack as pj

FOLDER = Path(__file__).parents[2] / "examples" / "digital_twin"
sys.path.insert(0, str(FOLDER))  # the scripts import each other as they do when run
import black_box  # noqa: E402
import machine  # noqa: E402
import repeats  # noqa: E402
import run  # noqa: E402
import twin  # noqa: E402

ERRORS = {"q1": 0.05, "q2": -0.08, "q3": 0.07, "q4": -0.06}
PEAK = 0.12


@pytest.fixture(scope="module")
def plan() -> list[machine.Settings]:
    return machine.plan(3, seed=5)


def told(hidden: machine.Machine) -> pj.Twin:
    """The twin with the true errors of the quadrupoles."""
    unknowns = [pj.Unknown(a, relative=True, value=v) for a, v in hidden.truth().items()]
    return twin.twin().replace(unknowns=tuple(unknowns))


def test_the_plan_moves_everything_and_keeps_the_beam_clear(plan: list[machine.Settings]) -> None:
    assert [set(row) for row in plan] == [set(plan[0])] * 3
    assert len(plan[0]) == len(ERRORS) + 3
    assert all(abs(row["q1.k1"] / 20 - 1) < 0.4 for row in plan)
    assert machine.plan(3, seed=5) == plan
    lattice = machine.line(pj.Marker(name="field")).with_values(
        {k: v for k, v in plan[0].items() if k != "beam.current"}
    )
    beam = pj.distributions.gaussian(
        machine.PROTON, 2000, twiss=machine.TWISS, emittance=machine.EMITTANCE, seed=3
    )
    found = pj.track(lattice, beam)
    assert float(found.coordinate("x").std()) < machine.CLEAR / 2


def test_without_a_field_and_a_current_two_codes_agree(plan: list[machine.Settings]) -> None:
    """Exact Hamiltonians and linear quadrupoles, other beams: what is left is sampling."""
    hidden = machine.Machine(ERRORS, amplitude=0.0, particles=8192)
    settings = {**plan[0], "beam.current": 0.0}
    ours, theirs = told(hidden).predict(settings), hidden.profiles(settings)
    design = twin.twin().predict(settings)
    for name, profile in theirs.items():
        assert profile.sum() == pytest.approx(1, abs=1e-3)
        assert np.abs(ours[name] - profile).max() < 0.01 * PEAK
    off = [np.abs(design[n] - theirs[n]).max() for n in theirs]
    assert max(off) > 0.1 * PEAK


def test_what_is_hidden_is_seen(plan: list[machine.Settings]) -> None:
    settings = {**plan[1], "beam.current": 150.0}
    hidden = machine.Machine(ERRORS, particles=4096)
    whole, ours = hidden.profiles(settings), told(hidden).predict(settings)
    off = max(np.abs(ours[n] - whole[n]).max() for n in whole)
    assert off > 2 * machine.NOISE
    data = hidden.measure([settings], seed=1)
    noise = np.concatenate([(data.readings[n][0] - whole[n]) for n in whole])
    assert noise.std() == pytest.approx(machine.NOISE, rel=0.15)


def test_the_field_is_no_multipole_and_dies_out() -> None:
    hidden = machine.Machine(ERRORS)
    x = torch.tensor([1e-3, 2e-3, 0.04], dtype=torch.float64)
    near, twice, far = hidden.field(x, torch.zeros_like(x)).tolist()
    assert abs(far) < 1e-9 * abs(near)
    assert twice / near != pytest.approx(4, rel=0.2)


def test_machines_differ() -> None:
    drawn = [machine.Machine.draw(seed) for seed in range(20)]
    sizes = np.abs([list(m.errors.values()) for m in drawn])
    assert 0.06 <= sizes.min() < sizes.max() <= 0.12
    assert {np.sign(m.errors["q1"]) for m in drawn} == {-1, 1}
    assert machine.Machine.draw(3) == machine.Machine.draw(3)


@pytest.mark.slow
def test_the_black_box_learns_what_it_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(black_box, "_MEMBERS", 2)
    monkeypatch.setattr(black_box, "_STEPS", 1000)
    rng = np.random.default_rng(0)
    settings = [{"a": float(a), "b": float(b)} for a, b in rng.uniform(-1, 1, (40, 2))]
    x = np.linspace(-2, 2, 16)

    def profile(row: dict[str, float]) -> np.ndarray:
        return np.exp(-((x - row["a"]) ** 2) / 2) * (1 + 0.2 * row["b"])

    data = pj.Measurements(settings, {"w": np.stack([profile(s) for s in settings])})
    predict = black_box.black_box(data)
    new = {"a": 0.3, "b": -0.4}
    assert np.abs(predict(new)["w"] - profile(new)).max() < 0.05


def test_the_summary_counts() -> None:
    rows = {"q1.k1": (0.1, 0.1, 0.01), "q2.k1": (0.1, 0.13, 0.01)}
    found = repeats.summary([{"rows": rows, "mean_square": 1.0, "message": ""}] * 2)
    assert found["intervals"] == 4
    assert found["coverage"] == 0.5
    assert found["rms_pull"]["q2.k1"] == pytest.approx(3)


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.MisfitWarning")  # of physics alone
@pytest.mark.slow
def test_the_hybrid_model_finds_what_is_hidden(tmp_path: Path) -> None:
    found = run.study(shots=16, unseen=6)
    for row in found["quadrupoles"].values():
        assert abs(row["found"] - row["true"]) < 4 * row["sigma"]
        assert row["sigma"] < 0.05 * abs(row["true"])
    errors = found["errors"]
    assert errors["hybrid"] < errors["physics"] / 3
    assert errors["hybrid"] < errors["black_box"] / 3
    run.picture(found, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 10_000

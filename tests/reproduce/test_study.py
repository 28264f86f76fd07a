"""The paper's study: near the published numbers where it should be, consistent in itself."""

import json

import numpy as np
import pytest

from pyjutrack.cli.paper import figures, fodo, published, study, tables


@pytest.fixture(scope="module")
def results():
    return study.run(particles=50_000, seeds=1, figures=())


FIELDS = ("unet", "spectral")


@pytest.mark.parametrize("field", FIELDS)
def test_the_diagonal_blocks_of_table_2_lie_within_3_percent(results, field):
    ours = np.array(results["published"][field]["jacobian_ad"])
    for block in (slice(0, 2), slice(2, 4)):
        assert ours[block, block] == pytest.approx(published.TABLE_2[block, block], rel=0.03)


@pytest.mark.parametrize("field", FIELDS)
def test_the_physical_perveance_does_not_meet_table_2(results, field):
    ours = np.array(results["physical"][field]["jacobian_ad"])
    assert abs(ours[0, 0] / published.TABLE_2[0, 0] - 1) > 0.2


@pytest.mark.parametrize("field", FIELDS)
def test_the_signs_of_table_3(results, field):
    ours = results["published"][field]["gradients_ad"]
    for knob, (paper, _) in published.TABLE_3.items():
        assert np.sign(ours[knob]) == np.sign(paper), knob


@pytest.mark.parametrize("convention", fodo.CONVENTIONS)
def test_network_and_solver_agree(results, convention):
    unet, spectral = (results[convention][field] for field in FIELDS)
    ours, theirs = np.array(unet["jacobian_ad"]), np.array(spectral["jacobian_ad"])
    for block in (slice(0, 2), slice(2, 4)):
        assert ours[block, block] == pytest.approx(theirs[block, block], rel=0.01)
    assert unet["tunes"] == pytest.approx(spectral["tunes"], abs=1e-3)


@pytest.mark.parametrize("convention", fodo.CONVENTIONS)
@pytest.mark.parametrize("field", FIELDS)
def test_automatic_and_finite_differences_agree(results, convention, field):
    found = results[convention][field]
    assert found["jacobian_difference_largest"] <= 1e-6
    assert found["gradient_difference_largest"] <= 1e-6


@pytest.mark.parametrize("convention", fodo.CONVENTIONS)
@pytest.mark.parametrize("field", FIELDS)
def test_forward_and_reverse_agree(results, convention, field):
    assert results[convention][field]["forward_reverse_difference_largest"] <= 1e-11


@pytest.mark.parametrize("convention", fodo.CONVENTIONS)
def test_kinks_and_single_precision_are_there_to_be_seen(results, convention):
    assert results[convention]["catmull-rom"]["gradient_difference_largest"] > 1e-5
    assert 1e-5 < results[convention]["unet-float32"]["gradient_difference_largest"] < 5e-2


@pytest.mark.parametrize("convention", fodo.CONVENTIONS)
@pytest.mark.parametrize("field", FIELDS)
def test_both_terms_of_the_gradient_count(results, convention, field):
    """Without the answer of the field a gradient is far off."""
    found = results[convention][field]
    for knob in fodo.KNOBS[:3]:
        assert abs(found["gradients_frozen"][knob] / found["gradients_fd"][knob] - 1) > 0.1


def test_the_mean_is_that_of_the_seeds():
    few = study.run((2,), (), particles=2000, seeds=2, solver="spectral")
    found = few["physical"]["spectral"]
    stack = [s["jacobian_ad"] for s in found["per_seed"]]
    assert np.allclose(found["jacobian_ad"], np.mean(stack, 0), rtol=1e-15)
    assert [s["seed"] for s in found["per_seed"]] == [1, 2]


def test_tables_show_paper_and_ours(results):
    text = tables.text(results, (1, 2, 3))
    for piece in ("Table 1", "Table 2", "Table 3", "-3.353", "q2.k1", "half the perveance"):
        assert piece in text
    for piece in ("spectral", "the U-Net", "answer", "unet-float32"):
        assert piece in text


def test_the_solver_alone():
    found = study.run((2,), (), particles=2000, seeds=1, solver="spectral")
    assert set(found["physical"]) == {"spectral", "catmull-rom"}
    assert "network" not in found
    assert "unet" not in tables.text(found, (2,))


@pytest.mark.parametrize(
    ("which", "solver"),
    [
        ((2,), "unet"),
        *(pytest.param((3,), s, marks=pytest.mark.slow) for s in ("spectral", "unet")),
    ],
)
def test_figures(tmp_path, which, solver):
    calls = []
    small = study.run(
        (), which, particles=3000, seeds=1, solver=solver, progress=lambda: calls.append(1)
    )
    assert len(calls) == study.steps((), which, 1, solver, "linear")
    written = figures.draw(small, tmp_path)
    assert [p.name for p in written] == [f"figure{n}.png" for n in which]
    assert all(p.read_bytes().startswith(b"\x89PNG") for p in written)
    json.dumps(small, allow_nan=False)
    if 2 in which:
        assert small["field"]["from_exact_in_box"] < 0.01
        assert small["field"]["from_spectral"] < 0.005
    else:
        curve = small["tune_against_current"]["published"][solver]
        # the slopes are those of the curve: a trapezoid of them gives back the tunes
        currents, tunes = np.array(curve["current"]), np.array(curve["tunes"])
        slopes = np.array(curve["slopes"])
        steps = (slopes[1:] + slopes[:-1]) / 2 * np.diff(currents)[:, None]
        assert np.diff(tunes, axis=0) == pytest.approx(steps, rel=0.01)

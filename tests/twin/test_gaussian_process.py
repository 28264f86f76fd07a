"""Gaussian processes for what a calibrated twin misses."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from live_cases import QUADRUPOLES, beam, line, scan, space_charge, wires

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack.twin import (
    Calibration,
    GaussianProcess,
    Measurements,
    Twin,
    Unknown,
    calibrate,
    gaussian_process,
    marginal_likelihood,
)

#: what a calibration misses is what is learned here
pytestmark = pytest.mark.filterwarnings("ignore::pyjutrack.errors.MisfitWarning")

SEARCHES = marginal_likelihood._SEARCHES


@pytest.fixture(scope="module", autouse=True)
def _one_search() -> Iterator[None]:
    """One search for the largest likelihood, not four: enough wherever it is not what is asked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(marginal_likelihood, "_SEARCHES", 1)
        yield


@pytest.fixture
def _all_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marginal_likelihood, "_SEARCHES", SEARCHES)


def machine() -> Twin:
    """The model: it has a place for a stray field, and none in it."""
    lattice = pj.Lattice([line()[0], line()[1], pj.Kicker(name="stray"), *list(line())[2:]])
    instruments = (*wires(noise=5e-4), dg.BeamPosition("end", noise=2e-5))
    return Twin(lattice, beam(), instruments, (space_charge(),))


def stray(settings: dict[str, float]) -> dict[str, float]:
    """The field that the model lacks: smooth in both strengths."""
    a, b = (settings[q] / k - 1 for q, k in QUADRUPOLES.items())
    return {
        "stray.hkick": 1.5e-3 * math.sin(6 * a) + 1e-3 * b,
        "stray.vkick": 1e-3 * math.cos(8 * b),
    }


def truth(settings: dict[str, float]) -> dict[str, np.ndarray]:
    wrong = machine().replace(unknowns=(Unknown("q1.k1", relative=True, value=0.02),))
    return wrong.predict({**settings, **stray(settings)})


def shots(count: int, seed: int) -> Measurements:
    draw, settings = np.random.default_rng(seed), scan(count, seed)
    read = [truth(s) for s in settings]
    return Measurements(
        settings,
        {
            d.name: np.stack([r[d.name] + d.noise * draw.standard_normal(d.shape) for r in read])
            for d in machine().diagnostics
        },
    )


def fitted(data: Measurements, held_out: list[int]) -> Calibration:
    return calibrate(
        machine(), data, [Unknown("q1.k1", prior=0.1, relative=True)], held_out=held_out
    )


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return fitted(shots(24, 3), [0, 5, 10])


@pytest.fixture(scope="module")
def process(calibration: Calibration) -> GaussianProcess:
    return gaussian_process(calibration)


def test_unseen_settings_are_predicted_better(process: GaussianProcess) -> None:
    """And what is left is as large as its stated error."""
    plain, better, relative = [], [], []
    for settings in scan(20, seed=77, spread=0.15):
        true, (before, _), (after, sigma) = (
            truth(settings),
            process.calibration.predict(settings),
            process.predict(settings),
        )
        for name, reading in true.items():
            noise = machine().diagnostic(name).noise
            plain.append((before[name] - reading) / noise)
            better.append((after[name] - reading) / noise)
            if name == "end.position":
                relative.append((after[name] - reading) / sigma[name])
    plain, better = (np.concatenate([np.ravel(u) for u in part]) for part in (plain, better))
    assert (better**2).mean() < 0.05 * (plain**2).mean()
    assert 0.1 < np.mean(np.square(relative)) < 3


def test_the_shots_held_out_are_left_out_and_better(process: GaussianProcess) -> None:
    data = process.calibration.data
    assert len(process.places) == 21
    before, after = [], []
    for i in process.calibration.held_out:
        for found, readings in (
            (before, process.calibration.predict(data.settings[i])[0]),
            (after, process.predict(data.settings[i])[0]),
        ):
            for name, reading in readings.items():
                noise = machine().diagnostic(name).noise
                found.append((((reading - data.readings[name][i]) / noise) ** 2).sum())
    assert sum(after) < 0.3 * sum(before)


def test_far_away_there_is_no_correction_and_its_error_is_the_size(
    process: GaussianProcess,
) -> None:
    far = {a: 30 * k for a, k in QUADRUPOLES.items()}
    correction, variance = process.correction(far)
    near, _ = process.correction(process.calibration.data.settings[1])
    size = sum(c.size**2 * c.direction**2 for c in process.components) * process.units**2
    at = 0
    for name, added in correction.items():
        assert np.abs(added).max() < 1e-12 * np.abs(near[name]).max()
        wanted = size[at : at + added.size].reshape(added.shape)
        np.testing.assert_allclose(variance[name], wanted, rtol=1e-12)
        at += added.size
    sizes = [c.size for c in process.components]
    for component, size in zip(process.components, sizes, strict=True):
        assert 0.3 < size / np.sqrt((component.scores**2).mean()) < 30


def test_errors_of_the_unknowns_count_too(process: GaussianProcess) -> None:
    settings = scan(1, seed=9)[0]
    _, unknowns = process.calibration.predict(settings)
    _, variance = process.correction(settings)
    _, sigma = process.predict(settings)
    for name in sigma:
        np.testing.assert_allclose(sigma[name] ** 2, unknowns[name] ** 2 + variance[name])


def test_predictions_are_those_of_gpytorch(process: GaussianProcess) -> None:
    import gpytorch
    import torch

    component = process.components[0]
    x, y, noise = (torch.from_numpy(a) for a in (process.places, component.scores, component.noise))

    class Model(gpytorch.models.ExactGP):
        def __init__(self) -> None:
            super().__init__(x, y, gpytorch.likelihoods.FixedNoiseGaussianLikelihood(noise))
            self.kernel = gpytorch.kernels.ScaleKernel(gpytorch.kernels.RBFKernel(ard_num_dims=2))
            self.kernel.outputscale = component.size**2
            self.kernel.base_kernel.lengthscale = torch.from_numpy(component.lengths)

        def forward(self, at):
            mean = torch.zeros(len(at), dtype=at.dtype)
            return gpytorch.distributions.MultivariateNormal(mean, self.kernel(at))

    model = Model().to(torch.float64).eval()
    for place in ([0.1, -0.3], [1.4, 0.8], [4.0, -3.0]):
        with torch.no_grad():
            expected = model(torch.tensor([place], dtype=torch.float64))
        mean, variance = component.at(process.places, np.array(place))
        np.testing.assert_allclose(mean, float(expected.mean), rtol=1e-6)
        np.testing.assert_allclose(variance, float(expected.variance), rtol=1e-5)


@pytest.mark.usefixtures("_all_searches")
def test_masked_readings_do_not_count(calibration: Calibration) -> None:
    data = calibration.data
    readings = {n: r.copy() for n, r in data.readings.items()}
    used = {n: np.ones(r.shape, bool) for n, r in readings.items()}
    used["end.wire_x"][3, 4:8] = used["end.wire_y"][:, 0] = False
    readings["end.wire_x"][3, 4:8] = np.nan
    readings["end.wire_y"][:, 0] = 1e6
    masked = Measurements(data.settings, readings, {}, used)
    found = gaussian_process(calibration.replace(data=masked))
    settings = scan(1, seed=8)[0]
    correction, variance = found.correction(settings)
    plain, _ = gaussian_process(calibration).correction(settings)
    for name, added in plain.items():
        counts = slice(1, None) if name == "end.wire_y" else slice(None)
        close = 0.1 * np.abs(added).max()
        np.testing.assert_allclose(correction[name][counts], added[counts], rtol=0, atol=close)
    assert abs(correction["end.wire_y"][0]) < 1e-12
    assert all(np.isfinite(v).all() for v in variance.values())


def test_where_nothing_is_missed_nothing_is_corrected() -> None:
    true, draw = machine(), np.random.default_rng(0)
    settings = scan(12)
    read = [true.predict(s) for s in settings]
    table = {
        d.name: np.stack([r[d.name] + d.noise * draw.standard_normal(d.shape) for r in read])
        for d in true.diagnostics
    }
    process = gaussian_process(fitted(Measurements(settings, table), [0]))
    assert process.components == ()
    one = gaussian_process(process.calibration, components=1)
    for name, added in one.correction(settings[3])[0].items():
        assert np.abs(added).max() < 3 * true.diagnostic(name).noise


def test_it_comes_back_from_its_file(process: GaussianProcess, tmp_path: Path) -> None:
    process.save(tmp_path / "process.safetensors")
    found = GaussianProcess.load(tmp_path / "process.safetensors")
    settings = scan(1, seed=5)[0]
    for a, b in zip(process.predict(settings), found.predict(settings), strict=True):
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])


def test_bad_input_is_refused(process: GaussianProcess, calibration: Calibration) -> None:
    with pytest.raises(pj.errors.InvalidValueError, match=r"depends on q2\.k1"):
        process.predict({"q1.k1": 20.0})
    with pytest.raises(
        pj.errors.InvalidValueError, match=r"'q2\.k1' must be a finite number, got nan"
    ):
        process.predict({"q1.k1": 20.0, "q2.k1": math.nan})
    with pytest.raises(
        pj.errors.InvalidValueError, match=r"'q1\.k1' must be a finite number, got 'on'"
    ):
        process.correction({"q1.k1": "on", "q2.k1": -20.0})
    with pytest.raises(pj.errors.InvalidValueError, match="settings must be a dict"):
        process.predict(None)
    with pytest.raises(pj.errors.UnknownNameError, match=r"q1\.k2"):
        gaussian_process(calibration, settings=["q1.k2"])
    few = calibration.replace(held_out=tuple(range(21)))
    with pytest.raises(pj.errors.InvalidValueError, match="needs 4 shots"):
        gaussian_process(few)
    data = calibration.data
    still = Measurements([{"q1.k1": 20.0}] * len(data), data.readings)
    with pytest.raises(pj.errors.InvalidValueError, match="varies"):
        gaussian_process(calibration.replace(data=still))


BAD = {
    "negative": ({"components": -1}, "components must be a whole number of 0 or more, got -1"),
    "a half": ({"components": 1.5}, "components must be .* got 1.5"),
    "seed": ({"seed": "a"}, "seed must be a whole number"),
    "a string": ({"settings": "q1.k1"}, r"list of addresses such as .* got 'q1\.k1'"),
    "twice": ({"settings": ["q1.k1", "q1.k1"]}, r"'q1\.k1' is named twice"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_choices_are_refused(calibration: Calibration, name: str) -> None:
    options, message = BAD[name]
    with pytest.raises(pj.errors.InvalidValueError, match=message):
        gaussian_process(calibration, **options)


def test_a_twin_is_no_calibration(calibration: Calibration) -> None:
    with pytest.raises(pj.errors.InvalidValueError, match=r"corrects a Calibration.* not a Twin"):
        gaussian_process(calibration.twin)


def test_there_are_no_more_components_than_residuals_have(calibration: Calibration) -> None:
    """Seven shots have seven components, whatever is asked for."""
    few = calibration.replace(held_out=tuple(range(7, 24)))
    found = gaussian_process(few, components=np.int64(100), seed=np.int64(0))
    assert len(found.components) == 7
    for component in found.components:
        assert np.isfinite([component.size, *component.lengths]).all()
        assert (component.lengths > 0).all()
    assert len(gaussian_process(few, components=2).components) == 2


def test_residuals_of_few_components_have_no_more(calibration: Calibration) -> None:
    """Readings off by one pattern, larger or smaller from shot to shot."""
    few = calibration.replace(held_out=tuple(range(7, 24)))
    data, exact = few.data, few.predict_shots()
    off = np.linspace(1.0, 2.0, len(data))
    readings = {
        n: r + 0.01 * np.multiply.outer(off, np.ones(r.shape[1:])) for n, r in exact.items()
    }
    found = gaussian_process(few.replace(data=Measurements(data.settings, readings)), components=5)
    assert len(found.components) == 1


def test_no_warning_escapes(calibration: Calibration) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gaussian_process(calibration, components=1)

"""Networks for wakes: kicks, the promises of effects, derivatives, domain, files, ONNX."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest
import torch
from wake_surrogate_cases import ELECTRON, LINE, SMALL, WAKE, bunch, kick_error

import pyjutrack as pj
from pyjutrack.collective import NeuralWake
from pyjutrack.interop import networks
from pyjutrack.surrogate import WakeRecipe, WakeSurrogate, wake_error
from pyjutrack.surrogate.wakes.architectures import LINE_ARCHITECTURES
from pyjutrack.testing import check_effect

SAME = dataclasses.replace(WAKE, cells=128)
WEIGHTS = "effects[0].model.weights"


@pytest.fixture(scope="module")
def trained():
    return pj.surrogate.train(WakeRecipe(**SMALL), teacher=WAKE)


@pytest.fixture(scope="module")
def perceptron():
    recipe = WakeRecipe("perceptron", (48, 48), cells=124, **SMALL, steps=400)
    return pj.surrogate.train(recipe, teacher=WAKE)


def test_it_learns_the_wake(trained):
    held_out = trained.about["held_out"]
    assert held_out["mean"] < 0.01
    assert trained.linear
    for tail, length in ((0.0, 1.2e-2), (1.5, 2e-2)):
        assert kick_error(trained, bunch(20_000, length, tail)) < 0.01


def test_least_squares_find_a_wake_that_is_a_convolution_on_the_line():
    """All but rounding, as the network and the solver have one line: single precision is left."""
    model = pj.surrogate.train(WakeRecipe(**{**SMALL, "samples": 60}), teacher=SAME)
    assert model.about["held_out"]["worst"] < 1e-5
    assert kick_error(model, bunch(20_000, 2e-2), SAME) < 1e-5


def test_the_card_states_the_error_of_tracking(trained):
    """The error of samples is that of kicks, to what a grid of test particles leaves."""
    recipe = WakeRecipe(**SMALL)
    _, z = recipe.bunches.draw(trained.about["held_out"]["seed"], 0)
    rows = np.zeros((len(z), 6))
    rows[:, 4] = z
    samples = recipe.draw(WAKE, trained.about["held_out"]["seed"], 1)
    stated = float(wake_error(trained.solve(samples.shares, 0.1), samples))
    beam = pj.Beam(ELECTRON, rows, charge=1e-9)
    assert 0.8 < kick_error(trained.replace(outside="ignore"), beam) / stated < 1.25


def test_a_perceptron_learns_too(perceptron):
    assert not perceptron.linear
    assert perceptron.about["held_out"]["mean"] < 0.08


@pytest.mark.parametrize("which", ["trained", "perceptron"])
def test_it_keeps_the_promises_of_effects(which, request):
    model = request.getfixturevalue(which).replace(outside="ignore")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pj.errors.AccuracyWarning)
        check_effect(NeuralWake(model, "cavity"), bunch(300), LINE, knobs=["scale"])


@pytest.mark.parametrize("which", ["trained", "perceptron"])
@pytest.mark.filterwarnings("ignore::pyjutrack.errors.AccuracyWarning")
def test_gradients_by_weights(which, request):
    model = request.getfixturevalue(which)
    beam = bunch(2500)

    def figure(final):
        return (final.coordinate("delta") * final.coordinate("z")).mean()

    ring = pj.Lattice([pj.TaylorMap(np.diag([1, 1, 1, 1, 0.9, 1 / 0.9])), pj.Marker(name="cavity")])
    found = {
        way: pj.gradient(
            figure, ring, beam, effects=[NeuralWake(model, "cavity")], wrt=[WEIGHTS], turns=2,
            mode="reverse", adjoint=way,
        )
        for way in ("store", "reversible")
    }  # fmt: skip
    reverse = np.concatenate([np.ravel(part) for part in found["store"]])
    reversible = np.concatenate([np.ravel(part) for part in found["reversible"]])
    size = np.abs(reverse).max()
    np.testing.assert_allclose(reversible, reverse, rtol=0, atol=1e-10 * size)

    way = torch.as_tensor(np.random.default_rng(3).normal(size=reverse.size))

    def value(t):
        moved = model.replace(weights=model.weights + t * way)
        return float(figure(pj.track(ring, beam, effects=[NeuralWake(moved, "cavity")], turns=2)))

    # so small that the line along the bunch, which the second turn finds, stays where it is
    step = 1e-6 * float(model.weights.abs().max())
    slope = (value(step) - value(-step)) / (2 * step)
    assert reverse @ way.numpy() == pytest.approx(slope, rel=1e-6)


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.AccuracyWarning")
def test_forward_mode_by_weights():
    def figure(final):
        return (final.coordinate("delta") * final.coordinate("z")).mean()

    build = LINE_ARCHITECTURES["perceptron"].build
    small = WakeSurrogate(build(64, (2, 2), _unit(), 1).to(torch.float64), 60, 0.3)
    effect = NeuralWake(small, "cavity", scale=1e13)
    slopes = [
        np.concatenate([
            np.ravel(part)
            for part in pj.gradient(
                figure, LINE, bunch(200), effects=[effect], wrt=[WEIGHTS], turns=2, mode=mode
            )
        ])
        for mode in ("forward", "reverse")
    ]  # fmt: skip
    np.testing.assert_allclose(*slopes, rtol=0, atol=1e-10 * np.abs(slopes[1]).max())


def _matrices():
    return LINE_ARCHITECTURES["perceptron"].build(32, (3, 3), _unit(), 1)


def _unit():
    return pj.surrogate.architectures.Standardisation(input_std=0.02)


@pytest.mark.filterwarnings("ignore:the bunch is unlike::")
@pytest.mark.parametrize(
    ("beam", "said"),
    [
        (lambda: bunch(length=3.4e-2), "rms length of .* above"),
        (lambda: bunch(length=5e-3), "rms length of .* below"),
        (lambda: _ramp(), "skewness"),
        (lambda: bunch(1000), "1000 macroparticles below the 2000"),
        (lambda: bunch(reference=pj.Reference.from_kinetic("proton", 1e9)), "beta of 0.87"),
        (lambda: _two_bunches(), "roughness"),
        (lambda: _moved(bunch(), 0.05), "offset"),
    ],
)
def test_bunches_unlike_those_of_training(beam, said, trained):
    effects = [NeuralWake(trained.replace(outside="raise"), "cavity")]
    with pytest.raises(pj.errors.DomainError, match=said):
        pj.track(LINE, beam(), effects=effects)
    with pytest.warns(pj.errors.DomainWarning, match=said):
        pj.track(LINE, beam(), effects=[NeuralWake(trained, "cavity")])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quiet = NeuralWake(trained.replace(outside="ignore"), "cavity")
        pj.track(LINE, beam(), effects=[quiet])
        pj.track(LINE, bunch(), effects=effects)


def test_a_bunch_that_becomes_too_long_on_the_way(trained):
    stretch = pj.TaylorMap(np.diag([1, 1, 1, 1, 3.0, 1 / 3]))
    lattice = pj.Lattice([stretch, pj.Marker(name="cavity")])
    effects = [NeuralWake(trained.replace(outside="raise"), "cavity")]
    with pytest.raises(pj.errors.DomainError, match="rms length above the"):
        pj.track(lattice, bunch(), effects=effects)


def _moved(beam, z):
    rows = beam.coordinates.clone()
    rows[:, 4] += z
    return beam.replace(coordinates=rows)


def _ramp():
    beam = bunch()
    rows = beam.coordinates.clone()
    z = -np.random.default_rng(2).exponential(size=4000)
    rows[:, 4] = torch.from_numpy(1.5e-2 * (z - z.mean()))
    return beam.replace(coordinates=rows)


def _two_bunches():
    beam = bunch()
    rows = beam.coordinates.clone()
    rows[:, 4] = 0.15 * rows[:, 4] + torch.where(torch.arange(4000) < 2000, -0.02, 0.02)
    return beam.replace(coordinates=rows)


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.AccuracyWarning")
@pytest.mark.parametrize("which", ["trained", "perceptron"])
def test_files(which, request, tmp_path):
    model = request.getfixturevalue(which)
    tuned = model.replace(weights=1.01 * model.weights)
    digest = tuned.save(tmp_path / "wake.safetensors")
    again = WakeSurrogate.load(tmp_path / "wake.safetensors", outside="raise")
    assert again.about["digest"] == digest
    torch.testing.assert_close(again.weights, tuned.weights, rtol=1e-6, atol=1e-7)
    assert (again.cells, again.window, again.power) == (model.cells, model.window, model.power)
    assert again.domain == model.domain
    assert again.network.layers == model.network.layers
    with pytest.raises(pj.errors.InvalidValueError, match="no surrogate of this package"):
        pj.Surrogate.load(tmp_path / "wake.safetensors")
    content = (tmp_path / "wake.safetensors").read_bytes()
    (tmp_path / "wake.safetensors").write_bytes(content[:-4] + b"abcd")
    with pytest.raises(pj.errors.InvalidValueError):
        WakeSurrogate.load(tmp_path / "wake.safetensors")


@pytest.mark.parametrize("which", ["trained", "perceptron"])
def test_onnx(which, request, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    model = request.getfixturevalue(which)
    networks.to_onnx(model, tmp_path / "wake.onnx")
    session = runtime.InferenceSession(str(tmp_path / "wake.onnx"))
    samples = WakeRecipe(**SMALL, cells=model.cells).draw(WAKE, 5, 4)
    shares = samples.shares.float().numpy()[:, None, :, None]
    (found,) = session.run(None, {"input": shares})
    exact = model.replace(outside="ignore").solve(samples.shares, 1.0)
    size = float(exact.abs().max())
    np.testing.assert_allclose(found[:, 0, :, 0], exact, rtol=0, atol=2e-6 * size)
    with pytest.raises(pj.errors.InvalidValueError):  # a network for fields is asked for
        networks.from_onnx(tmp_path / "wake.onnx")


def test_nnlib_is_refused(trained, tmp_path):
    with pytest.raises(pj.errors.InvalidValueError, match="no WakeSurrogate; ONNX"):
        networks.to_nnlib(trained, tmp_path / "wake.nnlib")


def test_a_convolution_is_the_plain_sum():
    layer = pj.surrogate.layers.LineConvolution("c", ("input",), "w")
    for taps in (5, 7, 13, 17):
        x, w = torch.randn(2, 3, 7, 1), torch.randn(4, 3, taps, 1)
        half = taps // 2
        sums = [
            sum(
                w[:, :, k, 0] @ x[:, :, i + k - half, 0].T
                for k in range(taps)
                if 0 <= i + k - half < 7
            )
            for i in range(7)
        ]
        expected = torch.stack(sums, 1).permute(2, 0, 1).unsqueeze(-1)
        torch.testing.assert_close(layer({"w": w}, x), expected, rtol=1e-5, atol=1e-5)


def test_what_cannot_be_trained_or_made(trained):
    with pytest.raises(pj.errors.InvalidValueError, match="give the effect"):
        pj.surrogate.train(WakeRecipe(**SMALL))
    with pytest.raises(pj.errors.InvalidValueError, match="effect"):
        pj.surrogate.train(WakeRecipe(**SMALL), teacher=pj.SpectralPoisson())
    with pytest.raises(pj.errors.InvalidValueError, match="does not fit"):
        WakeSurrogate(_matrices(), cells=20)
    with pytest.raises(pj.errors.InvalidValueError, match="weights of this WakeSurrogate"):
        trained.replace(weights=trained.weights[1:])
    with pytest.raises(pj.errors.InvalidValueError, match="128 cells, 132 nodes; got 100"):
        trained.solve(torch.rand(100), 1.0)

"""Networks for wakes: samples of any effect, training, domain, derivatives, files, ONNX."""

from __future__ import annotations

import dataclasses
import warnings
from dataclasses import dataclass

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack.collective import NeuralWake, ResistiveWall, Resonator, Wake
from pyjutrack.interop import networks
from pyjutrack.surrogate import Bunches, WakeRecipe, WakeSurrogate, wake_error, wake_samples
from pyjutrack.surrogate.training import fit
from pyjutrack.surrogate.wakes.architectures import LINE_ARCHITECTURES
from pyjutrack.surrogate.wakes.samples import read_centres
from pyjutrack.testing import check_effect

ELECTRON = pj.Reference.from_kinetic("electron", 1e9)
WAKE = Wake(Resonator(2e9, 1e5, 1.0), "cavity", cells=512, window=0.3)
SAME = dataclasses.replace(WAKE, cells=128)
LINE = pj.Lattice([pj.Drift(0.3, name="d"), pj.Marker(name="cavity"), pj.Quadrupole(0.2, k1=1.0)])
WEIGHTS = "effects[0].model.weights"
SMALL = {"window": 0.3, "lengths": (1e-2, 3e-2), "particles": (2000, 20_000), "samples": 100}


def bunch(count=4000, length=1.5e-2, tail=0.0, seed=1, **changes):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(count, 6)) * [1e-3, 1e-4, 2e-3, 1e-4, 1.0, 1e-4]
    z = rows[:, 4] - tail * np.abs(rng.normal(size=count))
    rows[:, 4] = length * (z - z.mean()) / z.std()
    return pj.Beam(changes.pop("reference", ELECTRON), rows, **{"charge": 2e-9} | changes)


@pytest.fixture(scope="module")
def trained():
    return pj.surrogate.train(WakeRecipe(**SMALL), teacher=WAKE)


@pytest.fixture(scope="module")
def perceptron():
    recipe = WakeRecipe("perceptron", (48, 48), cells=124, **SMALL, steps=400)
    return pj.surrogate.train(recipe, teacher=WAKE)


def kick(effect, beam):
    end = pj.track(LINE, beam, effects=[effect])
    return (end.coordinates - pj.track(LINE, beam).coordinates)[:, 5]


def kick_error(model, beam, exact=WAKE):
    expected = kick(exact, beam)
    off = kick(NeuralWake(model, "cavity"), beam) - expected
    return float((off.square().mean() / expected.square().mean()).sqrt())


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


def test_a_line_that_stretches_knows_bunches_of_other_lengths():
    """Trained at 2 mm; the wake of a wall goes by the length to the power -3/2."""
    wall = Wake(ResistiveWall(0.02, 5.8e7, 1.0), "cavity", cells=64)
    recipe = WakeRecipe(power=-1.5, lengths=(2e-3, 2e-3), cells=64, samples=60)
    model = pj.surrogate.train(recipe, teacher=wall)
    assert model.window is None
    beams = [bunch(20_000, length) for length in (2e-3, 2e-2, 0.1)]
    assert max(kick_error(model, beam, wall) for beam in beams) < 1e-4
    wrong = dataclasses.replace(model, power=-1.0)
    assert kick_error(wrong, beams[1], wall) > 0.5


def test_the_same_recipe_gives_the_same_network_after_a_kill_too(tmp_path, monkeypatch):
    monkeypatch.setattr(fit, "SAVE_EVERY", 4)
    recipe = WakeRecipe("perceptron", (4, 4), cells=28, **{**SMALL, "samples": 8}, steps=10)
    whole = pj.surrogate.train(recipe, teacher=WAKE)

    def kill(step, loss, error):
        if step == 6:
            raise InterruptedError

    path, steps = tmp_path / "run.checkpoint", []
    with pytest.raises(InterruptedError):
        pj.surrogate.train(recipe, teacher=WAKE, checkpoint=path, report=kill)
    again = pj.surrogate.train(
        recipe, teacher=WAKE, checkpoint=path, report=lambda step, *_: steps.append(step)
    )
    assert steps == [5, 6, 7, 8, 9, 10]
    torch.testing.assert_close(again.weights, whole.weights, rtol=1e-5, atol=1e-7)
    other = dataclasses.replace(WAKE, scale=2.0)
    with pytest.raises(pj.errors.InvalidValueError, match="another training run"):
        pj.surrogate.train(recipe, teacher=other, checkpoint=path)


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

    step = 1e-4 * float(model.weights.abs().max())
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


def test_particles_read_splines():
    values = torch.randn(36, dtype=torch.float64)
    line = pj.mesh.line.Line(-0.4, 0.4, 32)
    at = torch.from_numpy(line.positions()[2:-2])
    read = pj.mesh.line.gather(line, at, torch.ones(32, dtype=torch.bool), values)
    torch.testing.assert_close(read_centres(values), read, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"architecture": "convolutoin"}, "convolution"),
        ({"hidden": (0,)}, "hidden"),
        ({"architecture": "perceptron", "hidden": ()}, "hidden width"),
        ({"cells": 4}, "cells"),
        ({"power": -1.5}, "power is for lines that follow"),
        ({"lengths": (2.0, 1.0)}, "lengths"),
        ({"lengths": 1.0}, "lengths"),
        ({"offset": -1.0}, "offset"),
        ({"particles": (10.5, 20)}, "entry of particles"),
        ({"window": 0.0}, "window"),
        ({"steps": -1}, "steps"),
        ({"architecture": "perceptron", "steps": 0}, "steps"),
        ({"rate": 0.0}, "learning rate"),
        ({"seed": 20_260_704}, "held-out"),
    ],
)
def test_recipes_that_cannot_be(changes, said):
    with pytest.raises(pj.errors.PyJuTrackError, match=said):
        WakeRecipe(**{"window": 0.3, **changes})


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

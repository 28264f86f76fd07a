"""The elliptical pipe in tracking, and the network that is trained on it."""

import importlib

import numpy as np
import pytest
import torch
from elliptical_pipe_cases import FOLDER, EllipticalPipe
from rebuilt import differences

import pyjutrack as pj
from pyjutrack.cli.paper import fodo
from pyjutrack.collective import field_error, own_field
from pyjutrack.surrogate import Recipe
from pyjutrack.surrogate.training.held_out import held_out_errors

WEIGHTS = FOLDER / "elliptical_pipe.safetensors"


def test_gradients_through_tracking():
    """Images pull the beam as a whole: what moves its centre with the current is all theirs."""
    beam, figure = _beside_the_axis(fodo.beam(3000, seed=1)), pj.observables.centroid("x")
    wrt, effects = ["beam.current", "q1.k1", "d2.length"], [fodo.space_charge(EllipticalPipe())]
    found = {
        mode: pj.gradient(figure, fodo.cell(), beam, wrt=wrt, effects=effects, mode=mode)
        for mode in ("reverse", "forward", "fd")
    }

    def centroid(final, initial):
        return figure(final)

    rebuilt = differences(centroid, fodo.cell(), beam, wrt, 1e-6, effects=effects)
    assert found["reverse"][0] > 0
    np.testing.assert_allclose(found["forward"], found["reverse"], rtol=1e-9)
    np.testing.assert_allclose(found["reverse"], found["fd"], rtol=1e-6)
    np.testing.assert_allclose(found["reverse"], rebuilt, rtol=1e-6)


def _beside_the_axis(beam):
    shift = torch.tensor([1.8e-3, 0, 9e-4, 0, 0, 0], dtype=torch.float64)
    return beam.replace(coordinates=beam.coordinates + shift)


def test_a_beam_larger_than_the_pipe():
    beam = fodo.beam(1000, seed=1)
    with pytest.raises(pj.errors.InvalidValueError, match="outside the pipe"):
        pj.track(fodo.cell(), beam, effects=[pj.SpaceCharge(EllipticalPipe((1e-3, 1e-3)))])


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.DomainWarning")
@pytest.mark.filterwarnings("ignore::pyjutrack.errors.AccuracyWarning")  # after two steps
def test_train_and_show_run(tmp_path, capsys):
    train, show = importlib.import_module("train"), importlib.import_module("show")
    weights = tmp_path / "short.safetensors"
    train.main(["--samples", "8", "--steps", "2", "--held-out", "2", "--out", str(weights)])
    assert "EllipticalPipe(semi_axes=(0.008, 0.005)" in weights.with_suffix(".md").read_text()
    assert not weights.with_suffix(".checkpoint").exists()
    picture = tmp_path / "field.png"
    given = {"--network": weights, "--particles": 2000, "--held-out": 2, "--out": picture}
    show.main([str(part) for pair in given.items() for part in pair])
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "rectangle around it" in capsys.readouterr().out


@pytest.mark.skipif(not WEIGHTS.exists(), reason=f"no {WEIGHTS.name}: run {FOLDER.name}/train.py")
class TestNetwork:
    def test_held_out(self):
        pipe, network = EllipticalPipe(), pj.Surrogate.load(WEIGHTS, outside="ignore")
        assert network.about["teacher"] == repr(pipe)
        found, _ = held_out_errors(network, pipe, Recipe(pipe=(0.8, 0.5)).beams, 20)
        assert found.mean() < 0.01
        assert found.max() < 0.03

    def test_knows_the_pipe(self):
        """Nearer to the pipe's field than the field of the rectangle around it is."""
        pipe, network = EllipticalPipe(), pj.Surrogate.load(WEIGHTS)
        rectangle = pj.SpectralPoisson(size=(0.016, 0.01), shape=(128, 80))
        beam = _beside_the_axis(fodo.beam(20_000, seed=1))
        x, y = beam.coordinate("x"), beam.coordinate("y")
        reference = own_field(pipe, x, y)
        network_error = field_error(own_field(network, x, y), reference)
        assert 3 * network_error < field_error(own_field(rectangle, x, y), reference)

"""The networks that ship: as accurate as their cards say, and as small."""

from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import torch
from examples_loader import load_example

import pyjutrack as pj
from pyjutrack.cli.paper import fodo
from pyjutrack.collective import field_error, own_field
from pyjutrack.surrogate.training.held_out import held_out_errors

FOLDER = Path(str(resources.files(pj.surrogate) / "weights"))
#: mean and worst field error over the held-out beams that each may have
LIMITS = {"linear": (0.003, 0.01), "variational": (0.01, 0.03), "pix2pix": (0.02, 0.05)}


@pytest.fixture(scope="module", params=LIMITS)
def shipped(request):
    return request.param, pj.Surrogate.load(request.param, outside="ignore")


def errors(surrogate, count):
    beams = pj.surrogate.Recipe(**_recipe(surrogate)).beams
    return held_out_errors(surrogate, fodo.solver(), beams, count)[0]


def _recipe(surrogate):
    recipe = surrogate.about["recipe"]
    return {k: tuple(v) if isinstance(v, list) else v for k, v in recipe.items()}


def test_what_ships_is_what_is_promised():
    assert set(pj.surrogate.list_pretrained()) == set(LIMITS)
    assert sum(f.stat().st_size for f in FOLDER.iterdir()) <= 20e6
    assert {f.suffix for f in FOLDER.iterdir()} == {".safetensors", ".md"}


def test_field_error_on_held_out_beams(shipped):
    name, surrogate = shipped
    found = errors(surrogate, 40)
    mean, worst = LIMITS[name]
    assert found.mean() <= mean
    assert found.max() <= worst


@pytest.mark.slow
def test_field_error_on_all_held_out_beams(shipped):
    """And the card says what is measured."""
    name, surrogate = shipped
    found = errors(surrogate, 200)
    mean, worst = LIMITS[name]
    assert found.mean() <= mean
    assert found.max() <= worst
    said = surrogate.about["held_out"]
    assert said["beams"] == 200
    assert (said["mean"], said["worst"]) == pytest.approx((found.mean(), found.max()), rel=1e-3)


def test_the_card_is_that_of_the_weights(shipped):
    name, surrogate = shipped
    card = (FOLDER / f"{name}.md").read_text()
    assert surrogate.about["digest"] in card
    assert f"pyjutrack train {name}" in card
    held_out = surrogate.about["held_out"]
    assert f"{held_out['mean']:.2%}" in card


def test_the_beam_of_figure_2(shipped):
    name, surrogate = shipped
    generator = np.random.default_rng(0)
    x, y = (torch.from_numpy(s * generator.standard_normal(50_000)) for s in (1.5e-3, 0.5e-3))
    found = field_error(own_field(surrogate, x, y), own_field(fodo.solver(), x, y))
    assert found <= {"linear": 0.005, "variational": 0.01, "pix2pix": 0.02}[name]


def test_only_the_variational_is_symplectic_on_itself(shipped):
    name, surrogate = shipped
    departure = load_example("symplecticity").departure
    if name == "variational":
        assert departure(surrogate, particles=20) <= 1e-9
    else:
        assert departure(surrogate, particles=5) > 1e-7


def test_a_shipped_file_that_was_changed_is_refused(shipped, tmp_path):
    name, _ = shipped
    raw = bytearray((FOLDER / f"{name}.safetensors").read_bytes())
    raw[len(raw) // 2] ^= 4
    (tmp_path / "n.safetensors").write_bytes(raw)
    with pytest.raises(pj.errors.InvalidValueError, match="changed after it was written"):
        pj.Surrogate.load(tmp_path / "n.safetensors")

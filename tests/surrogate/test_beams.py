"""The beams of training: what is promised of them, and that held-out ones are others."""

import hashlib

import numpy as np
import pytest

import pyjutrack as pj
from pyjutrack.surrogate import Recipe
from pyjutrack.surrogate.training.beams import HELD_OUT_SEED, KINDS

BEAMS = Recipe().beams


def marks(seed, count):
    return {
        hashlib.sha256(b.x.tobytes() + b.y.tobytes()).hexdigest()
        for b in (BEAMS.draw(seed, i) for i in range(count))
    }


def test_held_out_beams_are_not_trained_on():
    """Every shipped recipe's beams, against the 200 that errors are measured on."""
    held_out = marks(HELD_OUT_SEED, 200)
    assert len(held_out) == 200
    seeds = {pj.Surrogate.load(n).about["recipe"]["seed"] for n in pj.surrogate.list_pretrained()}
    for seed in seeds:
        assert HELD_OUT_SEED not in (seed, Recipe(seed=seed).watched_seed)
        assert not held_out & marks(seed, 2000)


def test_training_refuses_the_seed_of_the_held_out_beams():
    for seed in (HELD_OUT_SEED, HELD_OUT_SEED - 1):
        with pytest.raises(pj.errors.InvalidValueError, match="held-out"):
            Recipe(seed=seed)


def test_a_beam_depends_on_seed_and_index_alone():
    a, b, other = BEAMS.draw(5, 7), BEAMS.draw(5, 7), BEAMS.draw(5, 8)
    assert np.array_equal(a.x, b.x)
    assert not np.array_equal(a.x[:10], other.x[:10])


def test_all_kinds_sizes_and_counts_occur():
    drawn = [BEAMS.draw(1, i) for i in range(300)]
    assert {b.kind for b in drawn} == set(KINDS)
    sizes = np.array([[b.x.std(), b.y.std()] for b in drawn])
    assert sizes.min() < 0.5e-3
    assert sizes.max() > 2.5e-3
    assert sizes.max() / sizes.min() > 8
    counts = np.array([len(b.x) for b in drawn])
    assert counts.min() < 4_000
    assert counts.max() > 50_000
    tilt = [abs(np.corrcoef(b.x, b.y)[0, 1]) for b in drawn]
    assert 0.2 < np.mean(np.array(tilt) > 0.1) < 0.8
    centres = np.array([[b.x.mean(), b.y.mean()] for b in drawn])
    assert np.abs(centres).max() > 2e-3
    for b in drawn:
        assert max(np.abs(b.x).max(), np.abs(b.y).max()) < 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_have_unit_rms_and_are_centred(kind):
    points = KINDS[kind](np.random.default_rng(0), 200_000)
    assert points.std(0) == pytest.approx([1, 1], rel=0.02)
    assert points.mean(0) == pytest.approx([0, 0], abs=0.02)


def test_a_pipe_holds_its_beams():
    beams = Recipe(pipe=(0.8, 0.5)).beams
    for i in range(50):
        b = beams.draw(1, i)
        assert np.max((b.x / 8e-3) ** 2 + (b.y / 5e-3) ** 2) < 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sizes": (0.3, 0.03)}, "smallest <= largest"),
        ({"aspect": 0.5}, "aspect"),
        ({"offset": 2.0}, "offset"),
        ({"particles": (0, 10)}, "entry of particles"),
        ({"pipe": (0.8, 1.5)}, "fit into the box"),
    ],
)
def test_beams_that_cannot_be_drawn(options, said):
    with pytest.raises(pj.errors.InvalidValueError, match=said):
        Recipe(**options)

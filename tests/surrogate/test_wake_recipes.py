"""Recipes of networks for wakes: lines that stretch, the same again, and what cannot be."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from wake_surrogate_cases import SMALL, WAKE, bunch, kick_error

import pyjutrack as pj
from pyjutrack.collective import ResistiveWall, Wake
from pyjutrack.surrogate import WakeRecipe
from pyjutrack.surrogate.training import fit


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

"""Rows of the lost: alike in every mode, and as the native engine leaves them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import pyjutrack as pj

Element = pj.julia.Element
OPENING = [-1e-3, 1e-3, -1e-3, 1e-3, 0.0, 0.0]
STOPPING = {
    "DRIFT": {},
    "QUAD": {"k1": 1.0},
    "KSEXT": {"k2": 3.0},
    "SBEND": {"angle": 0.1},
    "ESBEND": {"angle": 0.1},
    "LBEND": {"angle": 0.1},
}


def make_bunch():
    rows = np.random.default_rng(1).normal(size=(40, 6)) * [1e-3, 1e-3, 1e-3, 1e-3, 1e-3, 1e-2]
    return pj.Beam(pj.Reference.from_kinetic("proton", 1e9), torch.from_numpy(rows))


def mean_path(final):
    """Of all, the lost too."""
    return final.coordinates[:, 4].mean()


@pytest.mark.parametrize("kind", STOPPING)
def test_every_mode_has_one_value(julia, kind):
    """Those that an element loses had no slip by it in tracking, and some had it with slopes."""
    stop = Element(kind, length=0.5, slip=0.5, RApertures=OPENING, name="e", **STOPPING[kind])
    lattice, beam, step = pj.Lattice([stop]), make_bunch(), 1e-5

    def value(length):
        changed = lattice.with_values({"e.slip": length})
        return float(mean_path(pj.track(changed, beam, engine=julia)))

    assert 5 < pj.track(lattice, beam, engine=julia).lost < 35
    slope = (value(0.5 + step) - value(0.5 - step)) / (2 * step)
    for mode in ("forward", "reverse"):
        with pytest.warns(pj.errors.LossWarning):
            found, slopes = pj.value_and_gradient(
                mean_path, lattice, beam, wrt=["e.slip"], mode=mode, engine=julia
            )
        assert float(found) == pytest.approx(value(0.5), rel=1e-12)
        np.testing.assert_allclose(np.array(slopes), [slope], rtol=1e-7)


def test_as_the_native_engine_leaves_them(julia):
    """A drift with an opening at its end, and one before an opening."""
    stop = Element("DRIFT", length=0.5, slip=0.5, RApertures=OPENING)
    ours = pj.Lattice([pj.Drift(0.5), pj.Aperture(half_width=1e-3, half_height=1e-3)])
    theirs = pj.track(pj.Lattice([stop]), make_bunch(), engine=julia)
    expected = pj.track(ours, make_bunch())
    assert 5 < expected.lost < 35
    assert bool((theirs.alive == expected.alive).all())
    np.testing.assert_allclose(theirs.coordinates, expected.coordinates, atol=1e-14)

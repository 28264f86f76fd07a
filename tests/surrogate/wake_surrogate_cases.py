"""A wake for networks to learn, bunches, and how far off the kicks of a network are."""

from __future__ import annotations

import numpy as np

import pyjutrack as pj
from pyjutrack.collective import NeuralWake, Resonator, Wake

ELECTRON = pj.Reference.from_kinetic("electron", 1e9)
WAKE = Wake(Resonator(2e9, 1e5, 1.0), "cavity", cells=512, window=0.3)
LINE = pj.Lattice([pj.Drift(0.3, name="d"), pj.Marker(name="cavity"), pj.Quadrupole(0.2, k1=1.0)])
SMALL = {"window": 0.3, "lengths": (1e-2, 3e-2), "particles": (2000, 20_000), "samples": 100}


def bunch(count=4000, length=1.5e-2, tail=0.0, seed=1, **changes):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(count, 6)) * [1e-3, 1e-4, 2e-3, 1e-4, 1.0, 1e-4]
    z = rows[:, 4] - tail * np.abs(rng.normal(size=count))
    rows[:, 4] = length * (z - z.mean()) / z.std()
    return pj.Beam(changes.pop("reference", ELECTRON), rows, **{"charge": 2e-9} | changes)


def kick(effect, beam):
    end = pj.track(LINE, beam, effects=[effect])
    return (end.coordinates - pj.track(LINE, beam).coordinates)[:, 5]


def kick_error(model, beam, exact=WAKE):
    expected = kick(exact, beam)
    off = kick(NeuralWake(model, "cavity"), beam) - expected
    return float((off.square().mean() / expected.square().mean()).sqrt())

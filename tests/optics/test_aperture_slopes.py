"""Slopes of JuTrack's dynamic aperture and frequency maps: refused, no zeros; without a Julia."""

from __future__ import annotations

import pytest
import torch

import pyjutrack as pj
from pyjutrack.optics import jutrack

RING = pj.Lattice([pj.Quadrupole(0.3, k1=1.0, name="q"), pj.Drift(0.5)])
ELECTRON = pj.Reference.from_kinetic("electron", 3e9)
START = [[1e-3, 1e-3]]


def aperture(lattice, reference=ELECTRON, number=0.0):
    return jutrack.dynamic_aperture(lattice, reference, turns=1, delta=number)


def tunes(lattice, reference=ELECTRON, number=1e-3):
    start = torch.stack([torch.as_tensor(number), torch.tensor(1e-3)])[None]
    return jutrack.frequency_map(lattice, reference, start, turns=64).tunes


@pytest.mark.parametrize("found", [aperture, tunes])
def test_slopes_are_refused(found):
    name = {aperture: "dynamic_aperture", tunes: "frequency_map"}[found]
    k1 = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    asked = pytest.raises(pj.errors.InvalidValueError, match=f"{name} has no derivatives: ")
    with asked:
        found(RING.with_values({"q.k1": k1}))
    with asked:
        torch.func.grad(lambda k: found(RING.with_values({"q.k1": k})))(k1.detach())
    with asked:
        found(RING, pj.Reference.from_kinetic("electron", 3e9 * k1))
    with asked:
        found(RING, number=1e-3 * k1)

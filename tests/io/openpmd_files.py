"""openPMD files as openpmd-beamphysics reads and writes them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy import constants as codata

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # importing it loads what draws, with warnings of its own
    beamphysics = pytest.importorskip("beamphysics")
    pytest.importorskip("beamphysics.particles")
h5py = pytest.importorskip("h5py")
C = codata.c


def group_of(path):
    with h5py.File(path, "r") as file:
        return beamphysics.ParticleGroup(h5=file)


def write_foreign(path, **changes):
    generator = np.random.default_rng(1)
    n = 200
    data = {
        **{k: 1e-3 * generator.normal(size=n) for k in ("x", "y")},
        **{k: 1e5 * generator.normal(size=n) for k in ("px", "py")},
        "pz": 1e9 * (1 + 1e-3 * generator.normal(size=n)),
        "z": np.zeros(n),
        "t": 5e-9 + 1e-11 * generator.normal(size=n),
        "status": np.ones(n, int),
        "weight": np.full(n, 1e-12),
        "species": "electron",
    }
    group = beamphysics.ParticleGroup(data=data | changes)
    group.write(str(path))
    return group

"""Lines that xtrack builds and writes, tracked by it and as they are read here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import pyjutrack as pj

xt = pytest.importorskip("xtrack")
pytest.importorskip("xsuite", reason="xtrack's compiled kernels are in the package xsuite")

NAMES = ("x", "px", "y", "py", "zeta", "delta")
#: of protons, whose velocity shows in the longitudinal coordinates
PARTICLE = {"mass0": 938272089.43, "q0": 1.0, "p0c": 2e9}
#: particles in the paraxial range, where expanded and exact Hamiltonians meet
ROWS = np.array(
    [
        [1e-4, 2e-5, -1.5e-4, 3e-5, 1e-3, 2e-4],
        [-2e-4, 1e-5, 1e-4, -2e-5, -2e-3, -1e-4],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    ]
)


def write_line(path: Path, elements: dict[str, Any], names: list[str] | None = None) -> Any:
    """A line of elements of xtrack, written to a file."""
    line = xt.Line(elements=dict(elements), element_names=names or list(elements))
    line.particle_ref = xt.Particles(**PARTICLE)
    line.to_json(str(path))
    return line


def edit(path: Path, change: Any) -> None:
    """Change the data of a file."""
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def track_there(line: Any, rows: NDArray[np.float64] = ROWS) -> NDArray[np.float64]:
    """Particles at the end of a line, as xtrack tracks them, z in place of zeta."""
    particles = xt.Particles(**PARTICLE, **dict(zip(NAMES, rows.T, strict=True)))
    line.track(particles)
    order = np.argsort(particles.particle_id)
    found = np.stack([getattr(particles, name)[order] for name in NAMES], axis=1)
    assert (particles.state > 0).all()
    found[:, 4] *= _velocity(found[:, 5]) / _velocity(np.zeros(1))
    return found


def track_here(found: pj.io.LatticeFile, rows: NDArray[np.float64] = ROWS) -> NDArray[np.float64]:
    """The same particles in the lattice that was read."""
    assert found.reference is not None
    start = rows.copy()
    start[:, 4] *= _velocity(rows[:, 5]) / _velocity(np.zeros(1))
    result = pj.track(found.lattice, pj.Beam.from_array(found.reference, start)).numpy()
    return np.asarray(result)


def _velocity(delta: NDArray[np.float64]) -> NDArray[np.float64]:
    momentum = PARTICLE["p0c"] * (1 + delta)
    return np.asarray(momentum / np.hypot(momentum, PARTICLE["mass0"]))

"""Elements of pyAT, and what is read of them."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from examples_loader import load_example

import pyjutrack as pj

at = pytest.importorskip("at")
peer = load_example("rings/peer_at")
REFERENCE = peer.fast(pj.Reference.from_p0c("electron", 3e9))

QUAD = {"PolynomB": [0.0, 1.3, 4.0, 60.0], "PolynomA": [0.0, 0.1, -3.0, 0.0], "MaxOrder": 3}
QUAD |= {"NumIntSteps": 4}
BEND = {"EntranceAngle": 0.05, "ExitAngle": 0.08, "NumIntSteps": 10, "MaxOrder": 3}
BEND |= {"PolynomB": [1e-3, 0.4, 2.0, 30.0], "PolynomA": [2e-3, 0.1, 1.0, 0.0]}
PURE = BEND | {"PolynomB": [0.0] * 4, "PolynomA": [0.0] * 4}


def quad(pass_method: str, **options: Any) -> Any:
    return at.Quadrupole("q", 0.4, PassMethod=pass_method, **{**QUAD, **options})


def bend(pass_method: str, **options: Any) -> Any:
    return at.Dipole("b", 1.2, 0.12, PassMethod=pass_method, **{**BEND, **options})


def particles(size: float) -> np.ndarray:
    """Our coordinates; some at one momentum, some off it."""
    found = size * np.random.default_rng(7).uniform(-1, 1, (12, 6))
    found[:4, 5] = 0.0
    return found


def read(source: Any) -> tuple[pj.Lattice, list[str]]:
    """What is read of a file that pyAT wrote."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "one.json"
        at.Lattice([source.deepcopy()], energy=3e9, periodicity=1, particle="electron").save(path)
        found = pj.read_lattice(path)
    return found.lattice, [note.message for note in found.notes]

"""A small machine for live use: two quadrupoles, a learned field, wires and a monitor."""

from __future__ import annotations

import numpy as np
import torch
from twin_cases import SPLINE, beam, wires

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack.twin import Twin, Unknown

QUADRUPOLES = {"q1.k1": 20.0, "q2.k1": -20.0}


def weights(seed: int, size: float = 0.3) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return size * torch.randn(SPLINE.count, generator=draw, dtype=torch.float64)


def line() -> pj.Lattice:
    return pj.Lattice(
        [
            pj.Drift(0.2, name="d1"),
            pj.Quadrupole(0.1, k1=20.0, name="q1"),
            pj.Drift(0.3, name="d2"),
            pj.Marker(name="middle"),
            pj.HamiltonianKick(SPLINE, weights(1), name="field"),
            pj.Quadrupole(0.1, k1=-20.0, name="q2"),
            pj.Drift(0.3, name="d3"),
            pj.Marker(name="end"),
        ]
    )


def space_charge() -> pj.SpaceCharge:
    return pj.SpaceCharge(pj.SpectralPoisson((0.024, 0.024), (36, 36)), max_step=0.15)


def small(**changes: object) -> Twin:
    unknowns = (
        Unknown("q1.k1", prior=0.05, relative=True, value=0.02),
        Unknown("q2.dx", value=1e-4),
        Unknown("field.weights", prior=1.0, value=weights(2)),
        Unknown("beam.current", relative=True, value=-0.1),
    )
    diagnostics = (*wires(), dg.BeamPosition("middle", noise=1e-5))
    twin = Twin(line(), beam(400), diagnostics, (space_charge(),), unknowns)
    return twin.replace(**changes)


def scan(shots: int, seed: int = 0, spread: float = 0.2) -> list[dict[str, float]]:
    """Settings of the quadrupoles."""
    draw = np.random.default_rng(seed)
    return [
        {a: k * (1 + spread * draw.uniform(-1, 1)) for a, k in QUADRUPOLES.items()}
        for _ in range(shots)
    ]

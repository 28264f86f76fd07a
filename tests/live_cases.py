"""A small machine for live use: two quadrupoles, a learned field, wires and a monitor."""

from __future__ import annotations

import numpy as np
import torch

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack.twin import Measurements, Twin, Unknown

PROTON = pj.Reference.from_kinetic("proton", 1e9)
OPTICS = pj.Twiss(beta_x=1.0, alpha_x=-1.0, beta_y=1.0, alpha_y=1.0)
SPLINE = pj.hamiltonians.Spline((0.02, 0.02), (8, 8), unit=1e-5)
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


def beam(particles: int = 400, current: float = 50.0) -> pj.Beam:
    return pj.distributions.gaussian(
        PROTON,
        particles,
        twiss=OPTICS,
        emittance=(2e-6, 2e-6),
        current=current,
        quiet=True,
        seed=1,
    )


def wires(at: str = "end", noise: float = 1e-3) -> list[dg.WireScanner]:
    return [
        dg.WireScanner(at, plane=p, width=0.02, bins=24, resolution=5e-4, noise=noise) for p in "xy"
    ]


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
    twin = Twin(line(), beam(), diagnostics, (space_charge(),), unknowns)
    return twin.replace(**changes)


def scan(shots: int, seed: int = 0, spread: float = 0.2) -> list[dict[str, float]]:
    """Settings of the quadrupoles."""
    draw = np.random.default_rng(seed)
    return [
        {a: k * (1 + spread * draw.uniform(-1, 1)) for a, k in QUADRUPOLES.items()}
        for _ in range(shots)
    ]


def measured(hidden: Twin, settings: list[dict[str, float]], seed: int = 0) -> Measurements:
    """What a hidden machine reads, with the noise of its diagnostics."""
    draw = np.random.default_rng(seed)
    shots = [hidden.predict(s) for s in settings]
    readings = {d.name: np.stack([shot[d.name] for shot in shots]) for d in hidden.diagnostics}
    noise = {d.name: d.noise for d in hidden.diagnostics}
    return Measurements(
        settings, {n: r + noise[n] * draw.standard_normal(r.shape) for n, r in readings.items()}
    )

"""Small twins for the tests of calibrations: a short line, few particles, and a linear toy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack.twin import Measurements, Twin, Unknown

PROTON = pj.Reference.from_kinetic("proton", 1e9)
OPTICS = pj.optics.Twiss(beta_x=1.0, alpha_x=-1.0, beta_y=1.0, alpha_y=1.0)
SPLINE = pj.elements.potentials.Spline((0.02, 0.02), (8, 8), unit=1e-5)


def beam(particles: int = 300, current: float = 50.0, **changes: object) -> pj.Beam:
    return pj.distributions.gaussian(
        PROTON,
        particles,
        twiss=OPTICS,
        emittance=(2e-6, 2e-6),
        current=current,
        quiet=True,
        seed=1,
        **changes,
    )


def line(weights: Tensor | None = None) -> pj.Lattice:
    return pj.Lattice(
        [
            pj.Drift(0.2, name="d1"),
            pj.Quadrupole(0.1, k1=20.0, name="q1"),
            pj.Drift(0.4, name="d2"),
            pj.HamiltonianKick(SPLINE, weights, name="field"),
            pj.Quadrupole(0.1, k1=-20.0, name="q2"),
            pj.Drift(0.3, name="d3"),
            pj.Marker(name="end"),
        ]
    )


def space_charge() -> pj.SpaceCharge:
    return pj.SpaceCharge(
        pj.SpectralPoisson((0.024, 0.024), (36, 36), modes=(18, 18)), max_step=0.4
    )


def wires(at: str = "end", noise: float = 1e-3) -> list[dg.WireScanner]:
    return [
        dg.WireScanner(at, plane=p, width=0.02, bins=24, resolution=5e-4, noise=noise) for p in "xy"
    ]


def small(*, instruments: Sequence[dg.Diagnostic] | None = None, **changes: object) -> Twin:
    """A line of two quadrupoles and a learned field, read by wires at its end."""
    diagnostics = wires() if instruments is None else instruments
    return Twin(line(), beam(), tuple(diagnostics), (space_charge(),)).replace(**changes)


def hidden_field(strength: float, **changes: object) -> Twin:
    """The same with a field that the design has not."""
    draw = torch.Generator().manual_seed(1)
    weights = strength * torch.randn(SPLINE.count, generator=draw, dtype=torch.float64)
    return small(unknowns=[Unknown("field.weights", value=weights)], **changes)


def scan(shots: int, seed: int = 0, spread: float = 0.2) -> list[dict[str, float]]:
    """Settings of the quadrupoles."""
    draw = np.random.default_rng(seed)
    return [
        {
            f"q{i}.k1": 20.0 * sign * (1 + spread * draw.standard_normal())
            for i, sign in ((1, 1), (2, -1))
        }
        for _ in range(shots)
    ]


def measured(hidden: Twin, settings: Sequence[dict[str, float]], seed: int = 0) -> Measurements:
    """What a hidden machine reads, with the noise of its diagnostics."""
    draw = np.random.default_rng(seed)
    shots = [hidden.predict(s) for s in settings]
    return Measurements(
        settings,
        {
            d.name: np.stack([shot[d.name] for shot in shots])
            + d.noise * draw.standard_normal((len(shots), *d.shape))
            for d in hidden.diagnostics
        },
    )


@dataclass(frozen=True, kw_only=True)
class Figures(dg.BeamPosition):
    """Three linear figures of the mean x and y, (3,): a diagnostic that a user may write."""

    MATRIX: ClassVar[Tensor] = torch.tensor(
        [[1.0, 0.0], [0.3, -0.8], [-0.5, 1.1]], dtype=torch.float64
    )

    @property
    def shape(self) -> tuple[int, ...]:
        return (3,)

    def read(self, beam: pj.Beam) -> Tensor:
        return (self.MATRIX @ super().read(beam).unsqueeze(-1)).squeeze(-1)


#: unknowns of the linear toy, all that its readings depend on
LINEAR = ("c1.hkick", "c2.hkick", "c1.vkick", "beam.x")


def linear(noise: float = 1e-5, places: Sequence[str] = ("c1", "c2", "end")) -> Twin:
    """Thin kickers and drifts, linear in kicks and centroid; `design` has the slopes."""
    lattice = pj.Lattice(
        [
            pj.Kicker(name="c1"),
            pj.Drift(1.0, name="d1"),
            pj.Kicker(name="c2"),
            pj.Drift(0.5, name="d2"),
            pj.Marker(name="end"),
        ]
    )
    # slopes x' differ from px by a relative 1e-8, for kicks of 1e-4
    cold = pj.Beam(PROTON, torch.zeros(2, 6, dtype=torch.float64))
    return Twin(lattice, cold, tuple(Figures(p, noise=noise) for p in places))


def design(places: Sequence[str] = ("c1", "c2", "end")) -> np.ndarray:
    """d readings / d (`LINEAR`), by hand."""
    at = {
        "c1": [[0.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0]],
        "c2": [[1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 1.0, 0.0]],
        "end": [[1.5, 0.5, 0.0, 1.0], [0.0, 0.0, 1.5, 0.0]],
    }
    return np.concatenate([Figures.MATRIX.numpy() @ np.array(at[p]) for p in places])


def unknowns(prior: float, addresses: Sequence[str] = LINEAR) -> list[Unknown]:
    return [Unknown(a, prior=prior) for a in addresses]

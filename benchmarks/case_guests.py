"""Cost of a guest in a ring: one element of a user's own among 800, beside the plain ring."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

import pyjutrack as pj
from pyjutrack.maps.base import map
from pyjutrack.maps.state import State

from .clock import in_turns
from .report import Row, Table

_CELLS, _PARTICLES, _TURNS = 160, 1000, 10
#: of tracking and of the Jacobian, by guest
_ASKED = {
    "a registered map": (1.5, 1.5),
    "plain torch": (3.0, 5.0),
    "HamiltonianKick": (2.0, 2.0),
}


@map(inverse=lambda k, a: (-k, a), kick=True)
def lens_kick(x: Any, px: Any, y: Any, py: Any, z: Any, delta: Any, k: Any, a: Any) -> Any:
    """A thin lens of a Lorentzian profile."""
    field = k / (x * x + y * y + a * a)
    return x, px - field * x, y, py - field * y, z, delta


@dataclass(frozen=True, repr=False)
class Lens(pj.Element):
    """A lens by a registered map."""

    abstract = True

    def transport(self, state: State, reference: pj.Reference, part: Any) -> State:
        return state.apply(lens_kick, 1e-9, 2e-3)


@dataclass(frozen=True, repr=False)
class PlainLens(pj.Element):
    """The same by operations of PyTorch."""

    abstract = True

    def transport(self, state: State, reference: pj.Reference, part: Any) -> State:
        return state.apply(lens_kick.function, 1e-9, 2e-3)


def run(particles: int, repeats: int, threads: int) -> Table:
    ring, reference = _ring(), pj.Reference.from_kinetic("proton", 1e9)
    rows = 1e-4 * np.random.default_rng(1).standard_normal((_PARTICLES, 6))
    beam = pj.Beam(reference, torch.as_tensor(rows))
    rings = {"plain ring": ring} | {name: _with(ring, guest) for name, guest in _guests().items()}
    tracks = {name: (lambda r=r: pj.track(r, beam, turns=_TURNS)) for name, r in rings.items()}
    jacobians = {name: (lambda r=r: pj.jacobian(r, reference)) for name, r in rings.items()}
    found: list[Row] = []
    for what, calls in enumerate((tracks, jacobians)):
        samples = in_turns(calls, repeats)
        for name, sample in samples.items():
            asked = f"<= {_ASKED[name][what]:g}" if name in _ASKED else ""
            title = f"{'track' if what == 0 else 'Jacobian'}: {name}"
            found.append(Row(title, sample, sample.over(samples["plain ring"]), asked))
    return Table(
        f"One guest in a ring of {len(ring)} elements",
        "time / time of the plain ring",
        found,
        [f"{_PARTICLES} particles, {_TURNS} turns; Jacobian of one turn; threads: {threads}"],
    )


def _ring() -> pj.Lattice:
    cell = [pj.Quadrupole(0.2, 1.2), pj.Drift(1.0), pj.Quadrupole(0.2, -1.2), pj.Drift(1.0)]
    return pj.Lattice([*cell, pj.Marker()] * _CELLS)


def _with(ring: pj.Lattice, guest: pj.Element) -> pj.Lattice:
    half = len(ring) // 2
    return pj.Lattice([*ring[:half], guest, *ring[half:]])


def _guests() -> dict[str, pj.Element]:
    form = pj.elements.potentials.Spline((0.04, 0.04), (12, 12))
    draw = torch.Generator().manual_seed(1)
    weights = 1e-3 * torch.randn(form.count, dtype=torch.float64, generator=draw)
    kick = pj.HamiltonianKick(form)
    soft = pj.Aperture(half_width=0.01, half_height=0.01, smoothing=1e-3)
    return {
        "a registered map": Lens(),
        "plain torch": PlainLens(),
        "HamiltonianKick": replace(kick, weights=weights),
        "soft aperture": soft,
    }

"""Cheetah: reverse mode, by PyTorch; its space charge is of three dimensions.

It deposits on the centres of cells and reads as if values stood at their lower corners, so that its
bunch is kicked by a field half a cell away.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from .figures import AT, NODES, SLICES, Found, Way, cell, emittance, versions_of

_KIND: dict[str, Any] = {"dtype": torch.float64}
#: of the box about the bunch, in rms sizes
_EXTENT = 4.5


def _cell(figure: str, method: str) -> Callable[[], Found]:
    import cheetah

    start = cell()
    reference, rows = start.reference, torch.from_numpy(start.coordinates)
    coordinates = torch.cat([rows, torch.ones(len(rows), 1, **_KIND)], 1)
    coordinates[:, 4] /= -reference.beta
    beam = cheetah.ParticleBeam(
        coordinates,
        energy=torch.tensor(reference.gamma * reference.species.mass, **_KIND),
        particle_charges=torch.full((len(rows),), start.charge / len(rows), **_KIND),
        species=cheetah.Species("proton", **_KIND),
        **_KIND,
    )
    before = emittance(rows[:, 0], rows[:, 1])

    def part(length: Any, k1: Any) -> Any:
        options = {"tracking_method": method, **_KIND}
        if k1 is None:
            return cheetah.Drift(length, **options)
        return cheetah.Quadrupole(length, k1=k1, **options)

    def element(length: Any, k1: Any, slices: int) -> list[Any]:
        if figure == "size":
            return [part(length, k1)]
        piece = length / slices
        extent = torch.tensor(_EXTENT, **_KIND)
        extents = {f"grid_extent_{u}": extent for u in ("x", "y", "tau")}
        kick = cheetah.SpaceChargeKick(piece, grid_shape=(NODES,) * 3, **extents, **_KIND)
        return [part(piece / 2, k1), kick, part(piece / 2, k1)] * slices

    def call() -> Found:
        knobs = torch.tensor(AT, requires_grad=True)
        d1, q1, k1, d2, q2, k2, d3 = knobs
        lengths, strengths = (d1, q1, d2, q2, d3), (None, k1, None, k2, None)
        found = [e for each in zip(lengths, strengths, SLICES, strict=True) for e in element(*each)]
        final = cheetah.Segment(found).track(beam).particles
        x, px = final[:, 0], final[:, 1]
        value = x.std(correction=0) if figure == "size" else emittance(x, px) / before - 1
        value.backward()
        assert knobs.grad is not None
        return np.atleast_1d(value.detach().numpy()), np.atleast_2d(knobs.grad.numpy())

    return call


versions = partial(versions_of, "cheetah-accelerator", "torch")
WAYS: dict[str, dict[str, Way]] = {
    "size": {
        "reverse, linear maps": partial(_cell, "size", "linear"),
        "reverse, drift-kick-drift": partial(_cell, "size", "drift_kick_drift"),
    },
    "bunch": {"reverse, linear maps, kicks in 3D": partial(_cell, "bunch", "linear")},
}

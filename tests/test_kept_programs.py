"""Programs that are kept for lattices with elements in common: few where they are long."""

from __future__ import annotations

import gc

import torch

import pyjutrack as pj
from pyjutrack.maps.packing import Program

BEAM = pj.Beam(pj.Reference.from_kinetic("proton", 1e9), torch.full((1, 6), 1e-4))


def test_a_scan_of_numbers_does_not_keep_a_ring_at_each_point() -> None:
    cells = [(pj.Drift(0.1 + 1e-6 * i), pj.Quadrupole(0.1, 0.1, name=f"q{i}")) for i in range(50)]
    ring = pj.Lattice([element for cell in cells for element in cell])
    before = _programs()
    for step in range(100):
        pj.track(ring.with_values({"q7.k1": 0.1 + 1e-3 * step}), BEAM)
    assert 0 < len(_programs() - before) < 50


def _programs() -> set[int]:
    """Those of whole rings that something holds."""
    gc.collect()
    return {id(o) for o in gc.get_objects() if type(o) is Program and len(o.operations) >= 100}

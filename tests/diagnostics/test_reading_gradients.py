"""Slopes of readings by knobs, through tracking with space charge, by all modes of `gradient`."""

import numpy as np
import pytest
import torch
from rebuilt import differences

import pyjutrack as pj
from pyjutrack import diagnostics as dg

DIAGNOSTICS = (
    dg.BeamPosition("d3"),
    dg.BeamSize("d3"),
    dg.WireScanner("d3", width=1.2e-2, bins=48, resolution=2e-4),
    dg.WireScanner("d3", plane="y", width=1.2e-2, bins=48, resolution=2e-4),
    dg.Screen("d3", size=(1e-2, 1e-2), shape=(32, 24), resolution=2e-4),
    dg.LossCount("d3", opening=pj.Aperture(half_width=1.5e-3), smoothing=2e-4),
)


@pytest.mark.parametrize("diagnostic", DIAGNOSTICS, ids=lambda d: d.name)
def test_slopes_by_knobs(diagnostic, cell, kick, make_beam):
    g = torch.Generator().manual_seed(2)
    weights = torch.randn(diagnostic.shape, generator=g, dtype=torch.float64)
    beam, line = make_beam(3000), pj.Lattice(cell.elements[:4])

    def figure(final, initial):
        return (diagnostic.read(final) * weights).sum()

    wrt = ["q1.k1", "q2.dx", "d2.length", "beam.current"]
    found = {
        mode: pj.gradient(figure, line, beam, wrt=wrt, effects=[kick], mode=mode)
        for mode in ("reverse", "forward", "fd")
    }
    rebuilt = differences(figure, line, beam, wrt, 1e-6, effects=[kick])
    scale = np.abs(found["reverse"])
    assert (scale > 0).any()
    tolerance = 1e-9 * scale + 1e-12 * scale.max()
    assert (np.abs(found["forward"] - found["reverse"]) < tolerance).all()
    for slopes in (found["fd"], rebuilt):
        assert (np.abs(slopes - found["reverse"]) < 2e-5 * scale + 1e-7 * scale.max()).all()

"""What weights of particles mean, what refuses them, and the files that keep them."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from soft_aperture_cases import OPENINGS, line_with, slit_line

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack.collective import Place
from pyjutrack.engines.julia import border
from pyjutrack.maps.state import State


def test_weights_are_like_copies_of_particles(
    make_beam: Callable[..., pj.Beam], cell: pj.Lattice, kick: pj.SpaceCharge
) -> None:
    """Half a weight is two particles of half the share, of which one was lost."""
    whole = make_beam(600)
    weights = torch.ones(600, dtype=torch.float64)
    weights[::3] = 0.5
    once = whole.replace(weights=weights, alive=torch.arange(600) % 7 != 0)
    twice = whole.replace(
        coordinates=torch.cat([whole.coordinates, whole.coordinates]),
        alive=torch.cat([once.alive, once.alive & (weights == 1)]),
    )
    ends = [pj.track(cell, beam, effects=[kick]) for beam in (once, twice)]
    torch.testing.assert_close(
        ends[0].coordinates, ends[1].coordinates[:600], rtol=1e-11, atol=1e-15
    )
    readings = (
        pj.moments.covariance,
        pj.moments.centroid,
        pj.moments.sizes,
        pj.moments.emittance,
        lambda beam: pj.moments.survivors(beam).double() / len(beam),
        dg.WireScanner("m", width=0.02, bins=20).read,
        dg.Screen("m", size=(0.02, 0.02), shape=(8, 8)).read,
        dg.BeamPosition("m").read,
        dg.BeamSize("m").read,
        dg.LossCount("m").read,
        dg.LossCount("m", opening=pj.Aperture(half_width=1e-3), smoothing=1e-4).read,
    )
    for read in readings:
        a, b = map(read, ends)
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-16)


class _Unweighted(pj.CollectiveEffect):
    """A kick of a user's own that knows nothing of weights."""

    max_step = 1.0

    def field(self, beam: pj.Beam, state: State, place: Place, memory: object) -> None: ...

    def apply(self, state: State, field: None, place: Place) -> State:
        return state


def test_what_does_not_know_weights_refuses_them(
    tmp_path: Path, make_beam: Callable[..., pj.Beam]
) -> None:
    lattice, beam = line_with(OPENINGS["ellipse"]), make_beam(50)
    weighted = beam.replace(weights=torch.full((50,), 0.5))
    with pytest.raises(pj.errors.InvalidValueError, match=r"_Unweighted.*weighted = True"):
        pj.track(lattice, beam, effects=[_Unweighted()])
    with pytest.raises(pj.errors.InvalidValueError, match="weighted = True"):
        pj.loss_map(pj.Lattice([pj.Drift(1.0)]), weighted, effects=[_Unweighted()])
    with pytest.raises(pj.errors.InvalidValueError, match="2 apertures are soft, the first 'a'"):
        pj.loss_map(lattice, beam)
    with pytest.raises(pj.errors.InvalidValueError, match="julia engine does not know weights"):
        border.coordinates(weighted)
    for bad, said in ((-0.1, "negative"), (math.nan, "finite"), (math.inf, "finite")):
        with pytest.raises(pj.errors.InvalidValueError, match=f"weights must .*{said}"):
            pj.track(lattice, beam.replace(weights=torch.full((50,), bad)))
    with pytest.raises(pj.errors.InvalidValueError, match=r"weights must have shape \(50,\)"):
        beam.replace(weights=torch.ones(3))
    for bad in (-1e-3, math.inf, math.nan, "1"):
        with pytest.raises(pj.errors.InvalidValueError, match="smoothing"):
            pj.Aperture(half_width=1e-3, smoothing=bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("suffix", [".json", ".pals.yaml"])
def test_files_keep_the_smoothing(tmp_path: Path, suffix: str, proton: pj.Reference) -> None:
    lattice = line_with(OPENINGS["ellipse"])
    path = tmp_path / f"line{suffix}"
    if suffix == ".json":
        pj.write_lattice(path, lattice, proton)
    else:
        with pytest.warns(pj.errors.LatticeWarning, match="leave out the smoothing"):
            pj.write_lattice(path, lattice, proton)
    again = pj.read_lattice(path).lattice
    assert [e.smoothing for e in again if isinstance(e, pj.Aperture)] == [2e-4, 3e-4]


def test_a_saved_twin_keeps_weights(tmp_path: Path, make_beam: Callable[..., pj.Beam]) -> None:
    weights = torch.linspace(0, 1, 50, dtype=torch.float64)
    twin = pj.Twin(slit_line(0.1, 0.2), make_beam(50).replace(weights=weights), (dg.BeamSize("m"),))
    twin.save(tmp_path / "twin")
    again = pj.Twin.load(tmp_path / "twin")
    assert torch.equal(again.beam.weights, weights)
    np.testing.assert_array_equal(again.predict()["m.size"], twin.predict()["m.size"])

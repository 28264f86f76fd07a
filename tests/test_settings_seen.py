"""Many settings of a lattice, seen on the way: by twins, turn by turn, with weights, in one."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from live_cases import small

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack.cli.paper import fodo

VALUES = torch.tensor([18.0, 19.0, 20.5], dtype=torch.float64)
MACHINE = small(unknowns=())
SOFT = pj.Aperture(half_width=2.5e-3, half_height=3e-3, shape="ellipse", smoothing=1e-4)


@pytest.mark.parametrize("errors", [True, False])
def test_a_twin_predicts_all_of_them(errors: bool) -> None:
    """Readings before settings differ, and after, with errors of the machine and without."""
    twin = small() if errors else MACHINE
    more = [dg.LossCount("end"), dg.BeamSize("end"), dg.BeamPosition("d1"), dg.BeamSize("middle")]
    twin = twin.replace(diagnostics=[*twin.diagnostics, *more])
    many = twin.predict({"q1.k1": VALUES.tolist(), "q2.k1": -20.0})
    ones = [twin.predict({"q1.k1": value, "q2.k1": -20.0}) for value in VALUES.tolist()]
    for name, readings in many.items():
        wanted = np.stack([one[name] for one in ones])
        np.testing.assert_allclose(readings, wanted, rtol=0, atol=1e-13 * np.abs(wanted).max())
    assert np.ptp(many["end.size"], axis=0).max() > 1e-5


def test_a_twin_reads_derivatives_of_each() -> None:
    leaf = VALUES.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(MACHINE.read({"q1.k1": leaf})["end.wire_x"][:, 12].sum(), leaf)
    for value, slope in zip(VALUES, slopes, strict=True):
        one = value.clone().requires_grad_()
        (own,) = torch.autograd.grad(MACHINE.read({"q1.k1": one})["end.wire_x"][12], one)
        torch.testing.assert_close(slope, own, rtol=1e-10, atol=0)


def test_turn_by_turn() -> None:
    given = {"sizes": pj.moments.sizes}
    lattice, effects = MACHINE.lattice, MACHINE.effects
    many = dg.track_turns(
        lattice.with_values({"q1.k1": VALUES}), MACHINE.beam, given, turns=3, effects=effects
    )
    assert many["sizes"].shape == (3, 3, 6)
    for n, value in enumerate(VALUES.tolist()):
        one = dg.track_turns(
            lattice.with_values({"q1.k1": value}), MACHINE.beam, given, turns=3, effects=effects
        )
        torch.testing.assert_close(many["sizes"][:, n], one["sizes"], rtol=1e-13, atol=0)


@pytest.mark.parametrize("more", [(), (SOFT,)])
def test_weights_of_each(more: tuple[pj.Aperture, ...]) -> None:
    """Those of the beam, and what soft apertures leave of them."""
    draw = torch.Generator().manual_seed(3)
    weights = torch.rand(len(MACHINE.beam), generator=draw, dtype=torch.float64)
    beam = MACHINE.beam.replace(weights=weights)
    lattice = pj.Lattice([*MACHINE.lattice, *more])
    many = pj.track(lattice.with_values({"q1.k1": VALUES}), beam, effects=MACHINE.effects)
    assert many.weights is not None
    for n, value in enumerate(VALUES.tolist()):
        one = pj.track(lattice.with_values({"q1.k1": value}), beam, effects=MACHINE.effects)
        torch.testing.assert_close(many.coordinates[n], one.coordinates, rtol=1e-13, atol=1e-15)
        torch.testing.assert_close(many.weights[n], one.weights, rtol=1e-12, atol=0)


def test_a_batch_of_one() -> None:
    """One setting, or one beam, with a dimension of its own: all its particles are kicked."""
    cell, beam, effects = fodo.cell(), fodo.beam(2000, seed=1), [fodo.space_charge(fodo.solver())]
    alone = pj.track(cell, beam, effects=effects).coordinates
    knob = torch.tensor([cell.value("q1.k1")], dtype=torch.float64)
    single = pj.track(cell.with_values({"q1.k1": knob}), beam, effects=effects)
    torch.testing.assert_close(single.coordinates[0], alone, rtol=1e-13, atol=1e-16)
    rows = {"coordinates": beam.coordinates[None], "alive": beam.alive[None]}
    batch = pj.track(cell, dataclasses.replace(beam, **rows), effects=effects)
    torch.testing.assert_close(batch.coordinates[0], alone, rtol=1e-13, atol=1e-16)


def test_it_is_shown_and_detached() -> None:
    lattice = MACHINE.lattice.with_values({"d1.length": VALUES.requires_grad_()})
    assert repr(lattice) == "Lattice(8 elements, 18.8 to 21.3 m)"
    assert not lattice.detach()["d1"].length.requires_grad
    assert torch.equal(lattice.detach()["d1"].length, VALUES)

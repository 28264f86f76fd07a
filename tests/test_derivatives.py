"""Jacobians and gradients: automatic against finite, forward against reverse, and refusals."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from claims import claim, of_largest, off, share
from conftest import BeamFactory
from rebuilt import differences, jacobian
from rounding import assert_as_rounded, spread, steps

import pyjutrack as pj
from pyjutrack.engines import engine_of
from pyjutrack.tracking.task import task_of

KNOBS = ["d1.length", "q1.length", "q1.k1", "d2.length", "q2.length", "q2.k1", "d3.length"]
GROWTH = pj.observables.emittance_growth("x")
FORM = np.kron(np.eye(3), np.array([[0.0, 1.0], [-1.0, 0.0]]))
AT = (1e-3, -2e-3, 5e-4, 1e-3, 0.01, 2e-3)


@pytest.mark.parametrize("at", [None, AT])
def test_jacobian_against_differences(
    cell: pj.Lattice, make_beam: BeamFactory, kick: pj.SpaceCharge, at: tuple | None
) -> None:
    """Of where particles without weight end, tracked with the beam."""
    exact, own = (
        pj.jacobian(cell, make_beam(5000), effects=[kick], at=at, method=m, step=1e-7)
        for m in ("ad", "fd")
    )
    rebuilt = jacobian(cell, make_beam(5000), at, 1e-7, effects=[kick])
    np.testing.assert_allclose(exact, rebuilt, rtol=1e-6, atol=1e-7)
    text = "Jacobian of a particle in the beam's field, of the largest entry"
    claim("Derivatives", text, "differences", of_largest(exact, rebuilt), 2e-6)
    np.testing.assert_allclose(own, rebuilt, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("at", [None, AT])
def test_jacobian_is_symplectic(
    cell: pj.Lattice, make_beam: BeamFactory, kick: pj.SpaceCharge, at: tuple | None
) -> None:
    m = pj.jacobian(cell, make_beam(5000), effects=[kick], at=at)
    text = "Jacobian with space charge: M^T S M - S"
    claim("Derivatives", text, "the symplectic form", off(m.T @ FORM @ m, FORM), 1e-13)


def test_jacobian_over_turns(
    cell: pj.Lattice, make_beam: BeamFactory, kick: pj.SpaceCharge
) -> None:
    """The chain rule, with the second turn in the field of the beam after the first."""
    beam = make_beam(2000)
    probe = pj.Beam.from_array(beam.reference, [AT])
    free = pj.jacobian(cell, beam.reference, at=AT)
    after = pj.track(cell, probe).numpy()[0]
    twice = pj.jacobian(cell, beam.reference, at=after) @ free
    np.testing.assert_allclose(pj.jacobian(cell, beam.reference, at=AT, turns=2), twice, rtol=1e-12)

    first = pj.jacobian(cell, beam, effects=[kick])
    moved = start_after_one_cell(cell, beam, kick)
    second = pj.jacobian(cell, pj.track(cell, beam, effects=[kick]), effects=[kick], at=moved)
    both = pj.jacobian(cell, beam, effects=[kick], turns=2)
    np.testing.assert_allclose(both, second @ first, rtol=1e-9, atol=1e-11)


def start_after_one_cell(cell: pj.Lattice, beam: pj.Beam, kick: pj.SpaceCharge) -> np.ndarray:
    """Where the axis goes: a lost particle at the origin would not move, a weightless one does."""
    task = task_of(cell, beam, [kick], 1)
    return engine_of("native").probe(task, torch.zeros(1, 6, dtype=torch.float64))[0].numpy()


def test_gradient_reverse_is_forward_is_fd(
    cell: pj.Lattice, make_beam: BeamFactory, kick: pj.SpaceCharge
) -> None:
    beam, wrt = make_beam(5000), [*KNOBS, "beam.current"]
    reverse, forward = (
        pj.gradient(GROWTH, cell, beam, wrt=wrt, effects=[kick], mode=m)
        for m in ("reverse", "forward")
    )
    assert np.abs(reverse).min() > 1e-6
    text = "gradient of the emittance growth by seven knobs and the current, of each"
    claim("Derivatives", text, "forward mode", share(forward, reverse), 1e-11)
    rebuilt = differences(GROWTH, cell, beam, wrt, 3e-6, effects=[kick])
    claim("Derivatives", text, "differences of rebuilt inputs", share(rebuilt, reverse), 1e-6)
    own = pj.gradient(GROWTH, cell, beam, wrt=wrt, effects=[kick], mode="fd", step=3e-6)
    np.testing.assert_allclose(own, reverse, rtol=1e-6)


def test_gradient_over_turns(
    cell: pj.Lattice, make_beam: BeamFactory, kick: pj.SpaceCharge
) -> None:
    beam, wrt = make_beam(2000), ["q1.k1", "d2.length", "beam.current"]
    reverse, forward = (
        pj.gradient(GROWTH, cell, beam, wrt=wrt, effects=[kick], turns=3, mode=m)
        for m in ("reverse", "forward")
    )
    np.testing.assert_allclose(forward, reverse, rtol=1e-10)
    rebuilt = differences(GROWTH, cell, beam, wrt, 3e-6, effects=[kick], turns=3)
    np.testing.assert_allclose(rebuilt, reverse, rtol=3e-5)


@pytest.mark.parametrize("mode", ["reverse", "forward", "fd"])
def test_value_comes_with_the_gradient(
    cell: pj.Lattice, make_beam: BeamFactory, kick: pj.SpaceCharge, mode: str
) -> None:
    beam = make_beam(1000)
    value, _ = pj.value_and_gradient(GROWTH, cell, beam, wrt=["q1.k1"], effects=[kick], mode=mode)
    out = pj.track(cell, beam, effects=[kick])
    expected = (
        float(
            pj.moments.emittance(out, normalized=True) / pj.moments.emittance(beam, normalized=True)
        )
        - 1
    )
    assert value == pytest.approx(expected, rel=1e-10)


def test_gradient_of_the_users_own_observable(cell: pj.Lattice, make_beam: BeamFactory) -> None:
    """<x> after a drift grows by <px / sqrt(...)> with its length."""
    beam = make_beam(100)
    line = pj.Lattice([pj.Drift(2.0, name="d")])
    _, px, _, py, _, delta = beam.numpy().T
    slope = (px / np.sqrt((1 + delta) ** 2 - px**2 - py**2)).mean()
    found = pj.gradient(lambda final: final.coordinate("x").mean(), line, beam, wrt=["d.length"])
    assert found == pytest.approx([slope], rel=1e-12)


def test_jacobian_derivatives(
    cell: pj.Lattice, make_beam: BeamFactory, kick: pj.SpaceCharge
) -> None:
    beam, wrt = make_beam(2000), ["q1.k1", "d1.length", "beam.current"]
    # 0.2 m are 3.3 steps: a shifted length is cut into as many slices
    kick = pj.SpaceCharge(kick.potential, max_step=0.06)
    matrix, slopes = pj.jacobian_derivatives(cell, beam, wrt, effects=[kick], at=AT)

    def alone(beam: pj.Beam, effects: list[pj.CollectiveEffect]) -> np.ndarray:
        return pj.jacobian(cell, beam, effects=effects, at=AT)

    bound = steps(cell, [kick]) * spread(alone, beam, [kick])
    assert_as_rounded(matrix, alone(beam, [kick]), bound)
    assert slopes.shape == (3, 6, 6)
    for n, step in enumerate((1e-3, 1e-6, 1e-2)):
        ends = []
        for sign in (1, -1):
            line, source = cell, beam.replace(current=200 + sign * step)
            if n < 2:
                source = beam
                line = cell.with_values({wrt[n]: cell.value(wrt[n]) + sign * step})
            ends.append(pj.jacobian(line, source, effects=[kick], at=AT))
        difference = (ends[0] - ends[1]) / (2 * step)
        scale = np.abs(difference).max()
        np.testing.assert_allclose(slopes[n], difference, rtol=1e-5, atol=1e-5 * scale)


def test_the_users_autograd_flows_through_track(
    cell: pj.Lattice, make_beam: BeamFactory, kick: pj.SpaceCharge
) -> None:
    beam = make_beam(1000)
    k1 = torch.tensor(29.6, dtype=torch.float64, requires_grad=True)
    current = torch.tensor(200.0, dtype=torch.float64, requires_grad=True)
    rows = beam.coordinates.clone().requires_grad_()
    source = beam.replace(coordinates=rows, current=current)
    out = pj.track(cell.with_values({"q1.k1": k1}), source, effects=[kick])
    growth = (
        pj.moments.emittance(out, normalized=True) / pj.moments.emittance(beam, normalized=True) - 1
    )
    by_k1, by_current, by_rows = torch.autograd.grad(growth, (k1, current, rows))
    expected = pj.gradient(GROWTH, cell, beam, wrt=["q1.k1", "beam.current"], effects=[kick])
    np.testing.assert_allclose([float(by_k1), float(by_current)], expected, rtol=1e-11)

    direction = torch.randn_like(rows) * torch.tensor([1e-3, 1e-3, 1e-3, 1e-3, 0, 1e-3])

    def along(t: float) -> float:
        moved = beam.replace(coordinates=beam.coordinates + t * direction)
        end = pj.track(cell, moved, effects=[kick])
        return float(
            pj.moments.emittance(end, normalized=True) / pj.moments.emittance(beam, normalized=True)
        )

    difference = (along(1e-5) - along(-1e-5)) / 2e-5
    assert float((by_rows * direction).sum()) == pytest.approx(difference, rel=1e-6)


def test_gradcheck_of_tracking_with_space_charge(proton: pj.Reference) -> None:
    """Six particles on a coarse grid: every coordinate, length, strength and the current."""
    spread = torch.tensor([8e-3, 5e-3, 8e-3, 5e-3, 0.1, 0.02], dtype=torch.float64)
    rows = (2 * torch.rand(6, 6, dtype=torch.float64) - 1) * spread
    kick = pj.SpaceCharge(pj.SpectralPoisson((0.02, 0.02), (16, 16), modes=(8, 8)), max_step=0.06)

    def function(rows: torch.Tensor, length: torch.Tensor, k1: torch.Tensor, amperes: torch.Tensor):
        line = pj.Lattice([pj.Drift(length), pj.Quadrupole(0.1, k1)])
        beam = pj.Beam(proton, rows, current=amperes)
        return pj.track(line, beam, effects=[kick]).coordinates

    knobs = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (0.1, 3.0, 2000.0)]
    assert torch.autograd.gradcheck(
        function,
        (rows.requires_grad_(), *knobs),
        eps=1e-6,
        atol=1e-7,
        rtol=1e-6,
        check_forward_ad=True,
    )


@pytest.mark.parametrize(
    ("wrt", "error", "message"),
    [
        (["q1.k2"], pj.errors.UnknownNameError, r"'q1\.k2'; did you mean 'q1\.k1'"),
        (["beam.curent"], pj.errors.UnknownNameError, r"did you mean 'beam\.current'"),
        ([], pj.errors.InvalidValueError, "wrt is empty"),
        (["q1.k1", "d1.length", "q1.k1"], pj.errors.InvalidValueError, r"'q1\.k1' is named twice"),
        ("q1.k1", pj.errors.InvalidValueError, "for a single one"),
    ],
)
def test_bad_knobs(
    cell: pj.Lattice, make_beam: BeamFactory, wrt: object, error: type, message: str
) -> None:
    beam = make_beam(10)
    with pytest.raises(error, match=message):
        pj.gradient(GROWTH, cell, beam, wrt=wrt)  # type: ignore[arg-type]
    with pytest.raises(error, match=message):
        pj.jacobian_derivatives(cell, beam, wrt)  # type: ignore[arg-type]
    with pytest.raises(error, match=message):
        pj.optics.tune_slopes(cell, beam, wrt)  # type: ignore[arg-type]


def test_bad_options(cell: pj.Lattice, make_beam: BeamFactory, kick: pj.SpaceCharge) -> None:
    beam = make_beam(10)
    with pytest.raises(pj.errors.UnknownNameError, match="did you mean 'reverse'"):
        pj.gradient(GROWTH, cell, beam, wrt=["q1.k1"], mode="revers")  # type: ignore[arg-type]
    with pytest.raises(pj.errors.UnknownNameError, match="method"):
        pj.jacobian(cell, beam, method="symbolic")  # type: ignore[arg-type]
    with pytest.raises(pj.errors.UnknownNameError, match="plane"):
        pj.observables.emittance_growth("r")
    with pytest.raises(pj.errors.InvalidValueError, match="bare Reference"):
        pj.jacobian(cell, beam.reference, effects=[kick])
    for at in ((0.0,) * 4, np.zeros((1, 6)), (0, 0, 0, 0, 0, np.nan)):
        with pytest.raises(pj.errors.InvalidValueError, match="at must be six finite"):
            pj.jacobian(cell, beam, at=at)
    with pytest.raises(pj.errors.InvalidValueError, match="turns"):
        pj.gradient(GROWTH, cell, beam, wrt=["q1.k1"], turns=0)


@pytest.mark.parametrize("method", ["ad", "fd"])
def test_a_lost_test_particle(
    cell: pj.Lattice, make_beam: BeamFactory, kick: pj.SpaceCharge, method: str
) -> None:
    with pytest.raises(pj.errors.ParticleLostError, match="at="):
        pj.jacobian(cell, make_beam(1000), effects=[kick], at=(0.011, 0, 0, 0, 0, 0), method=method)


def test_differences_whose_steps_are_longer_than_the_value() -> None:
    """A kick of 2 urad, and an objective that turns within one."""
    proton = pj.Reference.from_kinetic("proton", 1e9)
    line = pj.Lattice([pj.Kicker(hkick=2e-6, name="h")])
    beam = pj.Beam(proton, np.zeros((1, 6)))

    def wave(final: pj.Beam) -> torch.Tensor:
        return (1e6 * final.coordinates[0, 1]).sin()

    exact = pj.gradient(wave, line, beam, wrt=["h.hkick"])
    np.testing.assert_allclose(exact, 1e6 * np.cos(2.0), rtol=1e-9)
    with pytest.warns(
        pj.errors.AccuracyWarning, match=r"by h\.hkick = 2e-06 .* such as step=2e-09"
    ):
        coarse = pj.gradient(wave, line, beam, wrt=["h.hkick"], mode="fd")
    assert abs(coarse[0] / exact[0] - 1) > 0.5
    np.testing.assert_allclose(
        pj.gradient(wave, line, beam, wrt=["h.hkick"], mode="fd", step=2e-9), exact, rtol=1e-5
    )

    def straight(final: pj.Beam) -> torch.Tensor:
        return final.coordinates[0, 1]  # where the length of the steps is of no matter

    np.testing.assert_allclose(pj.gradient(straight, line, beam, wrt=["h.hkick"], mode="fd"), 1.0)

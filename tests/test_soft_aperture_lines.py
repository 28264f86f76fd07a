"""Lines with soft apertures: gradients as of rebuilt inputs, every way of a beam, ranks."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from soft_aperture_cases import OPENINGS, line_with
from thread_ranks import worlds

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack.beam.communicator import Communicator
from pyjutrack.engines import engine_of
from pyjutrack.tracking.task import task_of

KNOBS = ["q1.k1", "d1.length", "a.dx", "a.dz", "a.tilt", "a.y_rot", "beam.current", "beam.beta_x"]
STEPS = dict(zip(KNOBS, (1e-3, 1e-4, 1e-6, 1e-4, 1e-3, 1e-3, 1e-2, 1e-3), strict=True))


def _figures(final: pj.Beam, initial: pj.Beam) -> torch.Tensor:
    """Moments of several kinds in one number."""
    return (
        pj.moments.centroid(final)[0] / 1e-4
        + pj.moments.sizes(final)[2] / 1e-3
        + pj.moments.emittance(final, "x") / 1e-6
        + pj.moments.survivors(final) / len(final)
    )


def _at(lattice: pj.Lattice, beam: pj.Beam, address: str, shift: float) -> float:
    """The figure with one knob shifted: from inputs made anew, by plain tracking."""
    grid = pj.SpectralPoisson(size=(0.02, 0.02), shape=(64, 64))
    if address == "beam.current":
        beam = beam.replace(current=beam.current + shift)
    elif address == "beam.beta_x":
        # the ellipse stretched by hand: sqrt(beta) in x, 1/sqrt(beta) in px, alpha kept
        start, mean = beam.coordinates, beam.coordinates.mean(0)
        ellipse = torch.cov(start[:, :2].T, correction=0)
        stretch = torch.sqrt(1 + shift * torch.det(ellipse).sqrt() / ellipse[0, 0])
        new = start.clone()
        new[:, 0] = mean[0] + stretch * (start[:, 0] - mean[0])
        new[:, 1] = mean[1] + (start[:, 1] - mean[1]) / stretch
        beam = beam.replace(coordinates=new)
    else:
        value = float(lattice.value(address))
        lattice = pj.Lattice(list(lattice.with_values({address: value + shift})))
    end = pj.track(lattice, beam, effects=[pj.SpaceCharge(grid, max_step=0.11)])
    return float(_figures(end, beam))


@pytest.mark.parametrize("shape", OPENINGS)
def test_gradients_are_those_of_values_from_rebuilt_inputs(
    shape: str, make_beam: Callable[..., pj.Beam]
) -> None:
    lattice, beam = line_with(OPENINGS[shape]), make_beam(400, normalized_emittance=(4e-6, 4e-6))
    kick = pj.SpaceCharge(pj.SpectralPoisson(size=(0.02, 0.02), shape=(64, 64)), max_step=0.11)
    differences = np.array(
        [
            (_at(lattice, beam, knob, step) - _at(lattice, beam, knob, -step)) / (2 * step)
            for knob, step in STEPS.items()
        ]
    )
    scale = np.abs(differences) + 1e-3 * np.abs(differences).max()
    for mode, adjoint in (
        ("reverse", "store"),
        ("reverse", "checkpoint"),
        ("reverse", "reversible"),
        ("reverse", "auto"),
        ("forward", "auto"),
    ):
        found = pj.gradient(
            _figures, lattice, beam, wrt=KNOBS, effects=[kick], mode=mode, adjoint=adjoint
        )
        assert np.abs((found - differences) / scale).max() < 2e-5, (mode, adjoint)


def test_the_ways_of_a_beam_are_one(make_beam: Callable[..., pj.Beam]) -> None:
    """Turns, batches, single precision, and a beam cut at places: the same weights."""
    lattice, beam = (
        line_with(OPENINGS["racetrack"]),
        make_beam(300, normalized_emittance=(4e-6, 4e-6)),
    )
    end = pj.track(lattice, beam, turns=2)
    step = pj.track(lattice, pj.track(lattice, beam))
    assert torch.equal(end.weights, step.weights)
    batch = pj.Beam(beam.reference, torch.stack([beam.coordinates, beam.coordinates.flip(0)]))
    ends = pj.track(lattice, batch, turns=2)
    torch.testing.assert_close(ends.weights[0], end.weights, rtol=1e-12, atol=1e-15)
    torch.testing.assert_close(ends.weights[1].flip(0), end.weights, rtol=1e-12, atol=1e-15)
    single = pj.track(lattice, beam.to(torch.float32), turns=2)
    assert single.weights.dtype == torch.float32
    torch.testing.assert_close(single.weights.double(), end.weights, rtol=1e-4, atol=1e-4)
    longer = pj.Lattice([*lattice, pj.Marker(name="end")])
    there = pj.beams_at(longer, beam, ["a", "d2", "end"])
    assert there["a"].weights is None
    assert float(pj.moments.survivors(there["d2"])) > float(pj.moments.survivors(there["end"]))
    count = dg.LossCount("a", opening=pj.Aperture(half_width=2e-3, dx=3e-4), smoothing=3e-4)
    slit = pj.Aperture(half_width=2e-3, dx=3e-4, smoothing=3e-4)
    after = pj.track(pj.Lattice([slit]), there["a"])
    lost = float(count.read(there["a"]))
    assert 1 - float(pj.moments.survivors(after)) / 300 == pytest.approx(lost, rel=1e-12)


def test_a_jacobian_in_the_field_of_a_beam_with_weights(
    make_beam: Callable[..., pj.Beam], kick: pj.SpaceCharge
) -> None:
    """The field downstream of the apertures is that of the weights that they left."""
    lattice, beam = (
        line_with(OPENINGS["ellipse"]),
        make_beam(400, normalized_emittance=(4e-6, 4e-6)),
    )
    first = pj.Lattice(lattice.elements[:3])
    native, origin = engine_of("native"), torch.zeros(1, 6, dtype=torch.float64)
    rest = pj.Lattice([e for e in lattice.elements[3:] if e.name != "b"])
    middle = pj.track(first, beam, effects=[kick])
    assert middle.weights is not None
    there = native.probe(task_of(first, beam, [kick], 1), origin)[0]
    after = pj.jacobian(rest, middle, effects=[kick], at=there)
    product = after @ pj.jacobian(first, beam, effects=[kick])
    found = pj.jacobian(lattice, beam, effects=[kick])
    np.testing.assert_allclose(found, product, atol=1e-9)
    torch_way, _ = pj.jacobian_derivatives(lattice, beam, ["q1.k1"], effects=[kick])
    np.testing.assert_allclose(torch_way, found, atol=1e-10)


def test_ranks_share_a_beam_with_weights(make_beam: Callable[..., pj.Beam]) -> None:
    """Two ranks, as threads: the figure and its gradient are those of the whole beam."""
    lattice, whole = (
        line_with(OPENINGS["rectangle"]),
        make_beam(101, normalized_emittance=(4e-6, 4e-6)),
    )
    whole = whole.replace(weights=torch.linspace(0.2, 1.5, 101, dtype=torch.float64))
    kick = pj.SpaceCharge(pj.SpectralPoisson(size=(0.02, 0.02), shape=(64, 64)), max_step=0.11)

    def of(beam: pj.Beam) -> tuple[float, np.ndarray]:
        return pj.value_and_gradient(
            lambda final, initial: (
                pj.moments.emittance(final) / 1e-6 + pj.moments.sizes(final)[2] / 1e-3
            ),
            *(lattice, beam),
            wrt=["q1.k1", "a.dx", "beam.current"],
            effects=[kick],
        )

    def on(world: Communicator) -> tuple[tuple[float, np.ndarray], pj.Beam]:
        shared = pj.distributed.shard(whole, world)
        return of(shared), pj.distributed.gather(shared)

    value, slopes = of(whole)
    with ThreadPoolExecutor(2) as pool:
        for (shared_value, shared_slopes), gathered in pool.map(on, worlds(2)):
            assert shared_value == pytest.approx(value, rel=1e-11)
            np.testing.assert_allclose(shared_slopes, slopes, rtol=1e-8)
            assert torch.equal(gathered.weights, whole.weights)

"""Soft apertures: closed forms, differences of rebuilt inputs, and what weights mean."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pages
import pytest
import torch
from scipy.stats import norm

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack.beam.communicator import Communicator
from pyjutrack.collective import Place
from pyjutrack.engines import engine_of
from pyjutrack.engines.julia import border
from pyjutrack.maps.state import State
from pyjutrack.tracking.task import task_of

SIGMA = 1e-3
#: d<x>/d(kick) of the particles that a sharp slit of half width sigma lets through, by the kick in
#: units of sigma: the variance of a truncated normal distribution
SHARP = {0.0: 0.2911251, 0.3: 0.2871311}


def _after_the_slit(shift: float, smoothing: float) -> tuple[float, float]:
    """Mean of x in units of sigma, and its slope by the shift, of a Gaussian beam; closed form.

    Y = X + s Z passes the slit, X is observed: E[X|Y] is linear in Y, of which there is the mean of
    a truncated normal distribution.
    """
    wide = math.hypot(1.0, smoothing)
    share = 1 / wide**2
    a, b = (-1 - shift) / wide, (1 - shift) / wide
    inside = norm.cdf(b) - norm.cdf(a)
    mean = (norm.pdf(a) - norm.pdf(b)) / inside
    variance = 1 + (a * norm.pdf(a) - b * norm.pdf(b)) / inside - mean**2
    return shift + share * wide * mean, 1 - share + share * variance


@pytest.fixture(scope="module")
def quantiles(proton: pj.Reference) -> pj.Beam:
    """A beam whose x are the quantiles of a Gaussian, so that sums are integrals."""
    c = np.zeros((20000, 6))
    c[:, 0] = SIGMA * norm.ppf((np.arange(len(c)) + 0.5) / len(c))
    return pj.Beam(proton, torch.tensor(c))


def _slit(shift: float, smoothing: float = 0.0) -> pj.Lattice:
    """A kick that shifts x by `shift` sigma at a slit of half width sigma."""
    return pj.Lattice(
        [
            pj.Kicker(hkick=shift * SIGMA, name="k"),
            pj.Drift(1.0, model="paraxial", name="d"),
            pj.Aperture(half_width=SIGMA, smoothing=smoothing * SIGMA, name="slit"),
            pj.Monitor(name="m"),
        ]
    )


@pytest.mark.parametrize("shift", [0.0, 0.3])
@pytest.mark.parametrize("way", ["store", "checkpoint", "reversible", "forward", "twin"])
def test_slope_of_the_survivors_of_a_slit(quantiles: pj.Beam, shift: float, way: str) -> None:
    smoothing = 0.1
    lattice = _slit(shift, smoothing)
    if way == "twin":
        kick = torch.tensor(shift * SIGMA, dtype=torch.float64, requires_grad=True)
        twin = pj.Twin(lattice, quantiles, (dg.BeamPosition("m"),))
        reading = twin.read({"k.hkick": kick})["m.position"][0]
        (found,) = torch.autograd.grad(reading, kick)
        value, slope = float(reading.detach()), float(found)
    else:
        mode, adjoint = ("forward", "auto") if way == "forward" else ("reverse", way)
        value, (slope,) = pj.value_and_gradient(
            pj.observables.centroid("x"),
            *(lattice, quantiles),
            wrt=["k.hkick"],
            mode=mode,
            adjoint=adjoint,
        )
    mean, right = _after_the_slit(shift, smoothing)
    assert value == pytest.approx(mean * SIGMA, abs=1e-6 * SIGMA)
    assert slope == pytest.approx(right, abs=1e-6)
    # the stated error against the sharp edge
    assert abs(slope - SHARP[shift]) < 0.5 * smoothing**2
    sharp, _ = _after_the_slit(shift, 0.0)
    assert abs(value / SIGMA - sharp) < 0.5 * smoothing**2


def test_the_error_is_of_second_order_in_the_smoothing(quantiles: pj.Beam) -> None:
    off = []
    for smoothing in (0.1, 0.05):
        slope = pj.gradient(
            pj.observables.centroid("x"), _slit(0.3, smoothing), quantiles, wrt=["k.hkick"]
        )
        off.append(float(slope[0]) - SHARP[0.3])
    assert off[0] / off[1] == pytest.approx(4.0, abs=0.1)
    assert off[0] == pytest.approx(0.47 * 0.1**2, rel=0.02)


def test_the_noise_of_a_slope_falls_with_particles_and_smoothing(proton: pj.Reference) -> None:
    """Only particles near an edge tell the slope: its rms is 0.54 / sqrt(N smoothing / size)."""
    count, smoothing = 2000, 0.1
    rng = np.random.default_rng(7)
    slopes = []
    for _ in range(60):
        c = np.zeros((count, 6))
        c[:, 0] = SIGMA * rng.normal(size=count)
        beam = pj.Beam(proton, torch.tensor(c))
        lattice = _slit(0.0, smoothing)
        slopes.append(pj.gradient(pj.observables.centroid("x"), lattice, beam, wrt=["k.hkick"])[0])
    expected = 0.54 / math.sqrt(count * smoothing)
    # 60 draws tell an rms to 9 %
    assert 0.7 < np.std(slopes) / expected < 1.3
    assert abs(np.mean(slopes) - _after_the_slit(0.0, smoothing)[1]) < 4 * expected / 60**0.5


OPENINGS = {
    "rectangle": pj.Aperture(half_width=2e-3, half_height=2e-3, smoothing=2e-4, name="a"),
    "ellipse": pj.Aperture(
        half_width=2e-3, half_height=1.5e-3, shape="ellipse", smoothing=2e-4, dx=3e-4, name="a"
    ),
    "racetrack": pj.Aperture(
        half_width=2e-3,
        half_height=2e-3,
        corner_x=1e-3,
        corner_y=1e-3,
        shape="racetrack",
        smoothing=2e-4,
        tilt=0.3,
        x_rot=0.1,
        name="a",
    ),
}
KNOBS = ["q1.k1", "d1.length", "a.dx", "a.dz", "a.tilt", "a.y_rot", "beam.current", "beam.beta_x"]
STEPS = dict(zip(KNOBS, (1e-3, 1e-4, 1e-6, 1e-4, 1e-3, 1e-3, 1e-2, 1e-3), strict=True))


def _line(opening: pj.Aperture) -> pj.Lattice:
    """Two apertures, also at the very end, so that weights reach fields and are lowered twice."""
    slit = pj.Aperture(half_width=2e-3, smoothing=3e-4, name="b")
    quads = (
        pj.Quadrupole(0.1, k1=29.6, name="q1"),
        pj.Quadrupole(0.1, k1=-29.6, name="q2"),
    )
    drift = pj.Drift(0.4, name="d2")
    return pj.Lattice([pj.Drift(0.2, name="d1"), quads[0], opening, drift, quads[1], slit])


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
    lattice, beam = _line(OPENINGS[shape]), make_beam(400, normalized_emittance=(4e-6, 4e-6))
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


def test_the_ways_of_a_beam_are_one(make_beam: Callable[..., pj.Beam]) -> None:
    """Turns, batches, single precision, and a beam cut at places: the same weights."""
    lattice, beam = _line(OPENINGS["racetrack"]), make_beam(300, normalized_emittance=(4e-6, 4e-6))
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


def test_a_particle_of_which_nothing_is_left_is_lost_without_a_warning(
    proton: pj.Reference,
) -> None:
    start = torch.zeros(3, 6, dtype=torch.float64)
    start[1, 0], start[2, 0] = 1.05e-3, 2e-3
    beam = pj.Beam(proton, start.requires_grad_())
    end = pj.track(_slit(0.0, 0.1), beam)
    assert end.alive.tolist() == [True, True, False]
    assert end.weights.tolist() == [1.0, pytest.approx(norm.sf(0.5)), 0.0]
    assert torch.isfinite(torch.autograd.grad(pj.moments.sizes(end)[0], start)[0]).all()


def test_a_test_particle_passes_or_does_not(proton: pj.Reference, cell: pj.Lattice) -> None:
    soft = pj.Aperture(half_width=1e-3, smoothing=1e-4, name="soft")
    lattice = pj.Lattice([*cell, soft])
    for at in ([0.0] * 6, [1e-4, 0, 0, 0, 0, 0]):
        expected = pj.jacobian(cell, proton, at=at)
        np.testing.assert_allclose(pj.jacobian(lattice, proton, at=at), expected, atol=1e-13)
    with pytest.raises(pj.errors.ParticleLostError):
        pj.jacobian(lattice, proton, at=[5e-3, 0, 0, 0, 0, 0])
    assert pj.twiss(lattice, proton).beta_x == pytest.approx(pj.twiss(cell, proton).beta_x)


def test_a_jacobian_in_the_field_of_a_beam_with_weights(
    make_beam: Callable[..., pj.Beam], kick: pj.SpaceCharge
) -> None:
    """The field downstream of the apertures is that of the weights that they left."""
    lattice, beam = _line(OPENINGS["ellipse"]), make_beam(400, normalized_emittance=(4e-6, 4e-6))
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


class _Unweighted(pj.CollectiveEffect):
    """A kick of a user's own that knows nothing of weights."""

    max_step = 1.0

    def field(self, beam: pj.Beam, state: State, place: Place, memory: object) -> None: ...

    def apply(self, state: State, field: None, place: Place) -> State:
        return state


def test_what_does_not_know_weights_refuses_them(
    tmp_path: Path, make_beam: Callable[..., pj.Beam]
) -> None:
    lattice, beam = _line(OPENINGS["ellipse"]), make_beam(50)
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
    lattice = _line(OPENINGS["ellipse"])
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
    twin = pj.Twin(_slit(0.1, 0.2), make_beam(50).replace(weights=weights), (dg.BeamSize("m"),))
    twin.save(tmp_path / "twin")
    again = pj.Twin.load(tmp_path / "twin")
    assert torch.equal(again.beam.weights, weights)
    np.testing.assert_array_equal(again.predict()["m.size"], twin.predict()["m.size"])


def test_the_example_of_the_page() -> None:
    """The slope of a sharp slit and the bias of its smoothing, within the noise of a quiet beam."""
    (example,) = pages.blocks("docs/elements.md", marker="example")
    slope = float(pages.run(example).strip("[]\n"))
    assert abs(slope - SHARP[0.0] - 0.46 * 0.1**2) < 0.003


def test_ranks_share_a_beam_with_weights(make_beam: Callable[..., pj.Beam]) -> None:
    """Two ranks, as threads: the figure and its gradient are those of the whole beam."""
    lattice, whole = _line(OPENINGS["rectangle"]), make_beam(101, normalized_emittance=(4e-6, 4e-6))
    whole = whole.replace(weights=torch.linspace(0.2, 1.5, 101, dtype=torch.float64))
    kick = pj.SpaceCharge(pj.SpectralPoisson(size=(0.02, 0.02), shape=(64, 64)), max_step=0.11)
    parts: dict[int, torch.Tensor] = {}
    both = threading.Barrier(2, timeout=120)

    def world(rank: int) -> Communicator:
        def reduce(tensor: torch.Tensor, how: str) -> None:
            parts[rank] = tensor.clone()
            both.wait()
            stacked = torch.stack([parts[0], parts[1]])
            both.wait()
            tensor.copy_(stacked.sum(0) if how == "sum" else stacked.amax(0))

        return Communicator(rank, 2, reduce=reduce)

    def of(beam: pj.Beam) -> tuple[float, np.ndarray]:
        return pj.value_and_gradient(
            lambda final, initial: (
                pj.moments.emittance(final) / 1e-6 + pj.moments.sizes(final)[2] / 1e-3
            ),
            *(lattice, beam),
            wrt=["q1.k1", "a.dx", "beam.current"],
            effects=[kick],
        )

    def on(rank: int) -> tuple[tuple[float, np.ndarray], pj.Beam]:
        shared = pj.distributed.shard(whole, world(rank))
        return of(shared), pj.distributed.gather(shared)

    value, slopes = of(whole)
    with ThreadPoolExecutor(2) as pool:
        for (shared_value, shared_slopes), gathered in pool.map(on, range(2)):
            assert shared_value == pytest.approx(value, rel=1e-11)
            np.testing.assert_allclose(shared_slopes, slopes, rtol=1e-8)
            assert torch.equal(gathered.weights, whole.weights)

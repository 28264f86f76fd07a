"""Coherent synchrotron radiation against retarded potentials, closed forms, and the checks."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import gamma as gamma_function
from scipy.special import ndtri

import pyjutrack as pj
from pyjutrack.collective import CSR, Place
from pyjutrack.collective.csr.arcs import Arc, arc_at
from pyjutrack.collective.csr.kernel import convolve, spline_average
from pyjutrack.maps.state import State
from pyjutrack.mesh.line import Line
from pyjutrack.testing import check_effect

ELECTRON = pj.Reference.from_total("electron", 5e9)
CHARGE, LENGTH = 1e-9, 20e-6
RADIUS = 10.0
#: q Q / (4 pi eps0 beta P0 c), with E in 1/m^2 the loss of delta per length
STRENGTH = CHARGE * 1.602176634e-19 / (4 * math.pi * 8.8541878188e-12)
STRENGTH /= ELECTRON.beta * ELECTRON.p0c * 1.602176634e-19


def quiet(count: int = 100_000, **changes: Any) -> pj.Beam:
    """A Gaussian bunch without noise or any other size."""
    rows = np.zeros((count, 6))
    rows[:, 4] = LENGTH * ndtri((np.arange(count) + 0.5) / count)
    return pj.Beam(ELECTRON, rows, **{"charge": CHARGE} | changes)


def noisy(count: int = 400, seed: int = 1, **changes: Any) -> pj.Beam:
    rows = np.random.default_rng(seed).normal(size=(count, 6))
    rows *= [1e-4, 1e-5, 1e-4, 1e-5, 1e-4, 1e-4]
    return pj.Beam(ELECTRON, rows, **{"charge": CHARGE} | changes)


def losses(beam: pj.Beam, lattice: list[pj.Element], **options: Any) -> np.ndarray:
    """What particles lose of delta on a line, without changing their order in z."""
    end = pj.track(pj.Lattice(lattice), beam, effects=[CSR(**options)])
    return np.asarray(-(end.coordinate("delta") - beam.coordinate("delta")))


def bend(length: float, **options: Any) -> pj.SBend:
    return pj.SBend(length, length / RADIUS, **options)


def density(z: float) -> float:
    return math.exp(-((z / LENGTH) ** 2) / 2) / (math.sqrt(2 * math.pi) * LENGTH)


def density_slope(z: float) -> float:
    return -z / LENGTH**2 * density(z)


class Orbit:
    """The curve through a straight line, an arc from s = 0 to `angle` R, and a straight line."""

    def __init__(self, angle: float) -> None:
        self.angle = angle

    def heading(self, s: float) -> float:
        return min(max(s / RADIUS, 0.0), self.angle)

    def at(self, s: float) -> complex:
        if s <= 0:
            return complex(s)
        turned = self.heading(s)
        exit_ = RADIUS * complex(math.sin(turned), 1 - math.cos(turned))
        beyond = max(0.0, s - RADIUS * self.angle)
        return exit_ + beyond * complex(math.cos(turned), math.sin(turned))

    def from_retarded_potentials(self, s: float, z: float) -> float:
        """E of the Gaussian, of charges with the speed of light on the exact curve.

        With r the distance to the place s' of emission and z' = z - (s - s' - r) that of the
        charge emitting there, the energy changes along the path by
        -d/ds int ds' lambda(z')/r - int ds' (1 - e.e') lambda'(z')/r.
        """
        end = RADIUS * self.angle
        ahead = complex(math.cos(self.heading(s)), math.sin(self.heading(s)))

        def place(emitted: float) -> tuple[float, float, float]:
            """r, z', and 1 - dr/ds, which is that of the angle to the direction of motion."""
            chord = self.at(s) - self.at(emitted)
            r, across = abs(chord), (chord / ahead).imag
            return r, z - (s - emitted - r), 1 - math.sqrt(1 - (across / r) ** 2)

        def induced(emitted: float) -> float:
            r, source, _ = place(emitted)
            turned = self.heading(s) - self.heading(emitted)
            return 2 * math.sin(turned / 2) ** 2 * density_slope(source) / r

        def both(emitted: float) -> float:
            r, source, less = place(emitted)
            slope = -density_slope(source) * less / r - density(source) * (1 - less) / r**2
            return slope + induced(emitted)

        def integral(function: Any, low: float, high: float) -> float:
            ends = np.linspace(low, high, 81)
            nodes, weights = np.polynomial.legendre.leggauss(12)
            half = np.diff(ends) / 2
            at = (ends[:-1] + half)[:, None] + half[:, None] * nodes
            values = np.vectorize(function)(at)
            return float((half[:, None] * weights * values).sum())

        def far(logarithm: float) -> float:
            return both(-math.exp(logarithm)) * math.exp(logarithm)

        straight = integral(far, math.log(1e-8), math.log(1e6))
        # in the element of the observer, potentials depend on s - s' alone: an end is left
        entrance = 0.0 if s <= end else end
        r, source, _ = place(entrance)
        own = density(source) / r
        rest = integral(induced if s <= end else both, 0.0, min(s, end))
        return straight + rest + own


@pytest.mark.parametrize(
    ("arc", "distance"),
    [(0.15, 0.0), (0.25, 0.0), (0.4, 0.0), (0.4, 0.02), (0.4, 0.3), (0.2, 0.3), (0.4, 3.0)],
)
def test_the_field_is_that_of_retarded_potentials(arc: float, distance: float) -> None:
    """In the arc and after it, at all places of the bunch, to the square of the angle."""
    beam, thin = quiet(), 1e-6
    places = [bend(arc)] if not distance else [bend(arc), pj.Drift(distance)]
    here = bend(thin) if not distance else pj.Drift(thin)
    state = pj.Lattice([*places, here])
    effect = CSR(cells=400, smoothing=0.0)
    upstream = tuple(effect.upstream(state.elements, len(state) - 1))
    at = Place(here, len(state) - 1, 0.0, 1.0, 1.0, 0, upstream=upstream)
    columns = beam.coordinates.unbind(-1)
    field = effect.field(beam, State(columns, beam.alive), at)
    end = effect.apply(State(columns, beam.alive), field, at)
    z = columns[4].numpy()
    found = -(end.coordinates[5] - columns[5]).numpy() / STRENGTH
    orbit = Orbit((arc + (0.0 if distance else thin / 2)) / RADIUS)
    s = arc + thin / 2 if not distance else arc + distance + thin / 2
    some = np.searchsorted(z, LENGTH * np.array([-2.0, -1.0, 0.0, 0.7, 2.0]))
    expected = np.array([orbit.from_retarded_potentials(s, z[i]) for i in some])
    assert np.abs(found[some] - expected).max() < 1e-3 * np.abs(found).max()


def test_the_kernel_of_splines_is_their_integral() -> None:
    """Of the slope of a B-spline with K, which is in closed form where there are no ends."""
    spacing, like = 1e-5, torch.zeros((), dtype=torch.float64)
    kernel = spline_average(Arc(1.0, 1 / RADIUS), spacing, 30, like, steady=True).numpy()

    def spline_slope(a: float) -> float:
        near, sign = abs(a), math.copysign(1.0, a)
        if near < 1:
            return sign * (1.5 * near**2 - 2 * near)
        return -sign * (2 - near) ** 2 / 2 if near < 2 else 0.0

    for lag in (-1, 0, 1, 2, 7, 28):
        # u = v^3, so that the integrand is smooth
        ends = [max(0.0, lag + k) ** (1 / 3) for k in range(-2, 3)]
        total = sum(
            quad(lambda v, n=lag: 3 * v * spline_slope(n - v**3), a, b, epsrel=1e-11)[0]
            for a, b in pairwise(ends)
        )
        factor = 2 / (3 * RADIUS**2) ** (1 / 3) * spacing ** (-4 / 3)
        assert kernel[lag + 1] == pytest.approx(factor * total, rel=1e-9)


def test_mean_loss_of_a_gaussian() -> None:
    """The closed form of the steady state, at four cells a rms length and more."""
    factor = gamma_function(5 / 6) / (math.sqrt(math.pi) * 6 ** (1 / 3))
    assert factor == pytest.approx(0.3505, rel=1e-4)
    expected = STRENGTH * factor * 0.1 / (RADIUS ** (2 / 3) * LENGTH ** (4 / 3))
    for cells, smoothing, within in ((48, 0.0, 3e-4), (256, 0.0, 2e-4), (256, 4.0, 1e-3)):
        lost = losses(quiet(), [bend(0.1)], mode="steady", cells=cells, smoothing=smoothing)
        assert lost.mean() == pytest.approx(expected, rel=within)


def test_the_tail_pays_for_the_head() -> None:
    """Particles at the head gain energy; before all others meet what they radiate."""
    beam = quiet()
    lost = losses(beam, [bend(0.1)], mode="steady")
    z = beam.coordinate("z").numpy()
    assert lost[z > 1.5 * LENGTH].max() < 0
    assert lost[z < 0].min() > 0
    end = pj.track(pj.Lattice([pj.Drift(0.1)]), beam, effects=[])
    with_field = pj.track(pj.Lattice([pj.Drift(0.1), bend(1e-3)]), beam, effects=[CSR()])
    assert torch.equal(end.coordinates[:, 2:4], with_field.coordinates[:, 2:4])


def test_deep_in_a_magnet_all_is_steady() -> None:
    beam = quiet(charge=1e-12)  # so that it keeps its length
    parts = [bend(0.1, name=str(n)) for n in range(30)]
    before, after = (losses(beam, parts[:n], max_step=0.1) for n in (29, 30))
    steady = losses(beam, [bend(0.1)], mode="steady")
    transient = after - before
    assert np.abs(transient - steady).max() < 1e-3 * np.abs(steady).max()


def test_the_first_metres_have_less_and_the_drift_has_the_rest() -> None:
    """The field grows from the entrance on, and falls after the exit, slower than by its square."""
    beam = quiet()
    steady = losses(beam, [bend(0.02)], mode="steady").mean()
    entrance = losses(beam, [bend(0.02)], max_step=0.02).mean()
    assert 0 < entrance < 0.01 * steady
    line = [bend(0.4), *(pj.Drift(1.0) for _ in range(3))]
    sums = [losses(beam, line[:n], max_step=0.02).mean() for n in (1, 2, 3, 4)]
    each = np.diff(sums)
    assert (each > 0).all()
    assert each[0] > 2 * each[1] > 2 * each[2]
    near = losses(beam, line, max_step=0.02, reach=0.5).mean()
    assert near == pytest.approx(sums[1], rel=1e-12)


SPLIT: dict[str, tuple[list[pj.Element], list[pj.Element]]] = {
    "halves": ([bend(0.4)], [bend(0.2), bend(0.2)]),
    "a marker between": ([bend(0.4)], [bend(0.1), pj.Marker(), pj.DipoleEdge(), bend(0.3)]),
    "the other side": ([bend(0.4)], [pj.SBend(0.4, -0.4 / RADIUS)]),
    "turned over": ([bend(0.4)], [bend(0.2), pj.SBend(0.2, -0.2 / RADIUS, tilt=math.pi)]),
    "an error of roll": ([bend(0.4)], [bend(0.2), bend(0.2, tilt=1e-3)]),
    "a drift before it": ([bend(0.4)], [pj.Drift(0.3), bend(0.4)]),
    "an end": ([bend(0.4), pj.Drift(0.3)], [bend(0.4), pj.Drift(0.1), pj.Marker(), pj.Drift(0.2)]),
    "a drift of no length": ([bend(0.4)], [bend(0.2), pj.Drift(0.0), bend(0.2)]),
}


@pytest.mark.parametrize("case", SPLIT)
def test_arcs_are_one_however_they_are_written(case: str) -> None:
    one, other = (losses(quiet(20_000), line, max_step=0.1) for line in SPLIT[case])
    assert np.abs(other - one).max() < 1e-9 * np.abs(one).max()


def test_an_arc_ends_at_another_plane_or_side() -> None:
    turned = bend(0.4, tilt=math.pi / 2)
    for second in (turned, pj.SBend(0.4, -0.4 / RADIUS), bend(0.4)):
        effect = CSR()
        line = pj.Lattice([bend(0.4), second])
        upstream = tuple(effect.upstream(line.elements, 1))
        arc = arc_at(Place(second, 1, 0.6, 0.4, 1.0, 0, upstream=upstream))
        assert arc is not None
        assert arc.angle == pytest.approx(0.06 if second == bend(0.4) else 0.02)
        assert arc.radius == pytest.approx(RADIUS)


def test_slices_converge_by_their_square() -> None:
    beam, line = quiet(20_000), [bend(0.4), pj.Drift(0.4)]
    exact = losses(beam, line, max_step=0.4 / 128)
    errors = [np.abs(losses(beam, line, max_step=0.4 / n) - exact).max() for n in (8, 32)]
    assert errors[0] < 0.1 * np.abs(exact).max()
    assert errors[0] / errors[1] > 8


def test_noise_is_smoothed() -> None:
    """With 1e5 particles of a Gaussian: 4 % of the kick, of 15 % without."""
    draw = np.random.default_rng(3).normal(size=100_000) * LENGTH
    rows = np.zeros((len(draw), 6))
    rows[:, 4] = draw
    sample, clean = pj.Beam(ELECTRON, rows, charge=CHARGE), quiet()
    errors = {}
    for smoothing in (0.0, 4.0, 8.0):
        options = {"mode": "steady", "smoothing": smoothing}
        exact = losses(clean, [bend(0.1)], mode="steady", smoothing=0.0)
        at = clean.coordinate("z").numpy()
        expected = np.interp(draw, at, exact)
        found = losses(sample, [bend(0.1)], **options)
        errors[smoothing] = ((found - expected) ** 2).mean() ** 0.5 / exact.std()
        bias = losses(clean, [bend(0.1)], **options) - exact
        assert (bias**2).mean() ** 0.5 < {0.0: 1e-9, 4.0: 2e-3, 8.0: 2e-2}[smoothing] * exact.std()
    assert errors[0.0] > 0.1
    assert errors[4.0] < 0.05
    assert errors[8.0] < 0.03


CELL = pj.Lattice(
    [
        pj.Drift(0.1),
        pj.SBend(0.2, 0.1, name="b"),
        pj.Marker(),
        pj.SBend(0.2, 0.1, name="b2"),
        pj.Drift(0.3, name="d"),
        pj.Quadrupole(0.1, 1.0, name="q"),
    ]
)
FEW = pytest.mark.filterwarnings(
    "ignore:.*particles are few for:pyjutrack.errors.ResolutionWarning"
)


@FEW
@pytest.mark.parametrize("mode", ["steady", "transient"])
def test_it_keeps_the_promises_of_effects(mode: str) -> None:
    check_effect(CSR(mode, cells=32, smoothing=1.5, max_step=0.1), noisy(), CELL, knobs=["scale"])


def spread(final: pj.Beam) -> torch.Tensor:
    columns = final.coordinates * torch.tensor([1.0, 1, 1, 1, 100, 1], dtype=torch.float64)
    return 1e6 * (columns**2).sum()


@FEW
@pytest.mark.parametrize("mode", ["steady", "transient"])
def test_slopes_by_the_magnets(mode: str) -> None:
    """By what is upstream of a kick too, in every mode of derivatives."""
    beam, effect = noisy(), CSR(mode, cells=32, smoothing=1.5, max_step=0.1, scale=1e3)
    wanted = ["b.length", "b.angle", "b2.angle", "d.length", "q.k1", "beam.charge"]
    options: dict[str, Any] = {"wrt": wanted, "effects": [effect]}
    first, *others = (
        pj.gradient(spread, CELL, beam, **options, **way)
        for way in (
            {"adjoint": "store"},
            {"adjoint": "checkpoint"},
            {"adjoint": "reversible"},
            {"mode": "forward"},
        )
    )
    for found in others:
        np.testing.assert_allclose(found, first, rtol=1e-9)
    for number, address in enumerate(wanted[:5]):
        name, knob = address.split(".")
        value = float(getattr(CELL[name], knob))
        slopes = []
        for step in (1e-5, 2e-5):
            ends = [
                float(spread(pj.track(CELL.with_values({address: v}), beam, effects=[effect])))
                for v in (value + step, value - step)
            ]
            slopes.append((ends[0] - ends[1]) / (2 * step))
        assert first[number] == pytest.approx((4 * slopes[0] - slopes[1]) / 3, rel=1e-6)


def test_what_it_refuses() -> None:
    beam = quiet(3000)
    arc = pj.Lattice([bend(0.1)])
    refused: list[tuple[Any, Any, str]] = [
        (pj.Lattice([pj.Drift(1.0), pj.Quadrupole(0.1, 1.0)]), beam, "this lattice has none"),
        (pj.Lattice([pj.ThinBend(0.1, name="t")]), beam, "ThinBend 't' turns .*take an SBend"),
        (arc, beam.replace(charge=0.0, current=1.0), "CSR acts on a bunch"),
    ]
    for lattice, source, message in refused:
        with pytest.raises(pj.errors.InvalidValueError, match=message):
            pj.track(lattice, source, effects=[CSR()])
    for options, message in (
        ({"mode": "transcient"}, "transient"),
        ({"cells": 3}, "cells must be a whole number of 8 or more"),
        ({"smoothing": -1.0}, "smoothing"),
        ({"max_step": 0.0}, "max_step"),
        ({"max_step": {}}, "max_step"),
        ({"reach": -1.0}, "reach"),
        ({"scale": math.nan}, "scale"),
    ):
        with pytest.raises(
            (pj.errors.InvalidValueError, pj.errors.UnknownNameError), match=message
        ):
            CSR(**options)


def test_what_it_warns_of() -> None:
    few, arc = quiet(1000), pj.Lattice([bend(0.1)])
    with pytest.warns(pj.errors.ResolutionWarning, match="particles are few"):
        pj.track(arc, few, effects=[CSR()])
    outlier = quiet(20_000)
    rows = outlier.coordinates.clone()
    rows[0, 4] = 1.0
    with pytest.warns(pj.errors.ResolutionWarning, match="cells of the line of CSR"):
        pj.track(arc, outlier.replace(coordinates=rows), effects=[CSR()])
    # all but one particle come together on the way
    rows[:, 5] = rows[:, 4] * -36.0
    rows[0, 4:] = torch.tensor([4 * LENGTH, 0.04], dtype=torch.float64)
    buncher = pj.Lattice(
        [pj.TaylorMap(np.eye(6) + np.outer(np.eye(6)[4], np.eye(6)[5]) * 0.0277), bend(0.1)]
    )
    with pytest.warns(pj.errors.ResolutionWarning, match="cells of the line of CSR"):
        pj.track(buncher, outlier.replace(coordinates=rows), effects=[CSR()])
    long = pj.Lattice([bend(0.1), pj.Drift(2.0)])
    for energy, line, message in (
        (1e8, long, r"m after an arc at gamma = 196 .*begin 0\.15 m after it, .* reach=0\.15"),
        (2e7, arc, r"in an arc of 10 m at gamma = 39\.1 is that of bunches"),
    ):
        slow = pj.Reference.from_total("electron", energy)
        bunch = pj.Beam(slow, quiet(3000).coordinates, charge=1e-15)
        with pytest.warns(pj.errors.AccuracyWarning, match=message):
            pj.track(line, bunch, effects=[CSR(max_step=1.0)])
    # what they say serves, and one is enough for an element
    fast = pj.Reference.from_total("electron", 1e8)
    bunch = pj.Beam(fast, quiet(3000).coordinates, charge=1e-15)
    cut = pj.Lattice([bend(0.1), pj.Drift(0.15), pj.Drift(1.85)])
    pj.track(cut, bunch, effects=[CSR(max_step=1.0, reach=0.15)])
    with pytest.warns(pj.errors.AccuracyWarning) as said:
        pj.track(long, bunch, effects=[CSR(max_step=0.1)])
    assert len(said) == 1
    touching = pj.Lattice([bend(0.1, name="a"), pj.SBend(0.1, 0.02, name="b")])
    with pytest.warns(pj.errors.AccuracyWarning, match=r"'a' and SBend 'b' touch.*0\.5 times"):
        pj.track(touching, quiet(3000), effects=[CSR()])


def test_a_drift_by_itself_has_no_field() -> None:
    """So that asking for its wake is an error, and not zeros."""
    assert CSR(max_step=0.1).slices(bend(0.4)) == 4
    assert CSR().slices(pj.Drift(1.0)) == 0


def test_a_drift_that_steps_back_into_the_arc() -> None:
    """What is done there on the way back is undone on the way on."""
    beam = quiet(20_000)
    straight, back = (
        losses(beam, [bend(0.4), *drifts, pj.Drift(0.4)], max_step=0.1)
        for drifts in ((), (pj.Drift(-0.1), pj.Drift(0.1)))
    )
    assert np.abs(back - straight).max() < 1e-9 * np.abs(straight).max()


def test_a_beam_that_is_lost_on_the_way() -> None:
    """It makes no field, and no warning."""
    rows = quiet(3000).coordinates.clone()
    rows[:, 1] = 2.0
    line = pj.Lattice([bend(0.1, model="exact"), bend(0.1)])
    end = pj.track(line, pj.Beam(ELECTRON, rows, charge=CHARGE), effects=[CSR()])
    assert not end.alive.any()


def test_the_kernel_is_where_the_particles_are() -> None:
    line = Line(-1e-4, 1e-4, 32)
    shares = torch.zeros(line.nodes, device="meta")
    for arc, steady in ((Arc(1.0, 0.1), True), (Arc(1.0, 0.1, 0.3), False)):
        assert convolve(arc, line, shares, 4.0, steady=steady).device == shares.device


def test_weights_and_batches() -> None:
    """Each beam of a batch has a line of its own."""
    beams = [quiet(3000), quiet(3000)]
    rows = torch.stack([beams[0].coordinates, 2 * beams[1].coordinates])
    batch = pj.Beam(ELECTRON, rows, charge=CHARGE)
    arc = pj.Lattice([bend(0.1)])
    both = pj.track(arc, batch, effects=[CSR()]).coordinates
    for n in range(2):
        alone = pj.track(arc, pj.Beam(ELECTRON, rows[n], charge=CHARGE), effects=[CSR()])
        torch.testing.assert_close(both[n], alone.coordinates, rtol=0, atol=1e-15)


class Miscounts(pj.CollectiveEffect):
    """Counts slices of some elements only."""

    def slices_along(self, elements: Any) -> Any:
        return [1]


def test_a_count_of_too_few_elements() -> None:
    with pytest.raises(pj.errors.InvalidValueError, match=r"slices_along.*each of 6 elements"):
        pj.track(CELL, quiet(100), effects=[Miscounts()])

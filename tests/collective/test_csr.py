"""Coherent synchrotron radiation against retarded potentials and closed forms."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from claims import claim, share
from csr_cases import CHARGE, ELECTRON, LENGTH, RADIUS, STRENGTH, bend, losses, quiet
from scipy.integrate import quad
from scipy.special import gamma as gamma_function

import pyjutrack as pj
from pyjutrack.collective import CSR, Place
from pyjutrack.collective.csr.arcs import Arc
from pyjutrack.collective.csr.kernel import spline_average
from pyjutrack.maps.state import State


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
    error = np.abs(found[some] - expected).max() / np.abs(found).max()
    text = "field in and after an arc, of the largest"
    claim("Coherent synchrotron radiation", text, "retarded potentials", error, 1e-3)


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
        error = share(kernel[lag + 1], factor * total)
        text = "kernel of a cell, of it"
        claim("Coherent synchrotron radiation", text, "quadrature", error, 1e-9)


def test_mean_loss_of_a_gaussian() -> None:
    """The closed form of the steady state, at four cells a rms length and more."""
    factor = gamma_function(5 / 6) / (math.sqrt(math.pi) * 6 ** (1 / 3))
    assert factor == pytest.approx(0.3505, rel=1e-4)
    expected = STRENGTH * factor * 0.1 / (RADIUS ** (2 / 3) * LENGTH ** (4 / 3))
    for cells, smoothing, within in ((48, 0.0, 3e-4), (256, 0.0, 2e-4), (256, 4.0, 1e-3)):
        lost = losses(quiet(), [bend(0.1)], mode="steady", cells=cells, smoothing=smoothing)
        error = share(lost.mean(), expected)
        text = f"mean loss of a Gaussian, {cells} cells, smoothing {smoothing:g}, of it"
        claim("Coherent synchrotron radiation", text, "closed form", error, within)


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

"""Learned walls, held against image charges in circles and series in boxes."""

import dataclasses
import math
from itertools import pairwise

import pytest
import torch
from correction_cases import DOUBLE, solver

import pyjutrack as pj
from pyjutrack.collective import density, gaussian_in_box, interpolate, own_field

RADIUS = 8e-3


def point(x, y):
    """A macroparticle's shares."""
    return density(solver().mesh, *(torch.tensor([u], dtype=DOUBLE) for u in (x, y)))


def read(images, fractions, x, y, weights=None):
    """The term and its slopes at places, (3, M)."""
    h = images.term(fractions, images.weights if weights is None else weights)
    return torch.stack(interpolate(images.mesh, x, y, torch.ones_like(x, dtype=torch.bool), h))


def by_circle(source, x, y, radius=RADIUS, centre=(0.0, 0.0)):
    """Slopes of the image of a charge in a conducting circle: H is ln|1 - z conj(s) / R^2|."""
    z = torch.complex(x - centre[0], y - centre[1])
    s = complex(source[0] - centre[0], source[1] - centre[1]).conjugate() / radius**2
    slope = -s / (1 - z * s)
    return torch.stack([slope.real, -slope.imag])


def places(reach, count=200):
    """Inside a circle."""
    g = torch.Generator().manual_seed(4)
    r = reach * torch.rand(count, generator=g, dtype=DOUBLE).sqrt()
    angle = 2 * math.pi * torch.rand(count, generator=g, dtype=DOUBLE)
    return r * angle.cos(), r * angle.sin()


def around(*radii, angles=8):
    """Points on circles about the axis, each turned against the others, and the axis itself."""
    turns = [2 * math.pi * n / angles + 50 * r for r in radii for n in range(angles)]
    sizes = [r for r in radii for _ in range(angles)]
    rings = [(r * math.cos(a), r * math.sin(a)) for r, a in zip(sizes, turns, strict=True)]
    return [(0.0, 0.0), *rings]


def error(ours, theirs):
    return float((ours - theirs).square().sum().sqrt() / theirs.square().sum().sqrt())


def fitted(images, cases, x, y, orders):
    """Images of each order, by least squares from (shares, slopes) of several beams.

    Those of the highest hold the pairs of all others, and their slopes by them.
    """
    rows, aims = [], []
    for fractions, slopes in cases:
        of = torch.func.jacfwd(lambda w, f=fractions: read(images, f, x, y, w)[1:].flatten())
        rows.append(of(images.weights))
        aims.append(slopes.flatten())
    whole, aim = torch.cat(rows), torch.cat(aims)
    found = []
    for order in orders:
        own = pj.collective.ImageCharges(images.solver, order, images.radius)
        table = whole[:, [images.pairs.index(pair) for pair in own.pairs]]
        size = table.norm(dim=0)
        best = torch.linalg.lstsq(table / size, aim.unsqueeze(1), driver="gelsd").solution[:, 0]
        found.append(dataclasses.replace(own, weights=best / size))
    return found


def test_the_circle_in_closed_form():
    """Its series is known: -1/n for both harmonics of order n, if they are of size one there."""
    x, y = places(4e-3)
    source = (2.5e-3, -1.5e-3)
    ratio, errors = math.hypot(*source) * 4e-3 / RADIUS**2, []
    for order in (1, 2, 3, 4, 6, 8):
        images = pj.collective.ImageCharges(solver(cells=(128, 128)), order, RADIUS)
        weights = [-1 / ((j + 1) // 2) if j == k else 0.0 for j, k in images.pairs]
        images = dataclasses.replace(images, weights=torch.tensor(weights, dtype=DOUBLE))
        fractions = density(images.mesh, *(torch.tensor([u], dtype=DOUBLE) for u in source))
        errors.append(error(read(images, fractions, x, y)[1:], by_circle(source, x, y)))
        assert 0.1 * ratio**order < errors[-1] < ratio**order


def test_a_displaced_circle_is_learned_from_a_few_charges():
    """Charges that the fit has not seen; a wall off the axis needs the kick of the whole beam."""
    centre, unseen = (6e-4, -9e-4), (1.4e-3, 1.1e-3)
    x, y = places(3.5e-3)
    seen, errors = around(1.3e-3, 2.2e-3, 3.2e-3, angles=14), []
    cases = [(point(*s), by_circle(s, x, y, centre=centre)) for s in seen]
    aim = by_circle(unseen, x, y, centre=centre)
    for images in fitted(pj.collective.ImageCharges(solver(), 6, RADIUS), cases, x, y, range(1, 7)):
        errors.append(error(read(images, point(*unseen), x, y)[1:], aim))
    assert all(late < 0.2 * early for early, late in pairwise(errors))
    assert errors[-1] < 3e-6
    # the field on the axis of a charge there, in closed form, tells where the wall stands
    off = math.hypot(*centre) / RADIUS
    expected = [c / RADIUS / (1 - off**2) for c in centre]
    assert images.weights[:2].tolist() == pytest.approx(expected, rel=1e-5)


OUR_BOX, TRUE_BOX = (0.02, 0.02), (0.014, 0.018)


def gaussian(mesh, sigma, offset):
    """Shares of a Gaussian, from its density at the nodes."""
    columns = []
    for axis in (0, 1):
        u = torch.from_numpy(mesh.grid.nodes(axis, ghosts=True)) - offset[axis]
        columns.append(torch.exp(-((u / sigma[axis]) ** 2) / 2))
    found = torch.outer(*columns)
    return found / found.sum()


def between_boxes(sigma, offset, moved, x, y):
    """Slopes in the true box, displaced by `moved`, less those in ours: exact series of both."""
    there = gaussian_in_box(
        x - moved[0],
        y - moved[1],
        *sigma,
        TRUE_BOX,
        offset=(offset[0] - moved[0], offset[1] - moved[1]),
    )
    here = gaussian_in_box(x, y, *sigma, OUR_BOX, offset=offset)
    return torch.stack([a - b for a, b in zip(there[1:], here[1:], strict=True)])


def small_beams(mesh, moved, x, y):
    """Of which every beam is made: small ones at many places, and the field that is missing."""
    sigma = (5e-4, 5e-4)
    return [
        (gaussian(mesh, sigma, at), between_boxes(sigma, at, moved, x, y))
        for at in around(1.2e-3, 2.4e-3, 3.5e-3)
    ]


@pytest.mark.parametrize("moved", [(0.0, 0.0), (4e-4, -7e-4)])
def test_other_walls_are_learned(moved):
    under, (x, y) = solver(OUR_BOX, (96, 96)), places(4e-3)
    cases = small_beams(under.mesh, moved, x, y)
    sigma, offset = (1e-3, 7e-4), (-7e-4, -9e-4)
    fractions, aim = gaussian(under.mesh, sigma, offset), between_boxes(sigma, offset, moved, x, y)
    found = fitted(pj.collective.ImageCharges(under, 6), cases, x, y, (1, 2, 4, 6))
    errors = [error(read(images, fractions, x, y)[1:], aim) for images in found]
    assert all(late < 0.5 * early for early, late in pairwise(errors))
    assert errors[-1] < 2e-3


def test_tracking_between_learned_walls(cell, make_beam):
    """A beam off the axis, through one cell: the solver of the true walls, and ours corrected."""
    beam = make_beam(3000)
    shift = torch.tensor([1e-3, 0, 8e-4, 0, 0, 0], dtype=DOUBLE)
    beam = beam.replace(coordinates=beam.coordinates + shift, current=400.0)
    under, (x, y) = solver(OUR_BOX, (128, 128)), places(4e-3)
    start = pj.collective.ImageCharges(under, order=5)
    (images,) = fitted(start, small_beams(under.mesh, (0.0, 0.0), x, y), x, y, (5,))

    def centroid(potential):
        kick = pj.SpaceCharge(potential, max_step=0.1)
        return pj.moments.centroid(pj.track(cell, beam, effects=[kick]))[[0, 1, 2, 3]]

    truth = centroid(pj.SpectralPoisson(TRUE_BOX, (128, 128)))
    before, after = (float((centroid(p) - truth).norm()) for p in (under, images))
    assert before > 3e-5
    assert after < 2e-3 * before


def test_equal_to_its_own_transpose():
    """As Green's functions are, so that the map of all particles together is symplectic."""
    images = pj.collective.ImageCharges(solver((0.02, 0.03), (48, 64)), order=5)
    g = torch.Generator().manual_seed(2)
    weights = torch.randn(len(images.weights), generator=g, dtype=DOUBLE)
    a, b = torch.rand(2, 52, 68, generator=g, dtype=DOUBLE)
    left, right = (a * images.term(b, weights)).sum(), (b * images.term(a, weights)).sum()
    assert float(left) == pytest.approx(float(right), rel=1e-12)


def test_the_term_is_harmonic_in_place_and_source():
    """By the five-point Laplacian, exact for polynomials up to the third order."""
    images = pj.collective.ImageCharges(solver(), order=3)
    weights = torch.ones_like(images.weights)
    h = images.term(point(1e-3, 2e-3), weights)
    laplacian = h[2:, 1:-1] + h[:-2, 1:-1] + h[1:-1, 2:] + h[1:-1, :-2] - 4 * h[1:-1, 1:-1]
    assert float(laplacian.abs().max()) < 1e-13 * float(h.abs().max()) * 4
    assert float(h.diff(dim=0).abs().max()) > 1e-3


def test_the_radius_is_a_scale_of_the_weights():
    one, other = (pj.collective.ImageCharges(solver(), 2, r) for r in (0.01, 0.004))
    assert pj.collective.ImageCharges(solver(), 2).radius == 0.01
    weights = torch.linspace(-1, 1, len(one.weights), dtype=DOUBLE)
    degree = torch.tensor([(j + 1) // 2 + (k + 1) // 2 for j, k in one.pairs])
    ours = one.term(point(1e-3, -2e-3), weights)
    theirs = other.term(point(1e-3, -2e-3), weights * (0.004 / 0.01) ** degree.double())
    # a sum of as many terms as there are weights, which cancel in places
    rounding = 2 * len(weights) * torch.finfo(DOUBLE).eps * float(ours.abs().max())
    torch.testing.assert_close(ours, theirs, rtol=0, atol=rounding)


def test_names_of_the_weights():
    images = pj.collective.ImageCharges(solver(), order=1)
    assert images.pairs == [(0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
    counts = [len(pj.collective.ImageCharges(solver(), order=n).weights) for n in (2, 4, 6)]
    assert counts == [14, 44, 90]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": 0}, "order must be a whole number of 1 or more, got 0"),
        ({"order": 2.5}, "got 2.5"),
        ({"radius": -1.0}, "radius must be positive and finite, got -1.0 m"),
        ({"radius": float("nan")}, "got nan"),
    ],
)
def test_bad_input(options, message):
    with pytest.raises(pj.errors.InvalidValueError, match=message):
        pj.collective.ImageCharges(solver(), **options)


def test_through_the_solvers_own_interface():
    """`own_field` sees the sum of the two."""
    x, y = places(2e-3, 4000)
    images = pj.collective.ImageCharges(solver(), order=1)
    bent = dataclasses.replace(images, weights=torch.tensor([0, 0, 0.5, 0, 0], dtype=DOUBLE))
    more = own_field(bent, x, y).along_x - own_field(images, x, y).along_x
    # C_11 x <x> / radius^2
    expected = torch.full_like(x, 0.5 * float(x.mean()) / 0.01**2)
    torch.testing.assert_close(more, expected, rtol=1e-9, atol=1e-9)


def test_four_orders_by_default():
    """Pairs j <= k of nine functions, without the constant alone."""
    assert pj.collective.ImageCharges(solver()).weights.shape == (9 * 10 // 2 - 1,)

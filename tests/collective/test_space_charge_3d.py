"""Space charge of bunches in open space against closed forms, integrals and another code."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
from scipy.constants import c, e, epsilon_0, m_p
from scipy.integrate import nquad
from scipy.special import ndtri
from scipy.stats import qmc

import pyjutrack as pj
from pyjutrack.collective import BSPLINE, QUADRATIC, Place, Shape, SpaceCharge2p5D, SpaceCharge3D
from pyjutrack.collective.open_space import _kept, plain_spectrum
from pyjutrack.collective.slices import unsmooth
from pyjutrack.errors import InvalidValueError, ResolutionWarning
from pyjutrack.kernels.green import integrated_green
from pyjutrack.maps.state import State
from pyjutrack.mesh.box import kick
from pyjutrack.testing import check_effect

PROTON = pj.Reference.from_kinetic("proton", 3e8)
GAMMA, BETA = PROTON.gamma, PROTON.beta
CHARGE = 1e-10
#: (px, py, delta) per metre and per slope of the sum of shares / distance [1/m^2]
STRENGTH = e * CHARGE / (4 * math.pi * epsilon_0 * m_p * c**2 * (BETA * GAMMA) ** 2)
#: sizes of what is round at rest
ROUND = np.array([1.0, 1.0, 1 / GAMMA])
STEP = pj.Lattice([pj.Drift(1e-3)])
SHAPES = pytest.mark.parametrize("used", [BSPLINE, QUADRATIC], ids=lambda s: s.name)


def ball(count: int) -> np.ndarray:
    """Even points in a ball of rms size 1 a direction, (N, 3)."""
    shares = qmc.Sobol(3, seed=1).random(count)
    radius, cosine, angle = shares[:, 0] ** (1 / 3), 2 * shares[:, 1] - 1, shares[:, 2] * 2 * np.pi
    sine = np.sqrt(1 - cosine**2)
    ways = np.stack([sine * np.cos(angle), sine * np.sin(angle), cosine], 1)
    return np.asarray(math.sqrt(5) * radius[:, None] * ways)


def normal(count: int) -> np.ndarray:
    return np.asarray(ndtri(qmc.Sobol(3, seed=1).random(count).clip(1e-9, 1 - 1e-9)))


def bunch(places: np.ndarray, charge: float = CHARGE) -> pj.Beam:
    """A bunch without angles, of places (N, 3) [m]."""
    rows = np.zeros((len(places), 6))
    rows[:, [0, 2, 4]] = places
    return pj.Beam(PROTON, rows, charge=charge)


def kicks(effect: SpaceCharge3D, beam: pj.Beam) -> np.ndarray:
    """Change of px, py and delta per metre, (N, 3)."""
    after = pj.track(STEP, beam, effects=[effect])
    return np.asarray(after.numpy()[:, [1, 3, 5]] / 1e-3)


def slopes_of_ellipsoid(places: np.ndarray, sizes: np.ndarray, gaussian: bool) -> np.ndarray:
    """Minus the slopes of H by x, y and z' for points (N, 3) within, of rms sizes [1/m^2].

    O. D. Kellogg, Foundations of Potential Theory (1929), ch. VII: integrals over the confocal
    ellipsoids, in u = 1 / sqrt(1 + q / size^2).
    """
    nodes, weights = np.polynomial.legendre.leggauss(160)
    scale = float(np.prod(sizes) ** (1 / 3))
    found = np.zeros_like(places)
    for u, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        q, dq = scale**2 * (1 / u**2 - 1), 2 * scale**2 / u**3
        if gaussian:
            widths = 2 * (sizes**2 + q)
            share = 2 / math.sqrt(math.pi) * np.exp(-(places**2 / widths).sum(1, keepdims=True))
        else:
            widths, share = 5 * sizes**2 + q, 0.75 * np.ones((len(places), 1))
        found += weight * dq * share / np.sqrt(widths.prod()) * (2 * places / widths)
    return found


@pytest.mark.parametrize("sizes", [(1.0, 1.0, 1.0), (1.0, 2.0, 10.0)], ids=["round", "long"])
@pytest.mark.parametrize("gaussian", [True, False], ids=["gaussian", "uniform"])
@SHAPES
def test_fields_of_ellipsoids(
    used: Shape, gaussian: bool, sizes: tuple[float, float, float]
) -> None:
    """At four nodes a rms size; the kink at the edge of a uniform bunch is rounded over a node.

    Slopes of quadratic splines are broken lines, some tenths of a per cent off everywhere.
    """
    worst = 3e-3 if used == BSPLINE else 5e-3
    rest = 1e-3 * np.array(sizes)
    unit = normal(2**18) if gaussian else ball(2**18)
    beam = bunch(unit * rest * ROUND)
    nodes = np.ceil(4 * np.ptp(unit, axis=0)).astype(int) + 5
    effect = SpaceCharge3D(tuple(nodes.tolist()), 1.0, margin=0.0, assignment=used)
    spacing = effect._box(beam, State(beam.coordinates.unbind(-1), beam.alive)).spacing
    assert (rest * ROUND / spacing < 4.3).all()
    found = kicks(effect, beam)
    expected = STRENGTH * slopes_of_ellipsoid(unit * rest, rest, gaussian) / ROUND
    size = np.sqrt((expected**2).mean(0))
    error = (found - expected) / size
    inner = (unit**2).sum(1) < 2.5
    assert np.sqrt((error**2)[inner].mean(0)).max() < worst
    assert np.sqrt((error**2).mean(0)).max() < (worst - 1e-3 if gaussian else 0.02)
    # action is reaction, but for the grid
    assert np.abs(found.mean(0)).max() < 5e-6 * np.abs(found).max()


def test_edge_of_a_uniform_ball() -> None:
    """Which no field knows that is a spline of such cells: even of the exact potential.

    So a uniform bunch is right to 0.9 % at four nodes a rms size, and to 0.5 % at six.
    """
    unit, radius = ball(2**19), math.sqrt(5) * 1e-3
    beam = bunch(1e-3 * unit * ROUND)
    state = State(beam.coordinates.unbind(-1), beam.alive)
    expected = STRENGTH * (1e-3 * unit) / radius**3 / ROUND
    errors = []
    for nodes in (4, 6):
        whole = SpaceCharge3D(margin=0.3)._box(beam, state).x
        count = math.ceil(nodes * (whole.stop - whole.start) / 1e-3) + 4
        effect = SpaceCharge3D((count, count, count), margin=0.3)
        box = effect._box(beam, state)
        x, y, z = np.meshgrid(*(line.positions() for line in box), indexing="ij")
        r = np.sqrt(x**2 + y**2 + (GAMMA * z) ** 2)
        exact = np.where(r < radius, (3 - (r / radius) ** 2) / (2 * radius), 1 / r.clip(1e-9))
        for axis, line in enumerate(box):
            first = np.moveaxis(exact, axis, 0)
            spline = unsmooth(line, first.reshape(len(first), -1), 1).reshape(first.shape)
            exact = np.moveaxis(spline, 0, axis)
        at, still = state.coordinates[::2], torch.zeros(len(unit), dtype=torch.float64)
        values = torch.tensor(STRENGTH * exact)
        read = kick(box, at, beam.alive, (still, still, still), values, torch.ones(()).double())
        errors += [
            math.sqrt(((found - expected) ** 2).mean() / (expected**2).mean())
            for found in (kicks(effect, beam), torch.stack(read, 1).numpy())
        ]
    assert errors[0] < 1.02 * errors[1]
    assert 0.008 < errors[1] < 0.01
    assert errors[2] < min(0.005, 1.02 * errors[3])


def test_cold_sphere_doubles_its_radius_in_the_time_of_the_integral() -> None:
    """Energy of the edge: R' = sqrt(2 k (1/R0 - 1/R)), of which the integral is elementary."""
    radius = 2e-3
    start = ball(2**15) / math.sqrt(5) * radius * ROUND
    distance = math.sqrt(radius**3 / (2 * STRENGTH)) * (math.sqrt(2.0) + math.asinh(1.0))
    line, effect = pj.Lattice([pj.Drift(distance)]), SpaceCharge3D((32, 32, 32), distance / 30)
    after = pj.track(line, bunch(start), effects=[effect]).numpy()[:, [0, 2, 4]]
    growth = np.sqrt((after**2).mean(0) / (start**2).mean(0))
    assert np.abs(growth / 2 - 1).max() < 1e-3


def test_another_code_agrees() -> None:
    """xfields, whose linear shapes smooth the field by 1.5 %; ours is off by less than 0.5 %."""
    xf, xt = pytest.importorskip("xfields"), pytest.importorskip("xtrack")
    sizes = [1e-3, 2e-3, 4e-3]
    places = normal(2**17) * sizes
    beam, effect = bunch(places), SpaceCharge3D((64, 64, 64), 1.0)
    found = kicks(effect, beam)
    box = effect._box(beam, State(beam.coordinates.unbind(-1), beam.alive))
    ranges = {f"{u}_range": (b.start, b.stop) for u, b in zip("xyz", box, strict=True)}
    other = xf.SpaceCharge3D(
        length=1.0, update_on_track=True, nx=64, ny=64, nz=64, solver="FFTSolver3D", gamma0=GAMMA,
        **ranges,
    )  # fmt: skip
    x, y, z = places.T.copy()
    weight = CHARGE / e / len(x)
    theirs = xt.Particles(
        p0c=PROTON.p0c, mass0=PROTON.species.mass, x=x, y=y, zeta=z, weight=weight
    )
    other.track(theirs)
    order = np.argsort(theirs.particle_id)
    expected = np.stack([theirs.px, theirs.py, theirs.delta], 1)[order]
    error = np.sqrt(((found - expected) ** 2).mean(0) / (expected**2).mean(0))
    exact = STRENGTH * slopes_of_ellipsoid(places / ROUND, np.array(sizes) / ROUND, True) / ROUND
    ours = np.sqrt(((found - exact) ** 2).mean(0) / (exact**2).mean(0))
    assert error.max() < 0.02
    assert ours.max() < 0.005


@SHAPES
def test_green_function_is_the_mean_of_a_cell(used: Shape) -> None:
    spacing = 1.0, 1.3, 0.4
    found = integrated_green((12, 10, 40), spacing)
    for at in ((1, 0, 0), (0, 0, 3), (2, 1, 4), (11, 0, 0), (0, 0, 27), (12, 10, 40)):
        ends = [((n - 0.5) * h, (n + 0.5) * h) for n, h in zip(at, spacing, strict=True)]
        exact = nquad(lambda *r: 1 / math.hypot(*r), ends)[0] / math.prod(spacing)
        assert found[at] == pytest.approx(exact, rel=5e-9)
    # of the cell about the charge: of a cube, 2.38007... (E. Durand, Electrostatique, 1964)
    assert integrated_green((8, 8, 8), (1.0, 1.0, 1.0))[0, 0, 0] == pytest.approx(
        2.3800773, rel=1e-6
    )
    along_z = torch.tensor(0.4, dtype=torch.float64)
    twin = plain_spectrum((16, 12, 14), used, 1.3, along_z).numpy()
    kept = _kept((16, 12, 14), used, 1.3, 0.4).values
    np.testing.assert_allclose(kept, twin, rtol=1e-7)


@pytest.mark.parametrize("length", [1e6, 1e9, 1e12])
def test_green_function_of_slender_cells(length: float) -> None:
    """Differences across are those of rods: means of -2 log(rho) over squares, a length."""
    found = integrated_green((6, 6, 4), (1.0, 1.0, length))[:, :, 0] * length

    def rod(*at: int) -> float:
        ends = [(n - 0.5, n + 0.5) for n in at]
        return float(nquad(lambda *r: -2 * math.log(math.hypot(*r)), ends)[0])

    for at in ((1, 0), (2, 3), (6, 6)):
        assert found[at] - found[4, 0] == pytest.approx(rod(*at) - rod(4, 0), abs=1e-9)


def test_images_in_a_pipe() -> None:
    """A ball of charge off the axis is as a point for its images, in rows and columns."""
    at, (wide, high) = np.array([4e-3, 1e-3, 0.0]), (0.014, 0.012)
    beam = bunch(5e-4 * normal(2**16) * ROUND + at)
    found = kicks(SpaceCharge3D((80, 72, 48), 1.0, pipe=(wide, high)), beam)
    expected = np.zeros(2)
    for row, column in itertools.product(range(-30, 31), repeat=2):
        # a reflection in each wall turns the sign
        image = np.array([row * wide + (-1) ** row * at[0], column * high + (-1) ** column * at[1]])
        away = at[:2] - image
        if row or column:
            expected += (-1) ** (row + column) * away / np.linalg.norm(away) ** 3
    assert found.mean(0)[:2] / STRENGTH == pytest.approx(expected, rel=2e-3)
    # within the ball they are small beside its own field
    own = kicks(SpaceCharge3D((48, 48, 48), 1.0), beam)
    error = np.sqrt(((found - found.mean(0) - own) ** 2).mean(0) / (own**2).mean(0))
    assert error.max() < 0.02


def test_a_long_bunch_in_a_pipe_is_one_by_slices() -> None:
    beam, pipe = bunch(normal(2**16) * [1.5e-3, 1e-3, 0.3]), (0.014, 0.012)
    found = kicks(SpaceCharge3D((64, 64, 40), 1.0, pipe=pipe), beam)
    expected = kicks(SpaceCharge2p5D(pj.SpectralPoisson(pipe, (60, 60)), 40, 1.0), beam)
    error = np.sqrt(((found - expected) ** 2).mean(0) / (expected**2).mean(0))
    assert error.max() < 0.01


def test_what_a_pipe_does_not_hold_is_lost_or_refused() -> None:
    rows = bunch(ball(1024) * 1e-3).coordinates
    effect = SpaceCharge3D((26, 24, 20), pipe=(8e-3, 6e-3))
    with pytest.raises(InvalidValueError, match="larger than the space-charge box"):
        pj.track(STEP, pj.Beam(PROTON, 3 * rows, charge=1e-9), effects=[effect])
    rows[0, 2] = 3.1e-3
    with pytest.warns(ResolutionWarning, match=r"0\.00098 of the beam start outside"):
        after = pj.track(STEP, pj.Beam(PROTON, rows, charge=1e-9), effects=[effect])
    assert after.lost == 1
    with pytest.raises(InvalidValueError, match="sides"):
        SpaceCharge3D(pipe=(8e-3, -1.0))


@pytest.mark.parametrize("weighted", [False, True])
@SHAPES
def test_keeps_the_promises_of_effects(used: Shape, weighted: bool) -> None:
    draw = np.random.default_rng(0)
    rows = draw.uniform(-1.7, 1.7, size=(300, 6)) * [2e-3, 1e-3, 1.5e-3, 1e-3, 6e-3, 1e-3]
    beam = pj.Beam(pj.Reference.from_kinetic("proton", 3e7), rows, charge=1e-9)
    if weighted:
        beam = beam.replace(weights=torch.as_tensor(draw.uniform(0.5, 1.5, 300)))
    lattice = pj.Lattice([pj.Quadrupole(0.2, 2.0, name="q"), pj.Drift(0.4, name="d")])
    pipe = (0.012, 0.01) if weighted else None
    effect = SpaceCharge3D((18, 20, 22), 0.2, pipe=pipe, balanced=weighted, assignment=used)
    check_effect(effect, beam, lattice, knobs=["scale"])


@pytest.mark.parametrize("pipe", [None, (0.02, 0.02)])
def test_action_is_reaction(pipe: tuple[float, float] | None) -> None:
    """To rounding where it is balanced: in open space, and along a pipe, whose walls are pushed."""
    draw = np.random.default_rng(0)
    places = draw.normal(size=(20_000, 3)).clip(-4, 4) * 1.5e-3 + [2e-3, 0.0, 0.0]
    weights = torch.as_tensor(draw.uniform(0.5, 1.5, len(places)))
    beam, effect = bunch(places).replace(weights=weights), SpaceCharge3D((44, 44, 44), pipe=pipe)
    plain, balanced = (kicks(dataclasses.replace(effect, balanced=b), beam) for b in (False, True))
    sums = [np.average(k, axis=0, weights=weights) / np.abs(k).max(0) for k in (plain, balanced)]
    axes = slice(3) if pipe is None else slice(2, 3)
    assert np.abs(sums[0][axes]).min() > 1e-8
    assert np.abs(sums[1][axes]).max() < 1e-15
    assert np.abs(balanced - plain).max() < 1e-3 * np.abs(plain).max()
    if pipe is not None:
        assert sums[1][0] == pytest.approx(sums[0][0], rel=1e-9)
        assert sums[1][0] > 1e-2, "towards the wall"


@pytest.mark.parametrize("pipe", [None, (0.007, 0.012)])
def test_slopes_by_the_energy(pipe: tuple[float, float] | None) -> None:
    """The Green function depends on it, by the length at rest."""
    places = np.random.default_rng(0).uniform(-1.7, 1.7, (200, 3)) * [1e-3, 2e-3, 3e-3]
    effect = SpaceCharge3D((20, 20, 20), 1.0, pipe=pipe)

    def kicked(p0c: torch.Tensor | float) -> torch.Tensor:
        beam = bunch(places).replace(reference=pj.Reference.from_p0c("proton", p0c))
        after = pj.track(STEP, beam, effects=[effect])
        return (
            1e9 * (after.coordinate("px") * beam.coordinate("x")).sum()
            + 1e9 * (after.coordinate("delta") * beam.coordinate("z")).sum()
        )

    at = torch.tensor(PROTON.p0c, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(kicked(at), at)
    (forward,) = torch.func.jacfwd(lambda p: kicked(p).reshape(1))(at.detach()).reshape(1)
    h = 1e-4 * PROTON.p0c
    values = [float(kicked(PROTON.p0c + k * h)) for k in (-2, -1, 1, 2)]
    difference = (8 * (values[2] - values[1]) - (values[3] - values[0])) / (12 * h)
    assert float(slope) == pytest.approx(difference, rel=1e-6)
    assert float(forward) == pytest.approx(float(slope), rel=1e-10)


@SHAPES
def test_each_beam_of_a_batch_is_as_alone(used: Shape) -> None:
    small, large = (bunch(s * ball(1024) * [1e-3, 2e-3, 3e-3]) for s in (1.0, 3.0))
    effect = SpaceCharge3D((16, 16, 16), 1.0, assignment=used)
    both = small.replace(
        coordinates=torch.stack([small.coordinates, large.coordinates]),
        alive=torch.stack([small.alive, large.alive]),
    )
    found = pj.track(STEP, both, effects=[effect]).coordinates
    for one, beam in zip(found, (small, large), strict=True):
        alone = pj.track(STEP, beam, effects=[effect]).coordinates
        torch.testing.assert_close(one, alone, rtol=1e-10, atol=1e-20)


def test_test_particles_are_lost_outside_of_the_box_alone() -> None:
    beam = bunch(ball(1024) * [1e-3, 2e-3, 3e-3])
    effect = SpaceCharge3D((16, 16, 16), 1.0)
    place = Place(STEP[0], 0, 0.0, 1.0, 1.0, 0)
    state = State(beam.coordinates.unbind(-1), beam.alive)
    field = effect.field(beam, state, place)
    rows = torch.zeros(3, 6, dtype=torch.float64)
    rows[:, 4] = torch.tensor([0.0, 1e-3, 1.0])
    end = effect.apply(State(rows.unbind(-1), torch.ones(3, dtype=torch.bool)), field, place)
    assert end.alive.tolist() == [True, True, False]
    assert float(end.coordinates[5][1]) > 0
    assert float(end.coordinates[5][2]) == 0


def test_what_it_cannot_be_right_for() -> None:
    rows = bunch(ball(1024) * 1e-3).coordinates
    effect = SpaceCharge3D((16, 16, 16))
    with pytest.raises(InvalidValueError, match=r"SpaceCharge3D acts on a bunch.* 1 A"):
        pj.track(STEP, pj.Beam(PROTON, rows, current=1.0), effects=[effect])
    few = pj.Beam(PROTON, rows[:100], charge=1e-9)
    with pytest.warns(ResolutionWarning, match=r"100 particles are few for 16 cells"):
        pj.track(STEP, few, effects=[effect])
    halo = rows.clone()
    halo[0, 0] = 1.0
    with pytest.warns(ResolutionWarning, match=r"sizes are, in cells, x 0\.\d"):
        pj.track(STEP, pj.Beam(PROTON, halo, charge=1e-9), effects=[effect])


@pytest.mark.parametrize(
    ("name", "value"),
    [("nodes", 64), ("nodes", (64, 64)), ("nodes", (64, 64, 8)), ("max_step", 0.0), ("scale", "1"),
     ("assignment", "cic"), ("margin", -0.1), ("margin", math.inf), ("response", 1)],
)  # fmt: skip
def test_settings_that_cannot_be(name: str, value: object) -> None:
    with pytest.raises(InvalidValueError, match=name if name != "max_step" else "step"):
        SpaceCharge3D(**{name: value})  # type: ignore[arg-type]

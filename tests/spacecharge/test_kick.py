"""The space-charge kick: symplectic, with losses, checked, and right for a matched KV beam."""

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from scipy.optimize import root

import pyjutrack as pj

FODO = [("d1", 0.2, 0.0), ("q1", 0.1, 29.6), ("d2", 0.4, 0.0), ("q2", 0.1, -29.6), ("d3", 0.2, 0.0)]


def space_charge(size=0.02, cells=64, **options):
    return pj.SpaceCharge(pj.SpectralPoisson(size=(size, size), shape=(cells, cells)), **options)


def random_beam(proton, count, current, seed=2, size=1e-3, slope=1e-3):
    """Gaussian positions and slopes with no matching, z and delta zero."""
    coordinates = np.zeros((count, 6))
    scales = [size, slope, 0.8 * size, slope]
    coordinates[:, :4] = np.random.default_rng(seed).normal(size=(count, 4)) * scales
    return pj.Beam.from_array(proton, coordinates, current)


def symplectic_error(matrix):
    """Largest element of M^T S M - S, in metres and their slopes."""
    unit = np.array([[0.0, 1.0], [-1.0, 0.0]])
    s = np.kron(np.eye(len(matrix) // 2), unit)
    return np.abs(matrix.T @ s @ matrix - s).max()


def transverse_jacobian(lattice, beam, kick, transform):
    """d(final)/d(initial) of x, px, y, py of all particles, (4N, 4N)."""
    start = beam.coordinates[:, :4].reshape(-1)
    rest = beam.coordinates[:, 4:]

    def final(flat):
        moved = beam.replace(coordinates=torch.cat([flat.reshape(-1, 4), rest], dim=1))
        return pj.track(lattice, moved, effects=kick).coordinates[:, :4].reshape(-1)

    return transform(final)(start).numpy()


@pytest.mark.parametrize("assignment", ["bspline", "quadratic", "catmull-rom"])
@pytest.mark.parametrize("transform", [torch.func.jacfwd, torch.func.jacrev])
@pytest.mark.parametrize("through", ["drift", "cell"])
def test_self_consistent_map_is_symplectic(proton, cell, assignment, transform, through):
    """Each particle moves in the field that all make, and how it moves changes that field."""
    lattice = pj.Lattice([pj.Drift(0.5)]) if through == "drift" else cell
    potential = pj.SpectralPoisson(size=(0.02, 0.02), shape=(64, 64), assignment=assignment)
    beam, kick = random_beam(proton, 20, current=400.0), pj.SpaceCharge(potential, max_step=0.1)
    matrix = transverse_jacobian(lattice, beam, [kick], transform)
    assert matrix.shape == (80, 80)
    assert symplectic_error(matrix) < 1e-12
    # a coupling between different particles, and a change of the diagonal blocks, that is not noise
    alone = transverse_jacobian(lattice, beam.replace(current=0.0), [kick], transform)
    assert np.abs(matrix - alone).max() > 0.05
    assert np.abs(matrix[:4, 4:]).max() > 1e-3


@pytest.mark.parametrize("at", [(0.0,) * 6, (1.1e-3, 2e-4, -7e-4, 1e-4, 0.0, 0.0)])
def test_test_particle_map_is_symplectic(proton, cell, at):
    beam = random_beam(proton, 2000, current=200.0)
    kick = space_charge(cells=128)
    matrix = pj.jacobian(cell, beam, effects=[kick], at=at)[:4, :4]
    assert symplectic_error(matrix) < 1e-12
    assert np.abs(matrix - pj.jacobian(cell, proton, at=at)[:4, :4]).max() > 0.1


def test_linear_response_near_the_axis(proton):
    """A thin kick on the axis of a round Gaussian: focusing of -K ds / (2 sigma^2)."""
    sigma, length = 1e-3, 1e-3
    twiss = pj.optics.Twiss(beta_x=1.0, alpha_x=0.0, beta_y=1.0, alpha_y=0.0)
    # slopes of the field are noisier than the field, hence so many
    beam = pj.distributions.gaussian(
        proton, 200_000, twiss=twiss, emittance=(sigma**2,) * 2, current=200.0, quiet=True
    )
    lattice = pj.Lattice([pj.Drift(length)])
    found = pj.jacobian(lattice, beam, effects=[space_charge(size=0.03, cells=128)])
    strength = proton.perveance_per_ampere() * 200.0 * length / (2 * sigma**2)
    assert found[1, 0] == pytest.approx(strength, rel=1e-2)
    assert found[3, 2] == pytest.approx(strength, rel=1e-2)


def losing_beam(proton, count=1000):
    """Ten particles that fly out of a 20 mm box in a drift of a metre, and the rest."""
    beam = random_beam(proton, count, current=100.0, slope=1e-4)
    coordinates = beam.coordinates.clone()
    coordinates[:10, 1] = torch.linspace(0.02, 0.1, 10, dtype=torch.float64)
    coordinates[:10, 0] = 5e-3
    return beam.replace(coordinates=coordinates)


def test_particles_that_leave_the_box_are_lost(proton):
    lattice = pj.Lattice([pj.Drift(1.0)])
    beam = losing_beam(proton)
    out = pj.track(lattice, beam, effects=[space_charge()], turns=2)
    assert out.lost == 10
    assert not out.alive[:10].any()
    assert bool(torch.isfinite(out.coordinates).all())
    lost = out.coordinates[:10]
    # they stop at the first kick beyond the wall: at most one step of 0.05 m after it
    assert bool((lost[:, 0] > 0.01).all())
    assert bool((lost[:, 0] < 0.01 + 0.05 * lost[:, 1] / (1 - lost[:, 1] ** 2).sqrt() + 1e-9).all())
    # and keep what they had then, as long as the rest is tracked
    more = pj.track(lattice, out, effects=[space_charge()])
    torch.testing.assert_close(more.coordinates[:10], lost, rtol=0, atol=0)
    assert bool((more.coordinates[10:] != out.coordinates[10:]).any())


def test_lost_particles_leave_the_field(proton):
    """What stays is tracked as if the lost, and their share of the current, had never been."""
    lattice = pj.Lattice([pj.Drift(0.2)])
    beam, kick = random_beam(proton, 1000, current=100.0), [space_charge()]
    alive = torch.arange(1000) >= 250
    spoiled = torch.where(alive.unsqueeze(-1), beam.coordinates, float("nan"))
    some = pj.track(lattice, beam.replace(coordinates=spoiled, alive=alive), effects=kick)
    rest = beam.replace(coordinates=beam.coordinates[250:], alive=None, current=75.0)
    expected = pj.track(lattice, rest, effects=kick)
    torch.testing.assert_close(some.coordinates[250:], expected.coordinates, rtol=1e-12, atol=1e-18)


@pytest.mark.parametrize("mode", ["reverse", "forward", "fd"])
@pytest.mark.filterwarnings("ignore::pyjutrack.errors.LossWarning")
def test_gradients_with_losses_are_finite(proton, mode):
    lattice = pj.Lattice([pj.Drift(0.5, name="d"), pj.Quadrupole(0.1, k1=3.0, name="q")])
    beam, wrt = losing_beam(proton), ["d.length", "q.k1", "beam.current"]
    slopes = pj.gradient(
        pj.observables.emittance_growth("x"),
        lattice,
        beam,
        effects=[space_charge()],
        wrt=wrt,
        mode=mode,
    )
    assert np.isfinite(slopes).all()
    assert (slopes != 0).all()


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.LossWarning")
def test_gradient_by_coordinates_with_losses_is_finite(proton):
    beam = losing_beam(proton)
    leaf = beam.coordinates.clone().requires_grad_()
    lattice = pj.Lattice([pj.Drift(1.0)])
    out = pj.track(lattice, beam.replace(coordinates=leaf), effects=[space_charge()])
    assert out.lost == 10
    pj.moments.emittance(out).backward()
    assert bool(torch.isfinite(leaf.grad).all())
    assert float(leaf.grad[10:].abs().min(dim=0).values[0]) > 0


def test_beam_larger_than_the_box(proton, cell):
    beam = random_beam(proton, 500, current=10.0, size=5e-3)
    before = beam.numpy()
    with pytest.raises(
        pj.errors.InvalidValueError, match=r"\d+\.\d% .*0\.005 m x 0\.005 m.*\|x\| = 0\.0"
    ):
        pj.track(cell, beam, effects=[space_charge(size=0.005)])
    np.testing.assert_array_equal(beam.numpy(), before)
    assert beam.lost == 0


def test_coarse_grid_warns(proton):
    beam = random_beam(proton, 500, current=10.0, size=2.5e-4)
    stretch = torch.tensor([1, 1, 5, 1, 1, 1], dtype=torch.float64)
    beam = beam.replace(coordinates=beam.coordinates * stretch)
    with pytest.warns(pj.errors.ResolutionWarning, match=r"in cells, x 0\.\d+ \(.*\), and"):
        pj.track(pj.Lattice([pj.Drift(0.1)]), beam, effects=[space_charge()])


@pytest.mark.parametrize(
    "step", [0.0, -0.1, float("nan"), float("inf"), {"Drift": 0.05, "Quadrupole": 0.0}]
)
def test_bad_steps(step):
    with pytest.raises(pj.errors.InvalidValueError, match="step"):
        pj.SpaceCharge(max_step=step)


def test_tracking_leaves_the_beam_alone(proton, cell):
    beam = random_beam(proton, 500, current=100.0)
    before, alive = beam.numpy(), beam.alive.clone()
    pj.track(cell, beam, effects=[space_charge()])
    np.testing.assert_array_equal(beam.numpy(), before)
    assert bool((beam.alive == alive).all())


def envelope_after(start, perveance, emittance):
    """2 rms x, its slope, 2 rms y, its slope after the cell, by the KV equations (Reiser 5.3)."""
    state = np.asarray(start)
    for _, length, k1 in FODO:

        def slope(s, v, k1=k1):
            a, da, b, db = v
            pinch = 2 * perveance / (a + b)
            force = emittance**2
            return [da, -k1 * a + pinch + force / a**3, db, k1 * b + pinch + force / b**3]

        state = solve_ivp(slope, (0, length), state, rtol=1e-11, atol=1e-15).y[:, -1]
    return state


def test_matched_kv_envelope(proton, cell):
    """50 cells at 200 A: the rms sizes stay within 1 % of the periodic KV envelope."""
    current, rms_emittance, cells = 200.0, 1e-6 / proton.beta_gamma, 50
    perveance, emittance = proton.perveance_per_ampere() * current, 4 * rms_emittance
    zero = pj.twiss(cell, proton)
    # a start: the envelope without current, swollen by one half
    swollen = 1.5 * np.sqrt(emittance * zero.beta_x)
    turning = zero.alpha_x * emittance / swollen
    guess = [swollen, -turning, swollen, turning]
    scale = 1e-3
    found = root(
        lambda v: envelope_after(v * scale, perveance, emittance) / scale - v,
        np.array(guess) / scale,
        tol=1e-11,
    )
    assert found.success
    a, da, b, db = found.x * scale
    matched = pj.optics.Twiss(
        a**2 / emittance, -a * da / emittance, b**2 / emittance, -b * db / emittance
    )
    beam = pj.distributions.kv(
        proton, 8192, twiss=matched, emittance=(rms_emittance,) * 2, current=current, quiet=True
    )
    kick = space_charge(cells=128, max_step={"Drift": 0.05, "Quadrupole": 0.025})
    ratios = []
    for _ in range(cells):
        beam = pj.track(cell, beam, effects=[kick])
        sizes = pj.moments.sizes(beam).numpy()
        ratios.append((2 * sizes[0] / a, 2 * sizes[2] / b))
    assert beam.lost == 0
    assert 0.5e-3 < a / 2 < 2e-3
    assert np.abs(np.array(ratios) - 1).max() < 0.01


def test_a_beam_somewhat_beyond_the_box_is_refused(make_beam):
    """Between one and two half sides: a twentieth of the particles, at 0.7 of a side."""
    beam, kick = make_beam(1000), pj.SpaceCharge(pj.SpectralPoisson((0.02, 0.02), (64, 64)))
    coordinates = beam.coordinates.clone()
    coordinates[:50, 2] = 0.014
    with pytest.raises(
        pj.errors.InvalidValueError, match=r"larger than the space-charge box: 5\.0% of"
    ):
        kick.check(beam.replace(coordinates=coordinates))

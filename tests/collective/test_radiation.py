"""Synchrotron radiation in tracking against closed forms, ODEs and itself backward."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack import testing
from pyjutrack.collective import Radiation

ELECTRON = pj.Reference.from_total("electron", 3e9)
GAP = pj.RFCavity(voltage=4e6, frequency=5e8, phase=2.4, name="rf")
CELL = pj.Lattice(
    [
        pj.Quadrupole(0.2, 1.6, name="qf"),
        pj.Drift(0.4),
        pj.RBend(1.0, 0.3, k1=0.1, name="b"),
        pj.Sextupole(0.1, 40.0, knl=(1e-4,), name="s"),
        pj.Quadrupole(0.2, -1.5, tilt=0.2, dx=1e-3, name="qd"),
        GAP,
        pj.SBend(1.0, -0.3, e1=-0.1, tilt=0.1, dy=1e-3, model="linear"),
        pj.Octupole(0.1, 300.0),
        pj.Kicker(0.1, hkick=1e-3, vkick=2e-3),
        pj.ThinBend(0.02, h=0.3),
        pj.DipoleEdge(0.3, 0.1),
    ]
)
BOTH = pytest.mark.parametrize("mode", ["mean", "quantum"])
STEPS = {"bend_slices": 3, "magnet_slices": 2}


def bunch(count: int = 150) -> pj.Beam:
    rows = np.random.default_rng(4).normal(0, 1, (count, 6)) * [1e-3, 1e-4, 1e-3, 1e-4, 4e-3, 1e-3]
    return pj.Beam(ELECTRON, torch.as_tensor(rows), charge=1e-9)


@BOTH
def test_it_keeps_the_promises_of_effects(mode: str) -> None:
    effect = Radiation(mode, seed=3 * (mode == "quantum"), scale=20.0, **STEPS)
    testing.check_effect(effect, bunch(), CELL, knobs=["scale"])


def delta_after(element: pj.Element, start: np.ndarray, effect: Radiation) -> np.ndarray:
    """Coordinates after an element."""
    beam = pj.Beam(ELECTRON, torch.as_tensor(np.atleast_2d(start)))
    return pj.track(pj.Lattice([element]), beam, effects=[effect]).numpy()


def test_the_loss_on_the_axis_is_that_of_the_textbook() -> None:
    """Sands: C_gamma = 8.846e-5 m / GeV^3, of which a bend has C E^4 angle / (2 pi rho)."""
    end = delta_after(pj.SBend(2.0, 1e-3), np.zeros(6), Radiation())
    loss = 8.84627e-5 * 3**4 * 1e9 * 1e-3 / (2 * math.pi) / (2.0 / 1e-3)
    assert -end[0, 5] * ELECTRON.p0c == pytest.approx(loss, rel=2e-6)
    muon = pj.Reference.from_total(pj.Species("muon", 105.6583755e6, 2.0), 3e9)
    beam = pj.Beam(muon, torch.zeros(1, 6, dtype=torch.float64))
    lattice = pj.Lattice([pj.SBend(2.0, 1e-3)])
    fraction = -float(pj.track(lattice, beam, effects=[Radiation()]).coordinate("delta"))
    # with the radius as q^2 / m, and gamma^3
    radius = 4 * 0.51099895069 / 105.6583755
    expected = -end[0, 5] * radius * (muon.gamma / ELECTRON.gamma) ** 3
    assert fraction == pytest.approx(expected, rel=2 / muon.gamma**2)


def by_equations_of_motion(start: np.ndarray, length: float, field: float, strength: float):
    """Motion in a uniform field in Cartesian coordinates, which radiates as it goes."""
    from scipy.integrate import solve_ivp

    x, px, y, py, _, delta = start
    ps = math.sqrt((1 + delta) ** 2 - px**2 - py**2)

    def slopes(_: float, u: np.ndarray) -> np.ndarray:
        position, p = u[:3], u[3:]
        total = np.linalg.norm(p)
        direction = p / total
        turn = np.array([-p[2], 0.0, p[0]]) * field / total
        across = field**2 * (1 - direction[1] ** 2)
        loss = strength * across * total**2
        return np.concatenate([direction + 0 * position, turn - loss * direction])

    # until the plane at the end of the arc is reached, turned by the angle field * length
    radius, angle = 1 / field, field * length
    normal = np.array([-math.sin(angle), 0, math.cos(angle)])
    corner = np.array([-radius, 0, 0])

    def reached(_: float, u: np.ndarray) -> float:
        return float((u[:3] - corner) @ normal)

    reached.terminal, reached.direction = True, 1
    begin = np.array([x, y, 0, px, py, ps])
    found = solve_ivp(slopes, (0, 2 * length), begin, events=reached, rtol=1e-12, atol=1e-14)
    place, p = found.y_events[0][0][:3], found.y_events[0][0][3:]
    outward = np.array([math.cos(angle), 0, math.sin(angle)])
    return np.array(
        [(place - corner) @ outward - radius, p @ outward, place[1], p[1], np.linalg.norm(p) - 1]
    )


def test_beside_equations_of_motion() -> None:
    """Off the axis and off momentum, with a loss of percents; slices converge quadratically."""
    start = np.array([4e-3, 2e-2, 3e-3, -1e-2, 0, 0.05])
    strength = 2e3 * 2 / 3 * ELECTRON.species.classical_radius * ELECTRON.gamma**3
    expected = by_equations_of_motion(start, 1.2, 0.25, strength)
    assert abs(expected[4] - 0.05) > 0.01
    errors = []
    for count in (8, 16):
        effect = Radiation(bend_slices=count, scale=2e3)
        end = delta_after(pj.SBend(1.2, 0.3, edges="none"), start, effect)[0, [0, 1, 2, 3, 5]]
        errors.append(np.abs(end - expected).max())
    assert errors[1] < 4e-6
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.1)


def test_it_is_undone_exactly() -> None:
    from pyjutrack.elements.inverse import track_inverse
    from pyjutrack.elements.placement import advance
    from pyjutrack.maps.state import State
    from pyjutrack.tracking.plan import motion_of, plan_of

    beam = bunch()
    state = State(beam.coordinates.unbind(-1), beam.alive)
    for mode in ("mean", "quantum"):
        effects = [Radiation(mode, scale=1e3)]
        for op in plan_of(CELL, effects).ops:
            element, part = motion_of(op, CELL, effects, turn=3, first=5)
            if element in CELL.elements:
                continue
            end = advance(element, state, ELECTRON, part)
            assert (end.coordinates[5] != state.coordinates[5]).any()
            back = track_inverse(element, end, ELECTRON, part)
            for old, new in zip(state.coordinates, back.coordinates, strict=True):
                torch.testing.assert_close(new, old, rtol=1e-13, atol=1e-15)


@BOTH
def test_gradients_by_the_lattice_in_every_mode(mode: str) -> None:
    knobs, effect = (
        ["b.angle", "b.e1", "qf.k1", "qd.dx", "s.k2"],
        Radiation(mode, scale=50, **STEPS),
    )
    weights = torch.linspace(-1, 1, 6, dtype=torch.float64) / bunch().coordinates.std(0)

    def objective(end: pj.Beam) -> torch.Tensor:
        return (end.coordinates * weights).sin().sum()

    def value(numbers: np.ndarray) -> float:
        lattice = CELL.with_values(dict(zip(knobs, numbers.tolist(), strict=True)))
        return float(objective(pj.track(lattice, bunch(), effects=[effect], turns=2)))

    at = np.array([CELL.value(k) for k in knobs])
    expected = []
    for place, step in enumerate([1e-6, 1e-5, 1e-5, 1e-7, 1e-2]):
        shift = np.zeros(5)
        shift[place] = step
        expected.append((value(at + shift) - value(at - shift)) / 2 / step)
    ways = [{"mode": "forward"}] + [
        {"mode": "reverse", "adjoint": a} for a in ("store", "checkpoint", "reversible")
    ]
    found = [
        pj.gradient(objective, CELL, bunch(), wrt=knobs, effects=[effect], turns=2, **way)
        for way in ways
    ]
    np.testing.assert_allclose(found[0], expected, rtol=1e-5)
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=1e-9)


def test_jacobians_beside_differences() -> None:
    effect = Radiation(scale=100, **STEPS)
    exact = pj.jacobian(CELL, bunch(), effects=[effect], at=np.full(6, 1e-4))
    for column, step in enumerate([1e-6] * 6):
        ends = []
        for sign in (1, -1):
            start = np.full(6, 1e-4)
            start[column] += sign * step
            beam = pj.Beam(ELECTRON, torch.as_tensor(start[None]))
            ends.append(pj.track(CELL, beam, effects=[effect]).numpy()[0])
        difference = (ends[0] - ends[1]) / 2 / step
        np.testing.assert_allclose(exact[:, column], difference, rtol=1e-5, atol=1e-6)


def test_photons_have_the_moments_of_their_spectrum() -> None:
    """N <u^2> = 55 / (24 sqrt(3)) r_e hbar c mc^2 gamma^7 / rho^3, N <u> the loss."""
    bend, count = pj.SBend(0.5, 0.1), 40_000
    drawn = delta_after(bend, np.zeros((count, 6)), Radiation("quantum", seed=7))[:, 5]
    mean = delta_after(bend, np.zeros(6), Radiation())[0, 5]
    # per radian: 55 / (24 sqrt(3)) alpha (hbar c)^2 gamma^7 / rho^2
    squares = 55 / (24 * math.sqrt(3)) / 137.035999 * (197.3269804e-9) ** 2
    variance = squares * ELECTRON.gamma**7 / 5.0**2 * 0.1 / 3e9**2
    assert drawn.mean() - mean == pytest.approx(0, abs=4 * math.sqrt(variance / count))
    assert drawn.var() == pytest.approx(variance, rel=4 * math.sqrt(2 / count))
    assert np.mean(((drawn - mean) / drawn.std()) ** 4) == pytest.approx(3, abs=0.15)


def test_photons_belong_to_seed_turn_place_and_number() -> None:
    lattice = pj.Lattice([pj.SBend(0.5, 0.1), pj.SBend(0.5, 0.1)])
    still = pj.Beam(ELECTRON, torch.zeros(8, 6, dtype=torch.float64))

    def noise(seed: int = 1, turns: int = 1, beam: pj.Beam = still) -> np.ndarray:
        effects = [Radiation("quantum", seed=seed)]
        quiet = pj.track(lattice, beam, effects=[Radiation()], turns=turns).numpy()[:, 5]
        return pj.track(lattice, beam, effects=effects, turns=turns).numpy()[:, 5] - quiet

    first = noise()
    np.testing.assert_array_equal(noise(), first)
    assert len(set(first)) == 8
    assert not np.isclose(noise(seed=2), first, rtol=1e-3).any()
    assert not np.isclose(noise(turns=2), 2 * first, rtol=1e-3).any()
    np.testing.assert_array_equal(noise(beam=pj.Beam(ELECTRON, still.coordinates[:3])), first[:3])
    state = torch.random.get_rng_state()
    noise()
    assert torch.equal(torch.random.get_rng_state(), state)


def test_ranks_share_one_stream() -> None:
    from pyjutrack.kernels.noise import key_of, normal

    whole = normal(key_of(1, 2, 3), 0, 20_001)
    for first in (1, 2, 7001, 7002):
        np.testing.assert_array_equal(normal(key_of(1, 2, 3), first, 9000), whole[first:][:9000])
    other = normal(key_of(1, 3, 2), 0, 20_001)
    assert abs(np.corrcoef(whole, other)[0, 1]) < 0.03
    assert abs(np.corrcoef(whole[1:], whole[:-1])[0, 1]) < 0.03
    from scipy.stats import kstest

    from pyjutrack.beam.communicator import Communicator
    from pyjutrack.tracking.loop import run
    from pyjutrack.tracking.plan import plan_of
    from pyjutrack.tracking.task import Task

    assert kstest(whole, "norm").pvalue > 1e-3
    effects = (Radiation("quantum", seed=2),)
    plan, rows = plan_of(CELL, effects), bunch(9).coordinates
    whole = pj.Beam(ELECTRON, rows)
    part = pj.Beam(ELECTRON, rows[4:], world=Communicator(rank=1, size=2, particles=9))
    together, alone = (run(Task(CELL, beam, effects, 2, plan)).state for beam in (whole, part))
    for all_of_them, some in zip(together.coordinates, alone.coordinates, strict=True):
        torch.testing.assert_close(some, all_of_them[4:], rtol=1e-12, atol=1e-18)


@pytest.mark.filterwarnings("ignore::pyjutrack.errors.LossWarning")
@pytest.mark.filterwarnings("ignore::pyjutrack.errors.ResolutionWarning")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_programs_draw_what_tensors_do(dtype: torch.dtype) -> None:
    """Over blocks, turns and losses; and with a kick of space charge between the programs."""
    rows = bunch(700).coordinates.clone()
    rows[300, 0] = 0.5
    cell = pj.Lattice([pj.Aperture(half_width=0.1, half_height=0.1), *CELL])
    kick = pj.SpaceCharge(pj.SpectralPoisson((0.05, 0.05), (24, 24)), max_step=0.3)
    for more in ([], [kick]):
        beam = pj.Beam(ELECTRON, rows.to(dtype), current=1e5 if more else 0.0)
        effects = [Radiation("quantum", seed=2, scale=50.0, **STEPS), *more]
        by_programs = pj.track(cell, beam, effects=effects, turns=3)
        plain = beam.replace(coordinates=beam.coordinates.clone().requires_grad_())
        by_tensors = pj.track(cell, plain, effects=effects, turns=3, adjoint="store")
        assert torch.equal(by_programs.alive, by_tensors.alive)
        assert int((~by_programs.alive).sum()) == 1
        bound = 450 * torch.finfo(dtype).eps
        scale = by_tensors.coordinates.detach()[by_tensors.alive].abs().amax(0)
        apart = (by_programs.coordinates - by_tensors.coordinates.detach()).abs() / scale
        assert float(apart[by_programs.alive].max()) < bound


def test_jacobians_meet_the_photons_of_the_particle() -> None:
    beam, effects = bunch(1), [Radiation("quantum", seed=2, scale=50.0, **STEPS)]
    at = beam.coordinates[0].numpy()
    exact = pj.jacobian(CELL, bunch(9), effects=effects, at=at, turns=2)
    for column, step in ((0, 1e-6), (3, 1e-6), (5, 1e-6)):
        ends = []
        for sign in (1, -1):
            shift = torch.zeros(6, dtype=torch.float64)
            shift[column] = sign * step
            moved = beam.replace(coordinates=beam.coordinates + shift)
            ends.append(pj.track(CELL, moved, effects=effects, turns=2).numpy()[0])
        difference = (ends[0] - ends[1]) / 2 / step
        np.testing.assert_allclose(exact[:, column], difference, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("element", [pj.Drift(1.0), pj.Solenoid(1.0, 0.1), pj.Quadrupole(0.2, 0.0)])
def test_what_has_no_field_does_not_radiate(element: pj.Element) -> None:
    assert Radiation().slices(element) == 0


def test_bad_arguments() -> None:
    with pytest.raises(pj.errors.UnknownNameError, match="mode of Radiation"):
        Radiation("classical")
    with pytest.raises(pj.errors.InvalidValueError, match="scale must be finite and not negative"):
        Radiation(scale=-1.0)
    with pytest.raises(pj.errors.InvalidValueError, match="over no length, and radiates by it"):
        Radiation().slices(pj.ThinBend(0.1))


def test_photons_of_a_call_that_goes_on() -> None:
    """Turns count from 0 in each: one seed twice adds the same photons, as the page says."""
    ring = pj.Lattice([pj.SBend(1.0, 0.1)])
    beam = pj.Beam(ELECTRON, torch.zeros(10_000, 6, dtype=torch.float64))
    first = pj.track(ring, beam, effects=[Radiation("quantum", seed=1)])
    spread = [
        float(
            pj.track(ring, first, effects=[Radiation("quantum", seed=seed)])
            .coordinate("delta")
            .std()
        )
        for seed in (1, 2)
    ]
    once = float(first.coordinate("delta").std())
    assert spread[0] == pytest.approx(2 * once, rel=0.02)
    assert spread[1] == pytest.approx(math.sqrt(2) * once, rel=0.03)

"""Synchrotron radiation in tracking against closed forms, ODEs and itself backward."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from claims import claim, share
from radiation_cases import CELL, ELECTRON, STEPS, bunch, delta_after

import pyjutrack as pj
from pyjutrack import testing
from pyjutrack.collective import Radiation

BOTH = pytest.mark.parametrize("mode", ["mean", "quantum"])


@BOTH
def test_it_keeps_the_promises_of_effects(mode: str) -> None:
    effect = Radiation(mode, seed=3, scale=20.0, **STEPS)
    testing.check_effect(effect, bunch(), CELL, knobs=["scale"])


def test_the_loss_on_the_axis_is_that_of_the_textbook() -> None:
    """Sands: C_gamma = 8.846e-5 m / GeV^3, of which a bend has C E^4 angle / (2 pi rho)."""
    end = delta_after(pj.SBend(2.0, 1e-3), np.zeros(6), Radiation())
    loss = 8.84627e-5 * 3**4 * 1e9 * 1e-3 / (2 * math.pi) / (2.0 / 1e-3)
    error = share(-end[0, 5] * ELECTRON.p0c, loss)
    claim("Synchrotron radiation", "loss in a bend, of it", "Sands", error, 2e-6)
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
    text = "a bend off axis with losses of percents: coordinates [m, 1]"
    claim("Synchrotron radiation", text, "equations of motion", errors[1], 4e-6)
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

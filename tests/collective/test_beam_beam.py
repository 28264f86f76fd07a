"""Weak-strong beam-beam against closed forms, the Lorentz force in the laboratory, and itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.constants import e, epsilon_0
from scipy.special import wofz

import pyjutrack as pj
from pyjutrack.collective import BeamBeam, BeamBeam2D, bassetti_erskine
from pyjutrack.collective.beam_beam.slices import SLICINGS, cut
from pyjutrack.elements.inverse import apply_inverse
from pyjutrack.maps.state import State
from pyjutrack.testing import check_effect

POSITRON = pj.Reference.from_total("positron", 45e9)
IP = pj.Lattice([pj.Marker(name="ip")])
LINE = pj.Lattice([pj.Drift(0.1), pj.Marker(name="ip"), pj.Drift(0.1)])
CHARGE = -1e11 * e
SIZES = {"sigma_x": 1e-5, "sigma_y": 5e-6}
SHORT = BeamBeam2D("ip", CHARGE, **SIZES, x=2e-6, y=1e-6, correlation=0.3)
LONG = BeamBeam(
    "ip", CHARGE, **SIZES, sigma_z=1e-2, sigma_px=1e-3, sigma_py=5e-4, x=2e-6, y=1e-6,
    slope_x=1e-4, slope_y=-1e-4, angle=2e-3, plane=0.3, count=15,
    correlations=(0.1, 0.2, 0.1, 0.1, -0.1, 0.2),
)  # fmt: skip
BOTH = pytest.mark.parametrize("effect", [SHORT, LONG], ids=["2D", "6D"])
#: of the reference and one charge e, [m]
STRENGTH = e / (2 * math.pi * epsilon_0 * float(POSITRON.p0c))


def bunch(count: int = 60) -> pj.Beam:
    draw = np.random.default_rng(0).normal(size=(count, 6))
    return pj.Beam(POSITRON, draw * [1e-5, 1e-4, 5e-6, 1e-4, 1e-2, 1e-3], charge=1e-9)


def kicks(effect: pj.CollectiveEffect, rows: Any, reference: pj.Reference = POSITRON) -> Any:
    """What an effect adds to coordinates."""
    beam = pj.Beam(reference, torch.as_tensor(np.atleast_2d(rows), dtype=torch.float64))
    return pj.track(IP, beam, effects=[effect]).numpy() - beam.numpy()


def places(x: Any, y: Any) -> NDArray[np.float64]:
    rows = np.zeros((np.broadcast(x, y).size, 6))
    rows[:, 0], rows[:, 2] = x, y
    return rows


@BOTH
def test_it_keeps_the_promises_of_effects(effect: pj.CollectiveEffect) -> None:
    names = ["charge", "sigma_x", "sigma_y", "x", "y"]
    more = ["sigma_z", "sigma_px", "sigma_py", "slope_x", "slope_y", "angle", "plane"]
    names += more if effect is LONG else ["correlation"]
    check_effect(effect, bunch(), LINE, knobs=names)


@pytest.mark.parametrize("knob", ["angle", "sigma_px", "x"])
def test_slopes_at_zero(knob: str) -> None:
    """A head-on beam of one size has no boost and no growth, and slopes by them all the same."""
    head_on = {"angle": 0.0, "sigma_px": 0.0, "x": 0.0, "count": 3}
    shape = {**SIZES, "sigma_z": 1e-2, "plane": 0.3, "slope_y": 1e-4}

    def figure(beam: pj.Beam) -> Any:
        return (beam.coordinates[:, [1, 3, 5]] * torch.linspace(1, 2, 3, dtype=torch.float64)).sum()

    def value(size: float) -> float:
        effect = BeamBeam("ip", CHARGE, **{**shape, **head_on, knob: size})
        return float(figure(pj.track(IP, bunch(), effects=[effect])))

    effect = BeamBeam("ip", CHARGE, **shape, **head_on)
    for mode in ("forward", "reverse"):
        (found,) = pj.gradient(
            figure, IP, bunch(), wrt=[f"effects[0].{knob}"], effects=[effect], mode=mode
        )
        step = {"angle": 1e-5, "sigma_px": 1e-4, "x": 1e-8}[knob]
        if knob == "sigma_px":  # even in it
            assert found == pytest.approx(0, abs=1e-12 * abs(value(step) - value(0.0)) / step)
        else:
            far, near = ((value(s) - value(-s)) / (2 * s) for s in (step, step / 2))
            assert found == pytest.approx((4 * near - far) / 3, rel=1e-6)


@pytest.mark.parametrize("ratio", [0.01, 0.3, 0.9])
@pytest.mark.parametrize("upright", [False, True])
def test_kicks_are_those_of_the_published_formula(ratio: float, upright: bool) -> None:
    """M. Bassetti, G. Erskine."""
    long, short = 1e-5, ratio * 1e-5
    draw = np.random.default_rng(1).normal(size=(2, 300)) * 3
    u, v = draw[0] * long, draw[1] * short
    root = math.sqrt(2 * (long**2 - short**2))
    a, b = np.abs(u), np.abs(v)
    decay = np.exp(-(a**2) / (2 * long**2) - b**2 / (2 * short**2))
    inner = wofz((a * short / long + 1j * b * long / short) / root)
    field = math.sqrt(math.pi) / root * (wofz((a + 1j * b) / root) - decay * inner)
    expected = np.array([field.imag * np.sign(u), field.real * np.sign(v)]) * STRENGTH * 1e10
    sizes = (short, long) if upright else (long, short)
    rows = places(v, u) if upright else places(u, v)
    found = kicks(BeamBeam2D("ip", 1e10 * e, *sizes), rows)[:, [3, 1] if upright else [1, 3]]
    np.testing.assert_allclose(found.T, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())


def test_kicks_of_a_beam_that_is_turned() -> None:
    """By an angle, as sizes and correlation say it."""
    turn = 0.7
    cosine, sine = math.cos(turn), math.sin(turn)
    rotation = np.array([[cosine, -sine], [sine, cosine]])
    moments = rotation @ np.diag([1e-10, 4e-12]) @ rotation.T
    sizes = np.sqrt(np.diag(moments))
    effect = BeamBeam2D("ip", CHARGE, *map(float, sizes), correlation=moments[0, 1] / sizes.prod())
    own = np.random.default_rng(3).normal(size=(200, 2)) * [2e-5, 4e-6]
    straight = kicks(BeamBeam2D("ip", CHARGE, 1e-5, 2e-6), places(*own.T))[:, [1, 3]]
    found = kicks(effect, places(*(own @ rotation.T).T))[:, [1, 3]]
    np.testing.assert_allclose(found, straight @ rotation.T, atol=1e-11 * np.abs(found).max())


@pytest.mark.parametrize("split", [0.0, 1e-12, 1e-9, 1e-6, 1e-3, -1e-6])
def test_a_round_beam_is_the_limit(split: float) -> None:
    """Values and Jacobians; to first order in the split they are those of the mean size."""
    size = 1e-5
    r = np.array([0.0, 1e-9, 1e-3, 0.3, 1.0, 1.41, 1.42, 3.0, 8.0, 50.0]) * size
    x, y = 0.8 * r, 0.6 * r
    effect = BeamBeam2D("ip", CHARGE, size * (1 + split), size)
    strength = STRENGTH * CHARGE / e
    u = r**2 / (2 * size**2)
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = np.where(u > 0, -np.expm1(-u) / (2 * u), 0.5) / size**2 * strength
    found = kicks(effect, places(x, y))
    bound = 2 * abs(split) + 1e-12
    np.testing.assert_allclose(found[:, 1], slope * x, rtol=bound, atol=1e-18)
    np.testing.assert_allclose(found[:, 3], slope * y, rtol=bound, atol=1e-18)
    beam = pj.Beam(POSITRON, torch.zeros(1, 6, dtype=torch.float64))
    for n in range(len(r)):
        jacobian = np.asarray(pj.jacobian(IP, beam, effects=[effect], at=places(x, y)[n]))
        scale = abs(strength) / size**2
        # the sum is the density, whatever the shape
        density = strength * math.exp(-u[n]) / size**2
        total = jacobian[1, 0] + jacobian[3, 2]
        assert total == pytest.approx(density, rel=30 * bound, abs=1e-12 * scale)
        across = slope[n] * 2 - density
        skew = 2 * 0.8 * 0.6 * (density - 2 * slope[n]) / 2
        assert jacobian[1, 2] == pytest.approx(skew, abs=10 * bound * scale)
        difference = jacobian[1, 0] - jacobian[3, 2]
        assert difference == pytest.approx(-across * (0.64 - 0.36), abs=10 * bound * scale)


@pytest.mark.parametrize("ratio", [1e-3, 0.5, 1.0])
def test_far_away_it_is_a_line_of_charge(ratio: float) -> None:
    effect = BeamBeam2D("ip", CHARGE, 1e-5, ratio * 1e-5)
    found = kicks(effect, places([3.0, 0.0], [4.0, 1.0]))[:, [1, 3]]
    expected = STRENGTH * CHARGE / e * np.array([[3 / 25, 4 / 25], [0, 1]])
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_signs_and_velocities() -> None:
    """Like charges repel; magnetic and electric forces add up for beams that meet."""
    proton = pj.Reference.from_kinetic("proton", 1e8)
    beta, row = float(proton.beta), places(1e-3, 0.0)
    static = kicks(BeamBeam2D("ip", 1e-9, 1e-4, 1e-4, beta=0.0), row, proton)[0, 1]
    # a line of charge at rest: its field over the time that it takes to pass
    field = 1e-9 / (2 * math.pi * epsilon_0) / 1e-3
    assert static == pytest.approx(field / (beta * float(proton.p0c)), rel=1e-8)
    for other in (0.3, 1.0):
        moving = kicks(BeamBeam2D("ip", 1e-9, 1e-4, 1e-4, beta=other), row, proton)[0, 1]
        assert moving / static == pytest.approx(beta * (1 + beta * other) / (beta + other))
    antiproton = pj.Reference.from_kinetic("antiproton", 1e8)
    assert kicks(BeamBeam2D("ip", 1e-9, 1e-4, 1e-4), row, antiproton)[0, 1] < 0


def test_a_short_head_on_bunch_is_the_thin_one() -> None:
    rows = bunch().numpy() * [1, 0, 1, 0, 1e-6, 1]
    thin = kicks(BeamBeam2D("ip", CHARGE, **SIZES, x=2e-6), rows)
    for slicing in SLICINGS:
        found = kicks(
            BeamBeam("ip", CHARGE, **SIZES, sigma_z=1e-9, x=2e-6, count=4, slicing=slicing), rows
        )
        np.testing.assert_allclose(found[:, [1, 3]], thin[:, [1, 3]], rtol=1e-6, atol=1e-11)


def lorentz_force(row: Any, angle: float, plane: float, sizes: Any, length: float) -> Any:
    """What a particle gains from the Lorentz force of a bunch, in the laboratory, per strength.

    Both are at the velocity of light and go straight on; the field of the bunch is across its
    motion, E = -grad H times the line density, and B = u x E / c.
    """
    x, px, y, py, z, delta = row
    cosine, sine = math.cos(angle), math.sin(angle)
    along = np.array([math.cos(plane), math.sin(plane)])
    aside = np.array([-along[1], along[0]])

    def axes(sign: float) -> tuple[Any, Any, Any]:
        """Motion, x and y of a beam that goes to s or back, in the plane, beside it, and s."""
        u = np.array([sine, 0.0, sign * cosine])
        inside, outside = np.array([cosine, 0.0, -sign * sine]), np.array([0.0, 1.0, 0.0])
        first, second = (along[i] * inside + aside[i] * outside for i in (0, 1))
        return u, first, second

    u1, x1, y1 = axes(1.0)
    u2, x2, y2 = axes(-1.0)
    p = px * x1 + py * y1 + math.sqrt((1 + delta) ** 2 - px**2 - py**2) * u1
    u = p / (1 + delta)
    start = x * x1 + y * y1  # at c t = -z
    closing = 1 - u @ u2
    middle = (start @ u2 + u @ u2 * z) / closing
    time, step = np.linspace(middle - 10 * length, middle + 10 * length, 4001, retstep=True)
    at = start + u * (time + z)[:, None]
    place = at @ u2 - time
    density = np.exp(-0.5 * (place / length) ** 2) / (math.sqrt(2 * math.pi) * length)
    slopes = bassetti_erskine(torch.tensor(at @ x2), torch.tensor(at @ y2), *sizes)
    field = -density[:, None] * (np.outer(slopes[0], x2) + np.outer(slopes[1], y2))
    gain = (field * closing + np.outer(field @ u, u2)).sum(0) * step
    return np.array([gain @ x1, gain @ y1, gain @ u])


@pytest.mark.parametrize(
    ("angle", "plane"), [(0.0, 0.0), (0.3, 0.0), (0.3, math.pi / 2), (0.2, 0.7)]
)
def test_crossing_beams_beside_the_lorentz_force(angle: float, plane: float) -> None:
    """Momenta and energy, to first order in the charge and second in slopes."""
    sizes, length = (1e-4, 5e-5), 4e-4
    rows = np.random.default_rng(1).normal(size=(8, 6)) * [1e-4, 1e-5, 1e-4, 1e-5, 4e-4, 1e-3]
    effect = BeamBeam("ip", 1e-12, *sizes, length, angle=angle, plane=plane, count=80)
    found = kicks(effect, rows)[:, [1, 3, 5]]
    expected = [lorentz_force(row, angle, plane, sizes, length) for row in rows]
    expected = STRENGTH * 1e-12 / e * np.array(expected)
    size = np.abs(expected[:, :2]).max()
    assert np.abs(found - expected).max() < 3e-5 * size
    if angle:  # and no cosine is missing
        assert 1 - math.cos(angle) > 600 * 3e-5


def test_the_tune_shift() -> None:
    """xi = N r beta / (2 pi gamma sigma (sigma_x + sigma_y)), of particles near the axis."""
    tune, beta = {"x": 0.31, "y": 0.17}, {"x": 0.15, "y": 0.02}
    turn = np.eye(6)
    for i, u in enumerate("xy"):
        cosine, sine = math.cos(2 * math.pi * tune[u]), math.sin(2 * math.pi * tune[u])
        block = [[cosine, sine * beta[u]], [-sine / beta[u], cosine]]
        turn[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = block
    ring = pj.Lattice([pj.Marker(name="ip"), pj.TaylorMap(turn)])
    effect = BeamBeam2D("ip", -3e8 * e, **SIZES)
    start = pj.Beam(POSITRON, places([1e-8, 0], [0, 1e-8]))
    orbits = pj.track(ring, start, effects=[effect], turns=1)
    assert orbits.alive.all()
    matrix = np.asarray(pj.jacobian(ring, start, effects=[effect], at=np.zeros(6)))
    radius = POSITRON.species.classical_radius
    for i, u in enumerate("xy"):
        size = SIZES[f"sigma_{u}"]
        shift = 3e8 * radius * beta[u] / (2 * math.pi * POSITRON.gamma * size * sum(SIZES.values()))
        block = matrix[2 * i : 2 * i + 2, 2 * i : 2 * i + 2]
        found = math.acos(np.trace(block) / 2) / (2 * math.pi) - tune[u]
        assert found == pytest.approx(shift, rel=0.01)
        assert 1e-4 < found < 1e-2


def test_the_map_is_symplectic() -> None:
    s = np.kron(np.eye(3), [[0.0, 1.0], [-1.0, 0.0]])
    strong = LONG.__class__(**{**vars(LONG), "angle": 0.1, "sigma_z": 2e-4, "charge": 20 * CHARGE})
    for row in bunch().numpy()[:5]:
        matrix = np.asarray(pj.jacobian(IP, bunch(), effects=[strong], at=row))
        assert np.abs(matrix - np.eye(6)).max() > 0.1
        size = np.abs(matrix).max() ** 2
        assert np.abs(matrix.T @ s @ matrix - s).max() < 1e-14 * size
        assert np.abs(matrix.T @ s @ matrix - s).max() < 1e-10


@BOTH
def test_it_is_undone_exactly(effect: Any) -> None:
    beam = bunch()
    state = State(beam.coordinates.unbind(-1), beam.alive)
    place = pj.collective.Place(IP.elements[0], 0, 0.0, 0.0, 1.0, 0)
    end = effect.apply(state, effect.field(beam, state, place), place)
    back = apply_inverse(effect.maps(POSITRON), end)
    assert float((end.coordinates[1] - state.coordinates[1]).abs().max()) > 1e-5
    for old, new in zip(state.coordinates, back.coordinates, strict=True):
        torch.testing.assert_close(new, old, rtol=1e-12, atol=1e-17)


@pytest.mark.parametrize("slicing", SLICINGS)
@pytest.mark.parametrize("count", [1, 2, 7, 20])
def test_slices_have_the_moments_of_the_bunch(slicing: str, count: int) -> None:
    z, shares = cut(slicing, count)
    assert len(z) == len(shares) == count
    assert (np.diff(z) < 0).all()
    assert shares.sum() == pytest.approx(1)
    assert (shares * z).sum() == pytest.approx(0, abs=1e-12)
    if slicing == "charge":
        np.testing.assert_allclose(shares, 1 / count)
    if slicing == "gauss" and count > 1:
        assert (shares * z**2).sum() == pytest.approx(1)
    if slicing == "even" and count > 4:
        assert (shares * z**2).sum() == pytest.approx(1, rel=1e-3)


@pytest.mark.filterwarnings("ignore:slices of the bunch:pyjutrack.errors.ResolutionWarning")
def test_slicings_converge() -> None:
    """An hourglass with a waist as long as the bunch, at angles of Piwinski of 1 and 5."""
    shape = {**SIZES, "sigma_z": 1e-2, "sigma_px": 1e-3, "sigma_py": 5e-4}
    rows = bunch(100).numpy()

    def made(slicing: str, count: int, angle: float) -> Any:
        effect = BeamBeam(
            "ip", CHARGE / 10, **shape, slicing=slicing, count=count, angle=angle
        )  # fmt: skip
        return kicks(effect, rows)[:, [1, 3]]

    for angle, count, goal in ((1e-3, 15, 1e-3), (5e-3, 50, 1e-3)):
        exact = made("even", 400, angle)
        errors = {s: np.abs(made(s, count, angle) - exact).max() / exact.std() for s in SLICINGS}
        assert errors["even"] < goal
        assert errors["even"] < min(errors["gauss"], errors["charge"])
        # and they tend to one limit
        for slicing in ("gauss", "charge"):
            finer = np.abs(made(slicing, 4 * count, angle) - exact).max() / exact.std()
            assert finer < errors[slicing] / 3


def test_slices_too_far_apart() -> None:
    from pyjutrack.errors import ResolutionWarning

    flat = {**SIZES, "sigma_z": 1e-2, "count": 15}
    with pytest.warns(ResolutionWarning, match=r"are 9 of its rms sizes apart.* count=135 or more"):
        kicks(BeamBeam("ip", CHARGE, **flat, angle=math.atan(15e-3)), bunch().numpy())
    with pytest.warns(ResolutionWarning, match=r"are 3 of its rms sizes apart"):
        kicks(BeamBeam("ip", CHARGE, **flat, sigma_py=5e-3), bunch().numpy())
    # one slice has all of the bunch in it: at P = 0.64 its kicks are wrong by 0.4 of the rms one
    one = {**SIZES, "sigma_z": 1e-2, "count": 1}
    angle = math.atan(0.64 * SIZES["sigma_x"] / 1e-2)
    with pytest.warns(ResolutionWarning, match=r"are 2\.3 of its rms sizes apart.* count=6 or"):
        kicks(BeamBeam("ip", CHARGE, **one, angle=angle), bunch().numpy())


def test_what_cannot_be() -> None:
    from pyjutrack.errors import InvalidValueError, UnknownNameError

    with pytest.raises(InvalidValueError, match=r"sigma_y must be a finite number above 0"):
        BeamBeam2D("ip", 1e-9, 1e-3, 0.0)
    with pytest.raises(InvalidValueError, match=r"correlation must be between -1 and 1"):
        BeamBeam2D("ip", 1e-9, 1e-3, 1e-3, correlation=1.0)
    with pytest.raises(InvalidValueError, match=r"beta must be a velocity over c"):
        BeamBeam2D("ip", 1e-9, 1e-3, 1e-3, beta=1.1)
    for correlations in ((0.9, 0.9, 0, -0.9, 0, 0), (0, 1.0, 0, 0, 0, 0)):
        with pytest.raises(InvalidValueError, match=r"no beam has the correlations"):
            BeamBeam("ip", 1e-9, 1e-3, 1e-3, 0.1, correlations=correlations)
    with pytest.raises(InvalidValueError, match=r"sigma_py must be 0 or more"):
        BeamBeam("ip", 1e-9, 1e-3, 1e-3, 0.1, sigma_py=-1e-3)
    with pytest.raises(InvalidValueError, match=r"angle must be half of the angle"):
        BeamBeam("ip", 1e-9, 1e-3, 1e-3, 0.1, angle=1.6)
    with pytest.raises(UnknownNameError, match=r"slicing"):
        BeamBeam("ip", 1e-9, 1e-3, 1e-3, 0.1, slicing="equal")
    with pytest.raises(UnknownNameError, match=r"element for BeamBeam2D .*ipp"):
        pj.track(IP, bunch(), effects=[BeamBeam2D("ipp", 1e-9, 1e-3, 1e-3)])
    slow = pj.Beam(pj.Reference.from_kinetic("proton", 1e9), bunch().coordinates)
    with pytest.raises(InvalidValueError, match=r"right to 1/gamma\^2, which is 0\.23 here"):
        pj.track(IP, slow, effects=[BeamBeam("ip", 1e-9, 1e-3, 1e-3, 0.1)])

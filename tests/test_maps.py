"""One battery for the maps of every element: what must hold of each, whatever its kind."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from claims import claim, off
from element_battery import CASES, ONE_WAY
from element_cases import PLACED, PROTON, SYMPLECTIC, Case, by_equations_of_motion, move, points
from torch import Tensor

import pyjutrack as pj
from pyjutrack.elements import kinds
from pyjutrack.elements.part import Part

every_case = pytest.mark.parametrize("case", CASES + ONE_WAY, ids=lambda c: c.label)
there_and_back = pytest.mark.parametrize("case", CASES, ids=lambda c: c.label)
divisible = pytest.mark.parametrize(
    "case", [c for c in CASES if c.divisible], ids=lambda c: c.label
)
solvable = pytest.mark.parametrize(
    "case", [c for c in CASES if c.hamiltonian is not None], ids=lambda c: c.label
)


#: of the package, beside those that other tests define; a placeholder moves nothing
OURS = {
    kind
    for kind in kinds().values()
    if kind.__module__.startswith("pyjutrack.elements") and kind.is_modelled
}


def test_every_kind_of_element_is_in_the_battery() -> None:
    assert {c.kind for c in CASES} == OURS


def test_every_parameter_is_in_the_battery() -> None:
    """Each is differentiated in some case; series entry by entry."""
    for kind in OURS:
        cases = [c for c in CASES + ONE_WAY if c.kind is kind]
        tested = {
            series if (series := name.rstrip("0123456789")) in kind.series else name
            for c in cases
            for name in c.parameters
        }
        placed = set(kind.placement) if kind is not pj.Drift else set(PLACED)
        assert tested >= {*kind.knobs, *placed}, kind.__name__


def test_every_model_is_in_the_battery() -> None:
    for kind in OURS:
        for option, models in kind.choices.items():
            cases = [c for c in CASES + ONE_WAY if c.kind is kind]
            tested = {getattr(c.element(), option) for c in cases}
            assert tested == set(models), f"{kind.__name__}.{option}"


def jacobians(case: Case, c: Tensor, by: Callable[..., Any] = torch.func.jacfwd) -> Tensor:
    """Of all points at once, (N, 6, 6), by a shift that they share: none sees another."""
    return by(lambda shift: case.push(c + shift))(torch.zeros(6, dtype=torch.float64))


@every_case
def test_symplectic(case: Case) -> None:
    if not case.element().is_symplectic:
        assert case.kind is pj.TaylorMap  # a series that is cut off, or no matrix of a Hamiltonian
        return
    for jacobian in jacobians(case, points(6)):
        error = (jacobian.mT @ SYMPLECTIC @ jacobian - SYMPLECTIC).abs().max()
        size = max(1.0, float(jacobian.abs().max())) ** 2
        text = "every kind and model is symplectic: M^T S M - S, of the square of M's largest entry"
        claim("Structure", text, "the symplectic form", error / size, 2e-14)


@every_case
def test_forward_and_reverse_jacobians_agree(case: Case) -> None:
    c = points(3)
    forward, reverse = jacobians(case, c), jacobians(case, c, torch.func.jacrev)
    torch.testing.assert_close(reverse, forward, rtol=1e-13, atol=1e-15)


@there_and_back
def test_reversal(case: Case) -> None:
    """Mirrored in time, the way out through the mirrored element is the way in."""
    mirror = torch.tensor([1.0, -1.0, 1.0, -1.0, -1.0, 1.0], dtype=torch.float64)
    c = points(20)
    back = move(case.mirror(), case.push(c) * mirror) * mirror
    torch.testing.assert_close(
        back, c, rtol=0, atol=case.reversed_to * max(1.0, float(case.push(c).abs().max()))
    )


@every_case
def test_gradients(case: Case) -> None:
    """By coordinates and by every parameter, forward and reverse, against central differences.

    By all parameters at once, in a direction at random; tests/battery asks one by one.
    """
    leaves = torch.tensor(case.values, dtype=torch.float64, requires_grad=True)
    start = points(3, seed=4).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda c, values: case.push(c, *values.unbind()),
        (start, leaves) if len(leaves) else (start, torch.zeros(0)),
        eps=1e-6,
        atol=1e-8,
        rtol=1e-6,
        check_forward_ad=True,
        fast_mode=True,
    )


@solvable
def test_solves_hamiltons_equations(case: Case) -> None:
    assert case.hamiltonian is not None
    length = case.parameters["length"]
    rest = {k: v for k, v in case.parameters.items() if k not in ("length", *PLACED)}
    for c in points(4, seed=2):
        expected = by_equations_of_motion(case.hamiltonian, c, length, **rest)
        scale = max(1e-2, length * 1e-2)
        error = off(case.push(c), expected) / scale
        text = f"{case.kind.__name__}: Hamilton's equations, in units of 1 cm or 1 % of its length"
        claim("Structure", text, "SciPy's solver of them", error, case.solved_to)


@every_case
def test_a_batch_is_a_loop(case: Case) -> None:
    c = points(300)  # more than one block of the compiled kernels
    together, some = case.push(c), [0, 1, 255, 256, 299]
    alone = torch.stack([case.push(c[n]) for n in some])
    torch.testing.assert_close(together[some], alone, rtol=1e-14, atol=5e-16)
    text = "every kind: particles in blocks and alone [m, 1]"
    claim("Structure", text, "one particle after another", off(together[some], alone), 1e-14)


@every_case
def test_leading_batch_dimensions(case: Case) -> None:
    c = points(24)
    torch.testing.assert_close(
        case.push(c.reshape(2, 3, 4, 6)).reshape(24, 6), case.push(c), rtol=1e-14, atol=5e-16
    )


@every_case
def test_single_precision_is_near(case: Case) -> None:
    c = points(50)
    single = case.push(c.float())
    assert single.dtype == torch.float32
    scale = case.push(c).abs().amax(0).clamp(min=1e-2)
    assert ((single.double() - case.push(c)).abs() / scale).max() < 1e-5


@every_case
def test_lost_particles_stay(case: Case) -> None:
    c = points(6)
    c[1], c[3, 2], c[4, 1] = math.nan, math.inf, 2.0  # px > 1 + delta has no square root
    alive = [True, False, True, False, False, True]
    out = move(case.element(), c, alive=alive)
    np.testing.assert_array_equal(out[[1, 3, 4]], c[[1, 3, 4]])
    torch.testing.assert_close(out[[0, 2, 5]], case.push(c[[0, 2, 5]]), rtol=1e-14, atol=5e-16)


@every_case
@pytest.mark.parametrize("value", [1e-3, math.nan, math.inf])
def test_gradients_by_parameters_do_not_see_the_lost(case: Case, value: float) -> None:
    leaves = [torch.tensor(p, dtype=torch.float64, requires_grad=True) for p in case.values]
    if not leaves:
        return
    kept = points(4, seed=9)
    holed = torch.cat([kept, torch.full((1, 6), value, dtype=torch.float64)])
    weights = torch.linspace(1, 2, 24, dtype=torch.float64).reshape(4, 6)
    out = move(case.element(*leaves), holed, alive=[True] * 4 + [False])
    # a length may be one along s alone
    unused = {"allow_unused": True, "materialize_grads": True}
    found = torch.autograd.grad((out[:4] * weights).sum(), leaves, **unused)
    expected = torch.autograd.grad((case.push(kept, *leaves) * weights).sum(), leaves, **unused)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-15)


@divisible
@pytest.mark.parametrize("count", [2, 7])
def test_slices_compose_to_the_whole(case: Case, count: int) -> None:
    c = out = points(20)
    element = case.element()
    whole = element
    if hasattr(element, "steps"):  # counts per slice
        whole = dataclasses.replace(element, steps=2 * count)
        element = dataclasses.replace(element, steps=2)
    places = [n / count for n in range(count)] + [1.0]
    for part in itertools.starmap(Part, itertools.pairwise(places)):
        out = move(element, out, part)
    scale = max(1.0, float(out.abs().max()))
    torch.testing.assert_close(out, move(whole, c), rtol=0, atol=1e-14 * scale)


def test_time_of_flight_through_a_drift() -> None:
    """z = -beta c (t - t0) from velocities and lengths alone."""
    x, px, y, py, z, delta = points(50).numpy().T
    length, m = 3.0, 1 / PROTON.beta_gamma  # units of P0 c
    total = 1 + delta
    speed = total / np.sqrt(total**2 + m**2)  # in c
    speed0 = 1 / math.sqrt(1 + m**2)
    along = np.sqrt(total**2 - px**2 - py**2) / total
    ct = -z / speed + length / (along * speed) - length / speed0
    expected = [x + length * px / along / total, y + length * py / along / total, -speed * ct]
    out = move(pj.Drift(length), points(50)).numpy()
    np.testing.assert_allclose(out[:, [0, 2, 4]].T, expected, rtol=0, atol=3e-15)
    np.testing.assert_array_equal(out[:, [1, 3, 5]], points(50).numpy()[:, [1, 3, 5]])


def test_slip_keeps_its_digits_at_tiny_momentum_deviations() -> None:
    delta = 1e-12
    c = torch.tensor([0, 0, 0, 0, 0, delta], dtype=torch.float64)
    z = float(move(pj.Drift(1.0), c)[4])
    assert z == pytest.approx(delta / PROTON.gamma**2, rel=1e-11)


def test_integrator_is_of_fourth_order() -> None:
    start, length, k1 = points(2, seed=1)[0], 1.0, 4.0
    case = next(c for c in CASES if c.label == "integrator")
    assert case.hamiltonian is not None
    exact = by_equations_of_motion(case.hamiltonian, start, length, k1=k1)
    errors = []
    for steps in (4, 8, 16, 64):
        quadrupole = pj.Quadrupole(length, k1, model="exact", steps=steps)
        errors.append(np.abs(move(quadrupole, start).numpy() - exact)[:5].max())
    orders = np.log2([errors[0] / errors[1], errors[1] / errors[2], errors[2] / errors[3]])
    assert orders == pytest.approx([4.0, 4.0, 8.0], abs=0.2)


def test_multipole_is_the_complex_power_series() -> None:
    knl, ksl = (2e-3, 0.6, -20.0, 900.0, 5e4), (-1e-3, 0.4, 15.0)
    c = points(50).numpy()
    w = c[:, 0] + 1j * c[:, 2]
    field = sum(k * w**n / math.factorial(n) for n, k in enumerate(knl))
    field = field + sum(1j * k * w**n / math.factorial(n) for n, k in enumerate(ksl))
    c[:, 1] -= field.real
    c[:, 3] += field.imag
    out = move(pj.Multipole(knl=knl, ksl=ksl), points(50))
    np.testing.assert_allclose(out, c, rtol=0, atol=1e-16)


def test_thin_quadrupole_limit() -> None:
    """A thick lens shrinks to the thin one at fixed k1 L; both have the sign of MAD."""
    c = points(10)
    c[:, 5] = 0.0
    thick = move(pj.Quadrupole(1e-9, 0.5e9), c)
    torch.testing.assert_close(thick, move(pj.Multipole(knl=(0.0, 0.5)), c), rtol=0, atol=1e-10)


def x_by_strength(k1: Tensor) -> Tensor:
    return move(pj.Quadrupole(0.3, k1), torch.full((6,), 5e-3, dtype=torch.float64))[0]


@pytest.mark.parametrize("k1", [0.0, 1e-300, 1e-12, -1e-12, 1e-6, -1e-6])
def test_quadrupole_is_smooth_through_zero_strength(k1: float) -> None:
    """Value, first and second derivative by k1, against the power series."""
    at, length, total = 5e-3, 0.3, 1 + 5e-3
    k, slope = k1 / total, at / total
    cosine = [1 - k * length**2 / 2, -(length**2) / 2 + k * length**4 / 12, length**4 / 12]
    sine = [length - k * length**3 / 6, -(length**3) / 6 + k * length**5 / 60, length**5 / 60]
    point = torch.tensor(k1, dtype=torch.float64)
    first = torch.func.jacfwd(x_by_strength)
    for order, function in enumerate((x_by_strength, first, torch.func.jacrev(first))):
        expected = (at * cosine[order] + slope * sine[order]) / total**order
        assert float(function(point)) == pytest.approx(expected, rel=1e-6 if order == 2 else 1e-12)

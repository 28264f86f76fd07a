"""Kicks by learned potentials: their slopes, their weights as knobs, in all modes."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from element_cases import SYMPLECTIC
from torch import Tensor

import pyjutrack as pj
from pyjutrack.elements.potentials import Form, Perceptron, Spline, form_from_record, record_of

FORMS: list[Form] = [
    Spline((0.04, 0.03), (9, 10), unit=1e-5),
    Perceptron((6, 5), (0.01, 0.02), unit=1e-5),
    Perceptron((7,), (0.01, 0.02, 0.05), unit=1e-5),
]
ELECTRON = pj.Reference.from_kinetic("electron", 1e9)
PROTON = pj.Reference.from_kinetic("proton", 1e9)
every_form = pytest.mark.parametrize("form", FORMS, ids=lambda f: f"{type(f).__name__}-{f.count}")


def some(form: Form, seed: int = 1) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return form.start() + torch.randn(form.count, generator=draw, dtype=torch.float64)


def places(count: int = 40) -> Tensor:
    draw = torch.Generator().manual_seed(2)
    size = torch.tensor([[0.015], [0.011], [0.05]], dtype=torch.float64)
    return (2 * torch.rand(3, count, generator=draw, dtype=torch.float64) - 1) * size


def line(form: Form, weights: Tensor | None = None) -> pj.Lattice:
    return pj.Lattice(
        [
            pj.Drift(0.2, name="d1"),
            pj.Quadrupole(0.1, 20.0, name="q1"),
            pj.HamiltonianKick(form, weights, name="field"),
            pj.Quadrupole(0.1, -20.0, name="q2"),
            pj.Drift(0.2, name="d2"),
        ]
    )


@pytest.fixture(scope="module")
def beam() -> pj.Beam:
    twiss = pj.optics.Twiss(beta_x=1.0, alpha_x=0.0, beta_y=1.0, alpha_y=0.0)
    return pj.distributions.gaussian(
        PROTON, 400, twiss=twiss, emittance=(2e-6, 2e-6), current=100.0, seed=1
    )


@every_form
def test_nothing_at_the_start(form: Form, beam: pj.Beam) -> None:
    bare = pj.Lattice([e for e in line(form) if e.name != "field"])
    torch.testing.assert_close(
        pj.track(line(form), beam).coordinates, pj.track(bare, beam).coordinates, rtol=0, atol=1e-16
    )


@every_form
def test_slopes_are_those_of_the_value(form: Form) -> None:
    at = places().requires_grad_()
    (expected,) = torch.autograd.grad(form.value(some(form), *at).sum(), at)
    found = form.slopes(some(form), *at.detach())
    for row, slope in zip(expected, found, strict=True):
        slope = torch.zeros_like(row) if slope is None else slope
        torch.testing.assert_close(slope, row, rtol=1e-10, atol=1e-14)


def test_a_spline_ends_smoothly_at_its_edge() -> None:
    form = FORMS[0]
    edge = torch.tensor([0.02, 0.02 - 1e-7, 0.02 + 1e-7, 0.5], dtype=torch.float64)
    slopes = form.slopes(some(form), edge, 0 * edge + 1e-3, 0 * edge)
    for slope in slopes[:2]:
        assert slope is not None
        assert float(slope.abs().max()) < 1e-10


@every_form
def test_symplectic_whatever_the_weights(form: Form) -> None:
    m = torch.from_numpy(
        pj.jacobian(line(form, 3 * some(form)), PROTON, at=[3e-3, 1e-3, -2e-3, 5e-4, 0.01, 1e-3])
    )
    torch.testing.assert_close(m.mT @ SYMPLECTIC @ m, SYMPLECTIC, rtol=0, atol=1e-12)


def test_the_kernel_of_a_spline_at_walls_and_beyond() -> None:
    """Places on the walls, at nodes, outside and nowhere, against the slopes by PyTorch."""
    form = FORMS[0]
    edge = [-0.03, -0.02, -0.02 + 1e-12, 0.0, 0.02 / 9, 0.02 - 1e-12, 0.02, 0.021, math.nan]
    x, y = torch.cartesian_prod(*[torch.tensor(edge, dtype=torch.float64)] * 2).unbind(1)
    field = pj.HamiltonianKick(form, some(form), strength=0.7)
    for dtype, rounding in ((torch.float64, 1e-15), (torch.float32, 1e-9)):
        rows = torch.zeros(len(x), 6, dtype=dtype)
        rows[:, 0], rows[:, 2] = x, y
        beam = pj.Beam(PROTON, rows, alive=~rows.isnan().any(1))
        found = pj.track(pj.Lattice([field]), beam)
        by_x, by_y, _ = form.slopes(some(form).to(dtype), rows[:, 0], rows[:, 2], rows[:, 4])
        live = beam.alive
        for momentum, slope in ((1, by_x), (3, by_y)):
            kick = found.coordinates[live, momentum]
            torch.testing.assert_close(kick, -0.7 * slope[live], rtol=0, atol=rounding)


def test_the_jacobian_of_a_spline_is_that_of_differences_of_slopes() -> None:
    form, strength, h = FORMS[0], 1.3, 1e-7
    lattice = pj.Lattice([pj.HamiltonianKick(form, some(form), strength=strength)])
    for x, y in places(8)[:2].mT.tolist():
        found = pj.jacobian(lattice, PROTON, at=[x, 0.0, y, 0.0, 0.0, 0.0])
        steps = [[x + h, y], [x - h, y], [x, y + h], [x, y - h]]
        at = torch.tensor(steps, dtype=torch.float64).mT
        by_x, by_y, _ = form.slopes(some(form), *at, 0 * at[0])
        for row, slope in ((1, by_x), (3, by_y)):
            east, west, north, south = (-strength * slope / (2 * h)).tolist()
            expected = [east - west, north - south]
            np.testing.assert_allclose(found[row, [0, 2]], expected, rtol=0, atol=1e-8)


def test_weights_that_change_in_place() -> None:
    form, weights = FORMS[0], some(FORMS[0])
    lattice = line(form, weights)
    at = [3e-3, 1e-3, -2e-3, 5e-4, 0.01, 1e-3]
    before = pj.jacobian(lattice, PROTON, at=at)
    weights.mul_(2.0)
    after = pj.jacobian(lattice, PROTON, at=at)
    np.testing.assert_array_equal(after, pj.jacobian(line(form, weights.clone()), PROTON, at=at))
    assert np.abs(after - before).max() > 1e-6
    weights.requires_grad_()
    beam = pj.Beam(PROTON, torch.tensor([at], dtype=torch.float64))
    pj.track(lattice, beam).coordinates[0, 1].backward()
    assert weights.grad is not None
    assert float(weights.grad.abs().max()) > 0


@every_form
@pytest.mark.parametrize("charged", [False, True])
def test_the_gradient_by_all_weights_in_three_ways(
    form: Form, beam: pj.Beam, charged: bool
) -> None:
    effects = [pj.SpaceCharge(pj.SpectralPoisson((0.03, 0.03), (48, 48)))] if charged else []
    lattice, wrt = line(form, some(form)), ["field.weights", "q1.k1"]
    figure = pj.observables.emittance_growth("x")
    by_mode = {
        mode: pj.gradient(figure, lattice, beam, wrt=wrt, effects=effects, mode=mode)
        for mode in ("reverse", "forward", "fd")
    }
    assert by_mode["reverse"].shape == (form.count + 1,)
    scale = np.abs(by_mode["reverse"][:-1]).max()
    np.testing.assert_allclose(
        by_mode["forward"][:-1] / scale, by_mode["reverse"][:-1] / scale, rtol=0, atol=1e-11
    )
    np.testing.assert_allclose(
        by_mode["fd"][:-1] / scale, by_mode["reverse"][:-1] / scale, rtol=0, atol=1e-6
    )

    def grown(weights: Tensor) -> float:
        end = pj.track(line(form, weights), beam, effects=effects)
        return float(figure(final=end, initial=beam))

    for n in (0, form.count // 2, form.count - 1):
        shift = torch.zeros(form.count, dtype=torch.float64)
        shift[n] = 1e-6
        slope = (grown(some(form) + shift) - grown(some(form) - shift)) / 2e-6
        assert by_mode["reverse"][n] / scale == pytest.approx(slope / scale, rel=0, abs=1e-6)


@every_form
def test_adjoints_agree(form: Form, beam: pj.Beam) -> None:
    kick = pj.SpaceCharge(pj.SpectralPoisson((0.03, 0.03), (48, 48)))
    found = {}
    for adjoint in ("store", "checkpoint", "reversible"):
        weights = some(form).requires_grad_()
        out = pj.track(line(form, weights), beam, effects=[kick], turns=3, adjoint=adjoint)
        (found[adjoint],) = torch.autograd.grad(pj.moments.emittance(out, "y"), weights)
    for adjoint in ("checkpoint", "reversible"):
        scale = float(found["store"].abs().max())
        torch.testing.assert_close(
            found[adjoint] / scale, found["store"] / scale, rtol=0, atol=1e-11
        )


@every_form
def test_forms_and_lattices_in_files(form: Form, tmp_path) -> None:
    assert form_from_record(record_of(form)) == form
    lattice = line(form, some(form))
    pj.write_lattice(tmp_path / "line.json", lattice)
    back = pj.read_lattice(tmp_path / "line.json").lattice
    assert torch.equal(back["field"].weights, lattice["field"].weights)
    assert back["field"].potential == form


@pytest.mark.parametrize("form", FORMS[:2], ids=lambda f: type(f).__name__)
def test_in_a_ring_with_optics(form: Form) -> None:
    """The optics of a cell with the kick are those of its Jacobian."""
    lattice = pj.Lattice([*line(form, form.start() + 0.03 * some(form)), pj.Drift(0.2)])
    matrix = pj.optics.one_turn_matrix(lattice, PROTON)
    orbit = pj.optics.closed_orbit(lattice, PROTON)
    np.testing.assert_allclose(matrix, pj.jacobian(lattice, PROTON, at=orbit[0]), rtol=0, atol=1e-9)
    table = pj.twiss_table(lattice, PROTON)
    np.testing.assert_allclose(table.matrix[:4, :4], matrix[:4, :4], rtol=0, atol=1e-9)


def test_chromaticities_and_dispersion_with_a_kick_that_depends_on_z() -> None:
    """Slopes of the tunes and of the closed orbit, against tables of other delta."""
    form, reference = Perceptron((7,), (0.01, 0.02, 0.05), 1e-4), ELECTRON
    draw = torch.Generator().manual_seed(1)
    weights = 0.5 * torch.randn(form.count, generator=draw, dtype=torch.float64)
    ring = pj.Lattice(
        [
            pj.Quadrupole(0.2, 3.1),
            pj.Drift(0.3),
            pj.Sextupole(0.1, 2.0),
            pj.HamiltonianKick(form, form.start() + weights),
            pj.SBend(0.6, 0.2),
            pj.Drift(0.3),
            pj.Quadrupole(0.2, -2.9),
            pj.Drift(0.3),
        ]
    )
    table, h = pj.twiss_table(ring, reference, chromatic=True), 2e-5
    tables = [pj.twiss_table(ring, reference, delta=n * h) for n in (-2, -1, 1, 2)]
    for name in ("x", "y"):
        tunes = np.array([getattr(t, f"tune_{name}") for t in tables])
        slope = (8 * (tunes[2] - tunes[1]) - (tunes[3] - tunes[0])) / (12 * h)
        assert abs(getattr(table, f"chromaticity_{name}") - slope) < 1e-6
    orbits = [pj.optics.closed_orbit(ring, reference, delta=n * h) for n in (-1, 1)]
    expected = (orbits[1] - orbits[0])[:, 0] / (2 * h)
    np.testing.assert_allclose(table.dispersion_x[: len(expected)], expected, rtol=0, atol=1e-5)


def test_numbers_of_numpy_are_plain_in_files() -> None:
    eight, made = np.int64(8), Perceptron([np.int64(4)], seed=np.int64(3))  # type: ignore[arg-type]
    assert made == Perceptron((4,), seed=3)
    assert Spline((np.float64(0.02), 0.03), (eight, eight)) == Spline((0.02, 0.03), (8, 8))
    for form in (made, Spline(shape=(eight, eight))):
        assert form_from_record(json.loads(json.dumps(record_of(form)))) == form


def test_bad_input() -> None:
    with pytest.raises(pj.errors.InvalidValueError, match="36 weights"):
        pj.HamiltonianKick(Spline((0.02, 0.02), (10, 10)), torch.zeros(7))
    with pytest.raises(pj.errors.InvalidValueError, match="weights must be finite"):
        pj.HamiltonianKick(Spline(), torch.full((64,), torch.nan), name="h")
    with pytest.raises(pj.errors.InvalidValueError, match="form of"):
        pj.HamiltonianKick(lambda x: x)  # type: ignore[arg-type]
    with pytest.raises(pj.errors.InvalidValueError, match="form of"):
        pj.HamiltonianKick(Spline)  # type: ignore[arg-type]
    for weights in ("a", ["a"] * 64, [[1.0], [1.0, 2.0]], {}):
        with pytest.raises(pj.errors.InvalidValueError, match="must be a vector of 64 numbers"):
            pj.HamiltonianKick(Spline(), weights)  # type: ignore[arg-type]
    for hidden in ((), 16, (16.0,), "ab", None, (True,)):
        with pytest.raises(pj.errors.InvalidValueError, match="hidden must be positive widths"):
            Perceptron(hidden)  # type: ignore[arg-type]
    for scales in (5e-3, (5e-3,), None):
        with pytest.raises(pj.errors.InvalidValueError, match="scales are of x and y"):
            Perceptron((16,), scales)  # type: ignore[arg-type]
    with pytest.raises(
        pj.errors.InvalidValueError, match="scales must be finite and positive, got 'a'"
    ):
        Perceptron((16,), ("a", "b"))  # type: ignore[arg-type]
    with pytest.raises(pj.errors.InvalidValueError, match="seed must be a whole number"):
        Perceptron(seed="a")  # type: ignore[arg-type]
    with pytest.raises(pj.errors.InvalidValueError, match=r"sides, in x and in y, got 0\.02"):
        Spline(0.02, 8)  # type: ignore[arg-type]
    with pytest.raises(pj.errors.InvalidValueError, match=r"8 cells a side, in x and in y, got 8"):
        Spline((0.02, 0.02), 8)  # type: ignore[arg-type]
    with pytest.raises(pj.errors.InvalidValueError, match="positive finite sides"):
        Spline(("a", "b"))  # type: ignore[arg-type]
    with pytest.raises(
        pj.errors.InvalidValueError, match=r"above 10 m, got \(20, 20\): is it in metres"
    ):
        Spline((20, 20), (8, 8))
    with pytest.raises(pj.errors.InvalidValueError, match="unit"):
        Spline(unit=0.0)
    with pytest.raises(pj.errors.UnknownNameError, match="Spline"):
        form_from_record({"form": "Splin"})
    with pytest.raises(pj.errors.InvalidValueError, match="no Spline"):
        form_from_record({"form": "Spline", "sizes": 3})
    lattice = pj.Lattice([pj.HamiltonianKick(Spline(), name="h")])
    with pytest.raises(pj.errors.UnknownNameError, match=r"h\.weights"):
        lattice.value("h.weight")

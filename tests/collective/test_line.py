"""Lines along the bunch: kernels against twins, all derivatives, and the line that follows."""

import math

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from pyjutrack.collective import BSPLINE, CATMULL_ROM, CIC, QUADRATIC
from pyjutrack.errors import InvalidValueError
from pyjutrack.mesh import line_operators
from pyjutrack.mesh.line import (
    Line,
    add_line,
    add_line_in_place,
    admit,
    bounds,
    gather,
    line_around,
    spread,
)
from pyjutrack.mesh.line_operators import Add, Spread

SHAPES = pytest.mark.parametrize(
    "shape", [BSPLINE, QUADRATIC, CATMULL_ROM, CIC], ids=lambda s: s.name
)


def scene(shape=BSPLINE, count=12, dtype=torch.float64):
    """A line, positions all over it, a mask with one false, weights and values."""
    line = Line(-3.0, 5.0, 9, shape)
    generator = torch.Generator().manual_seed(3)
    z = torch.rand(count, generator=generator, dtype=torch.float64) * 8 - 3
    active = torch.ones(count, dtype=torch.bool)
    active[count // 2] = False
    weights = torch.randn(count, generator=generator, dtype=torch.float64)
    values = torch.randn(line.nodes, generator=generator, dtype=torch.float64)
    return line, z.to(dtype), active, weights.to(dtype), values.to(dtype)


@SHAPES
@pytest.mark.parametrize("order", [0, 1, 2])
def test_kernels_are_their_twins(shape, order):
    line, z, active, weights, values = scene(shape)
    one = torch.ones(1, dtype=z.dtype)
    for kernels, rest in (
        (Spread(), (weights, one)),
        (Spread(), (weights, z)),
        (Spread(), (one, weights)),
        (Add(), (z, weights, weights, values)),
        (Add(), (z, one, weights, values)),
        (Add(), (weights, z, one, values)),
    ):
        inputs = z, active, *rest
        (twin,), (kernel,) = (f(line.stencils(order), *g) for f, g in (
            (kernels.plain, inputs), (kernels.value, (inputs,))
        ))  # fmt: skip
        torch.testing.assert_close(kernel, twin, rtol=1e-12, atol=1e-12)


@SHAPES
def test_spread_and_gather_are_adjoint_and_keep_the_sum(shape):
    line, z, active, weights, values = scene(shape)
    lines = spread(line, z, active, weights)
    one = lines @ values
    other = (weights * gather(line, z, active, values)).sum()
    torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(lines.sum(), weights[active].sum(), rtol=1e-12, atol=1e-12)
    centre = lines @ torch.from_numpy(line.positions())
    torch.testing.assert_close(centre, (weights * z)[active].sum(), rtol=1e-12, atol=1e-12)


def test_derivatives_of_all_kinds():
    line, z, active, weights, values = scene()
    z.requires_grad_()
    for operator, third in ((spread, weights), (gather, values)):
        third.requires_grad_()

        def function(z, third, operator=operator):
            return operator(line, z, active, third)

        assert gradcheck(function, (z, third), check_forward_ad=True)
        assert gradgradcheck(function, (z, third))
        forward = torch.func.jacfwd(function)(z.detach(), third.detach())
        reverse = torch.func.jacrev(function)(z.detach(), third.detach())
        torch.testing.assert_close(forward, reverse, rtol=1e-12, atol=1e-12)


def test_batches_and_single_precision():
    line, z, active, weights, values = scene()
    both = torch.stack([z, z.flip(0)])
    masks = torch.stack([active, active.flip(0)])
    lines = spread(line, both, masks, torch.stack([weights, weights.flip(0)]))
    torch.testing.assert_close(lines[0], lines[1], rtol=1e-12, atol=1e-12)
    read = gather(line, both, masks, values)
    torch.testing.assert_close(read[0], read[1].flip(0), rtol=1e-12, atol=1e-12)
    _, few, _, light, low = scene(dtype=torch.float32)
    assert spread(line, few, active, light).dtype == torch.float32
    torch.testing.assert_close(
        gather(line, few, active, low).double(), gather(line, z, active, values),
        rtol=1e-4, atol=1e-4,
    )  # fmt: skip


@pytest.mark.parametrize("scale", [1e-6, 0.3, 40.0])
def test_a_line_that_follows_holds_the_bunch_and_stands_still(scale):
    low, high = -0.37 * scale, 0.81 * scale
    line = line_around(low, high, 64)
    extent = 1.2 * (high - low)
    assert line.start <= low - 0.08 * (high - low)
    assert line.stop >= high + 0.08 * (high - low)
    assert extent <= line.stop - line.start <= extent * 2 ** (1 / 8) * 1.02
    moved = line_around(low * (1 + 1e-7), high * (1 + 1e-7), 64)
    assert moved == line
    assert line.inside(torch.tensor([low, high, math.nan, line.stop * 2])).tolist() == [
        True, True, False, False,
    ]  # fmt: skip


def test_a_bunch_without_length_has_a_line():
    line = line_around(0.2, 0.2, 8)
    assert line.start < 0.2 < line.stop
    assert np.isfinite(line.positions()).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [((0.0, math.inf, 16), "finite"), ((1.0, 0.0, 16), "order"), ((0.0, 1.0, 4), "cells")],
)
def test_lines_that_cannot_be(arguments, words):
    with pytest.raises(InvalidValueError, match=words):
        line_around(*arguments)


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("alike", [False, True], ids=["each", "alike"])
def test_derivatives_by_all_inputs(alike, order):
    """First and second ones, of columns and of numbers that stand for them; lost ones are NaN."""
    line, z, active, weights, values = scene()
    z[~active] = torch.nan
    columns = torch.stack([weights + 1, weights - 2])
    columns[:, ~active] = torch.nan
    one, other = (c[:1] if alike else c for c in columns)
    base = torch.linspace(-1, 1, len(z), dtype=z.dtype)
    for operator, rest in (
        (line_operators.spread, (one, other)),
        (line_operators.add, (base, one, other, values)),
    ):
        some = torch.where(active, z, 0.0)
        inputs = [t.clone().requires_grad_() for t in (some, *rest)]
        live = [torch.nan_to_num(t.detach()).requires_grad_() for t in inputs]

        def function(z, *others, operator=operator):
            return operator(line.stencils(order), z, active, *others)[0]

        assert gradcheck(function, live, check_forward_ad=True)
        assert gradgradcheck(function, live)
        found = torch.autograd.grad(function(*inputs).sum(), inputs)
        for ours, theirs in zip(
            found, torch.autograd.grad(function(*live).sum(), live), strict=True
        ):
            torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_adds_what_is_read():
    line, z, active, weights, values = scene()
    read = gather(line, z, active, values, order=1)
    for factors, product in (((), 1.0), ((z,), z), ((z, weights), z * weights)):
        found = add_line(line, z, active, weights, values, *factors, order=1)
        torch.testing.assert_close(found, weights + product * read, rtol=1e-12, atol=1e-12)
        assert found[~active] == weights[~active]
        column, *others = (t.numpy().copy() for t in (weights, *factors))
        add_line_in_place(line, z.numpy(), active.numpy(), column, values, *others, order=1)
        assert (column == found.numpy()).all()


def test_bounds_are_those_of_the_live():
    line, z, active, *_ = scene()
    z[~active] = 100.0
    low, high = bounds(z, active)
    assert (low, high) == (float(z[active].min()), float(z[active].max()))
    assert (
        torch.func.vmap(lambda shift: torch.tensor(bounds(z + shift, active), dtype=z.dtype))(
            torch.tensor([0.0, 1.0], dtype=torch.float64)
        ).tolist()
        == [[low, high + 1]] * 2
    )
    assert admit(line, z, active) is active
    assert admit(line, z, torch.ones_like(active)).tolist() == active.tolist()
    z[0] = torch.nan
    assert not any(map(math.isfinite, bounds(z, active)))
    assert admit(line, z, active).tolist() == [False, *active[1:].tolist()]
    assert bounds(z, torch.zeros_like(active)) == (math.inf, -math.inf)


@pytest.mark.parametrize("size", [1, 31, 32, 33, 1000])
def test_bounds_look_at_every_particle(size):
    z = torch.linspace(-1.0, 1.0, size, dtype=torch.float64)
    for n in {0, size // 2, size - 1}:
        for place in (-5.0, 5.0):
            moved, alive = z.clone(), torch.ones(size, dtype=torch.bool)
            moved[n] = place
            expected = float(moved.min()), float(moved.max())
            assert bounds(moved, alive) == expected
            moved[n] = math.nan
            assert not any(map(math.isfinite, bounds(moved, alive)))
            alive[n] = False
            rest = moved[alive]
            low, high = (
                (float(rest.min()), float(rest.max())) if size > 1 else (math.inf, -math.inf)
            )
            assert bounds(moved, alive) == (low, high)

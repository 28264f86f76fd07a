"""Lines along the bunch: kernels against twins, all derivatives, and the line that follows."""

import math

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from pyjutrack.collective import BSPLINE, CATMULL_ROM, CIC
from pyjutrack.errors import InvalidValueError
from pyjutrack.mesh.line import (
    _GATHER,
    _SPREAD,
    Line,
    _gather_two,
    _GatherTwo,
    gather,
    gather_with_slope,
    line_around,
    spread,
)

SHAPES = pytest.mark.parametrize("shape", [BSPLINE, CATMULL_ROM, CIC], ids=lambda s: s.name)


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
    for kernels, third in ((_SPREAD, weights), (_GATHER, values)):
        inputs = z, active, third
        (kernel,), (twin,) = (f((line, order), *g) for f, g in (
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


@SHAPES
def test_value_and_slope_in_one_pass(shape):
    """As the two by themselves, and all first and second derivatives."""
    line, z, active, _, values = scene(shape)
    found = gather_with_slope(line, z, active, values)
    for order, read in enumerate(found):
        (expected,) = _GATHER.value((line, order), (z, active, values))
        torch.testing.assert_close(read, expected, rtol=1e-12, atol=1e-12)
    for twin, read in zip(_GatherTwo().plain(line, z, active, values), found, strict=True):
        torch.testing.assert_close(read, twin, rtol=1e-12, atol=1e-12)
    if shape is BSPLINE:
        z.requires_grad_()
        values.requires_grad_()
        assert gradcheck(lambda *a: _gather_two(line, a[0], active, a[1]), (z, values))
        assert gradgradcheck(lambda *a: _gather_two(line, a[0], active, a[1])[0], (z, values))
        tangent = torch.ones_like(z)

        def push(z):
            return _gather_two(line, z, active, values.detach())

        _, forward = torch.func.jvp(push, (z.detach(),), (tangent,))
        h = 1e-6
        high, low = push(z.detach() + h), push(z.detach() - h)
        for slope, up, down in zip(forward, high, low, strict=True):
            torch.testing.assert_close(slope, (up - down) / (2 * h), rtol=1e-6, atol=1e-6)

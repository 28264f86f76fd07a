"""Boxes around a bunch: kernels against twins, all derivatives, and the box that follows."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from pyjutrack.collective import BSPLINE, CATMULL_ROM, CIC, QUADRATIC
from pyjutrack.mesh import box as boxes
from pyjutrack.mesh.box import Box, admit, bounds, box_around, deposit, kick
from pyjutrack.mesh.line import Line

SHAPES = pytest.mark.parametrize(
    "shape", [BSPLINE, QUADRATIC, CATMULL_ROM, CIC], ids=lambda s: s.name
)
SMOOTH = pytest.mark.parametrize("shape", [BSPLINE, QUADRATIC], ids=lambda s: s.name)
EXACT = {"rtol": 1e-11, "atol": 1e-11}
LOW, HIGH = torch.tensor([-3.0, -1.0, 2.0]), torch.tensor([5.0, 1.5, 2.3])


def scene(shape=BSPLINE, count=12, dtype=torch.float64):
    """A box, positions all over it, a mask with one false, weights and values."""
    ends = zip(LOW.tolist(), HIGH.tolist(), (9, 8, 11), strict=True)
    box = Box(*(Line(low, high, cells, shape) for low, high, cells in ends))
    generator = torch.Generator().manual_seed(3)
    at = torch.rand(3, count, generator=generator, dtype=torch.float64)
    at = LOW.double()[:, None] + at * (HIGH - LOW).double()[:, None]
    active = torch.ones(count, dtype=torch.bool)
    active[count // 2] = False
    weights = torch.randn(count, generator=generator, dtype=torch.float64)
    values = torch.randn(box.shape, generator=generator, dtype=torch.float64)
    return box, at.to(dtype).unbind(), active, weights.to(dtype), values.to(dtype)


@SHAPES
@pytest.mark.parametrize("count", [12, 1500, 20_000])
def test_kernels_are_their_twins(shape, count):
    """Few particles, more than a block, and so many that they are deposited in slabs."""
    box, at, active, weights, values = scene(shape, count)
    momenta = weights, weights.flip(0), 2 * weights
    for operator, rest in (
        (boxes._Deposit(), [weights]),
        (boxes._Kick(), [*momenta, values, torch.tensor(0.3, dtype=torch.float64)]),
    ):
        inputs = *at, active, *rest
        for kernel, twin in zip(
            operator.value(box, inputs), operator.plain(box, *inputs), strict=True
        ):
            torch.testing.assert_close(kernel, twin, rtol=1e-11, atol=1e-11)
    alike = weights[:1]
    each = deposit(box, at, active, alike.expand(count))
    torch.testing.assert_close(deposit(box, at, active, alike), each, rtol=1e-12, atol=1e-12)


def slopes(box, at, active, values):
    """Slopes at particles: minus the kick by a factor of one."""
    still = torch.zeros_like(at[0])
    one = torch.ones((), dtype=still.dtype)
    return [-p for p in kick(box, at, active, (still, still, still), values, one)]


@SHAPES
def test_the_sum_and_the_centre_are_kept(shape):
    box, at, active, weights, _ = scene(shape)
    filled = deposit(box, at, active, weights)
    torch.testing.assert_close(filled.sum(), weights[active].sum(), rtol=1e-12, atol=1e-12)
    for axis, (line, place) in enumerate(zip(box, at, strict=True)):
        shape_there = [1, 1, 1]
        shape_there[axis] = -1
        centre = (filled * torch.from_numpy(line.positions()).reshape(shape_there)).sum()
        torch.testing.assert_close(centre, (weights * place)[active].sum(), rtol=1e-11, atol=1e-11)


@SHAPES
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("count", [1, 2500])
def test_particles_on_the_walls_have_all_their_nodes(shape, dtype, count):
    """In the corners and on the edges, and so many that they are deposited in slabs."""
    box, *_ = scene(shape)
    ends = [torch.tensor([line.start, line.stop, 0.5], dtype=dtype) for line in box]
    at = torch.cartesian_prod(*ends).T.repeat(1, count).unbind()
    active = admit(box, at, torch.ones(27 * count, dtype=torch.bool))
    assert active.sum() == 18 * count, "all but those at 0.5 m in z"
    generator = torch.Generator().manual_seed(1)
    weights = torch.rand(27 * count, generator=generator, dtype=torch.float64).to(dtype)
    loose = {"rtol": 1e-5, "atol": 1e-4} if dtype == torch.float32 else EXACT
    filled = deposit(box, at, active, weights)
    (twin,) = boxes._Deposit().plain(box, *at, active, weights)
    torch.testing.assert_close(filled, twin, **loose)
    torch.testing.assert_close(filled.sum(), weights[active].sum(), **loose)
    for axis, line in enumerate(box):
        ramp = torch.from_numpy(line.positions()).to(dtype)
        ramp = ramp.reshape([-1 if other == axis else 1 for other in range(3)]).expand(box.shape)
        found = slopes(box, at, active, ramp.contiguous())
        for other, slope in enumerate(found):
            expected = float(axis == other) * active.to(dtype)
            torch.testing.assert_close(slope, expected, **loose)


@SMOOTH
def test_slopes_are_those_of_the_value(shape):
    """A polynomial whose values at the nodes the spline carries over to a known one."""
    box, at, active, *_ = scene(shape)
    x, y, z = torch.meshgrid(*(torch.from_numpy(line.positions()) for line in box), indexing="ij")
    found = slopes(box, at, active, 2 * x * y - 3 * y * z + x * y * z + z)
    px, py, pz = at
    expected = (2 * py + py * pz, 2 * px - 3 * pz + px * pz, -3 * py + px * py + 1)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one[active], other[active], rtol=1e-11, atol=1e-11)


@SMOOTH
def test_derivatives_of_all_kinds(shape):
    box, at, active, weights, values = scene(shape, count=4)
    factor = torch.tensor(0.7, dtype=torch.float64)
    momenta = weights.flip(0), 2 * weights, weights - 1

    def kicked(x, y, z, px, py, pz, values, factor):
        return kick(box, (x, y, z), active, (px, py, pz), values, factor)

    def deposited(x, y, z, weights):
        return deposit(box, (x, y, z), active, weights)

    for function, rest in ((deposited, [weights]), (kicked, [*momenta, values, factor])):
        inputs = tuple(t.clone().requires_grad_() for t in (*at, *rest))
        assert gradcheck(function, inputs, check_forward_ad=True, fast_mode=True)
        assert gradgradcheck(function, inputs, fast_mode=True)
        every = tuple(range(len(inputs)))
        forward = torch.func.jacfwd(function, every)(*at, *rest)
        reverse = torch.func.jacrev(function, every)(*at, *rest)
        torch.testing.assert_close(forward, reverse, rtol=1e-11, atol=1e-11)


def test_one_weight_for_all_has_its_slope():
    box, at, active, weights, values = scene()
    one = weights[:1].clone().requires_grad_()
    (slope,) = torch.autograd.grad((deposit(box, at, active, one) * values).sum(), one)
    expected = (deposit(box, at, active, torch.ones_like(one)) * values).sum().reshape(1)
    torch.testing.assert_close(slope, expected, rtol=1e-11, atol=1e-11)


@SMOOTH
def test_single_precision_of_many(shape):
    box, at, active, weights, _ = scene(shape, count=20_000)
    _, few, _, light, _ = scene(shape, count=20_000, dtype=torch.float32)
    found, exact = deposit(box, few, active, light), deposit(box, at, active, weights)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found.double(), exact, rtol=1e-4, atol=1e-4 * float(exact.max()))


def test_particles_that_do_not_count_may_be_anywhere():
    for count in (1500, 20_000):
        box, at, active, weights, values = scene(count=count)
        active[::7] = False
        there = tuple(torch.where(active, place, torch.nan) for place in at)
        assert torch.equal(deposit(box, there, active, weights), deposit(box, at, active, weights))
        for one, other in zip(
            slopes(box, there, active, values), slopes(box, at, active, values), strict=True
        ):
            assert torch.equal(one, other)


@SMOOTH
def test_single_precision(shape):
    box, at, active, _, values = scene(shape, count=200)
    _, few, _, light, low = scene(shape, count=200, dtype=torch.float32)
    assert deposit(box, few, active, light).dtype == torch.float32
    for one, other in zip(
        slopes(box, few, active, low), slopes(box, at, active, values), strict=True
    ):
        scale = float(other.abs().max())
        torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=1e-4 * scale)


@pytest.mark.parametrize("scale", [1e-6, 40.0])
def test_a_box_that_follows_holds_the_bunch_and_stands_still(scale):
    lows, highs = (LOW * scale).tolist(), (HIGH * scale).tolist()
    box = box_around(lows, highs, (16, 32, 20), 0.0)
    assert box.shape == (16, 32, 20)
    ends = torch.tensor([lows, highs], dtype=torch.float64).T
    assert box.inside(*ends).all()
    moved = box_around(*([e * (1 + 1e-7) for e in end] for end in (lows, highs)), (16, 32, 20), 0.0)
    assert moved == box


def test_bounds_of_the_live():
    _, at, active, *_ = scene(count=20_000)
    active[::3] = False
    lows, highs = bounds(at, active)
    for place, low, high in zip(at, lows, highs, strict=True):
        assert (low, high) == (float(place[active].min()), float(place[active].max()))
    seen = []
    both = torch.stack([at[0], at[0] - 1.0])
    torch.func.vmap(lambda x: (seen.append(bounds((x, *at[1:]), active)), x)[1])(both)
    assert seen == [([lows[0] - 1.0, *lows[1:]], highs)]

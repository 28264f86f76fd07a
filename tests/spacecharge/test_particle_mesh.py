"""The adjoint pair between particles and grid: kernels against twins, and all derivatives."""

import pytest
import torch

from pyjutrack.autodiff import Pushed
from pyjutrack.collective import (
    BSPLINE,
    CATMULL_ROM,
    CIC,
    QUADRATIC,
    Grid,
    Mesh,
    deposit,
    interpolate,
)
from pyjutrack.mesh.particle_mesh import inside, kick
from pyjutrack.mesh.plain import plain_deposit, plain_interpolate

SHAPES = pytest.mark.parametrize(
    "shape", [BSPLINE, QUADRATIC, CATMULL_ROM, CIC], ids=lambda s: s.name
)
# cells of about one, so that finite differences of positions and values have one scale
GRID = Grid((8.0, 10.8), (8, 9))
EXACT = {"rtol": 1e-12, "atol": 1e-12}


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def scene(count=12, seed=0, dtype=torch.float64):
    """Positions all over the box, a mask with one false, weights and node values."""
    unit = torch.rand(2, count, generator=torch.Generator().manual_seed(seed), dtype=dtype)
    half = torch.tensor(GRID.size, dtype=dtype).unsqueeze(-1) / 2
    x, y = ((2 * unit - 1) * half).unbind()
    active = torch.ones(count, dtype=torch.bool)
    active[count // 2] = False
    values = randn(*GRID.padded_shape, seed=seed + 1).to(dtype)
    return x, y, active, randn(count, seed=seed + 2).to(dtype), values


def operators(shape=BSPLINE, count=12):
    """(kernel, twin, arguments) of both operators, as functions of floating-point tensors only."""
    mesh = Mesh(GRID, shape)
    x, y, active, weights, values = scene(count)
    px, py = randn(2, count, seed=11)
    factor = torch.tensor(0.7, dtype=torch.float64)

    def plain_kick(x, y, g, px, py, factor):
        _, slope_x, slope_y = plain_interpolate(mesh, x, y, active, g)
        return torch.stack([px - factor * slope_x, py - factor * slope_y])

    return [
        (
            lambda x, y, w: deposit(mesh, x, y, active, w),
            lambda x, y, w: plain_deposit(mesh, x, y, active, w)[0],
            (x, y, weights),
        ),
        (
            lambda x, y, g, px, py, f: torch.stack(kick(mesh, x, y, active, px, py, g, f)),
            plain_kick,
            (x, y, values, px, py, factor),
        ),
    ]


def small(which):
    """(kernel, twin, arguments) with few numbers in and out, for what costs their product."""
    kernel, twin, (x, y, third, *rest) = operators(count=5)[which]
    rows = randn(3, *GRID.padded_shape, seed=20)

    def reduced(function):
        if which == 0:
            return lambda *inputs: (rows * function(*inputs)).sum((-1, -2))
        return lambda x, y, c, *rest: function(x, y, torch.tensordot(c, rows, 1), *rest)

    third = third if which == 0 else randn(3, seed=22)
    return reduced(kernel), reduced(twin), (x, y, third, *rest)


BOTH = pytest.mark.parametrize("which", [0, 1], ids=["deposit", "kick"])


@SHAPES
@BOTH
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_kernel_is_twin(shape, which, dtype):
    kernel, twin, inputs = operators(shape)[which]
    inputs = [t.to(dtype) for t in inputs]
    tolerance = EXACT if dtype == torch.float64 else {"rtol": 1e-4, "atol": 2e-5}
    torch.testing.assert_close(kernel(*inputs), twin(*inputs), **tolerance)
    assert kernel(*inputs).dtype == dtype
    tangents = tuple(randn(*t.shape, seed=i + 7).to(dtype) for i, t in enumerate(inputs))
    for derivative in (push, pull):
        got, expected = derivative(kernel, inputs, tangents), derivative(twin, inputs, tangents)
        torch.testing.assert_close(got, expected, **tolerance)


def push(function, inputs, tangents):
    return torch.func.jvp(function, tuple(inputs), tangents)[1]


def pull(function, inputs, _):
    out, back = torch.func.vjp(function, *inputs)
    return back(randn(*out.shape, seed=5).to(out))


@SHAPES
def test_adjoint(shape):
    x, y, active, weights, values = scene(200)
    mesh = Mesh(GRID, shape)
    spread = (deposit(mesh, x, y, active, weights) * values).sum()
    read = (weights * interpolate(mesh, x, y, active, values)[0]).sum()
    torch.testing.assert_close(spread, read, **EXACT)


@SHAPES
@pytest.mark.parametrize("at_wall", [False, True])
def test_partition_of_unity(shape, at_wall):
    x, y, active, weights, _ = scene(200)
    if at_wall:
        x = GRID.size[0] / 2 * torch.sign(x)
        y = torch.where(torch.arange(200) % 2 == 0, GRID.size[1] / 2 * torch.sign(y), y)
        assert bool(inside(GRID, x, y).all())
    mesh = Mesh(GRID, shape)
    total = deposit(mesh, x, y, active, weights).sum()
    torch.testing.assert_close(total, weights[active].sum(), **EXACT)
    value, slope_x, slope_y = interpolate(
        mesh, x, y, active, torch.ones(GRID.padded_shape, dtype=torch.float64)
    )
    torch.testing.assert_close(value, active.double(), **EXACT)
    assert float(slope_x.abs().max() + slope_y.abs().max()) < 1e-12


@SHAPES
def test_linear_fields_are_read_exactly(shape):
    x, y, active, _, _ = scene()
    xs, ys = (torch.from_numpy(GRID.nodes(a, ghosts=True)) for a in (0, 1))
    plane = 2 + 3 * xs.unsqueeze(-1) - 5 * ys
    value, slope_x, slope_y = interpolate(Mesh(GRID, shape), x, y, active, plane)
    torch.testing.assert_close(value, torch.where(active, 2 + 3 * x - 5 * y, 0.0), **EXACT)
    torch.testing.assert_close(slope_x, 3.0 * active.double(), **EXACT)
    torch.testing.assert_close(slope_y, -5.0 * active.double(), **EXACT)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e30, 100.0])
@pytest.mark.parametrize("side", ["kernel", "plain"])
def test_inactive_particles_change_nothing(bad, side):
    """Whatever stands in their coordinates; their own slopes are zero and their momenta stay."""
    mesh = Mesh(GRID, BSPLINE)
    x, y, active, weights, values = scene()
    p, factor = randn(12, seed=4), torch.tensor(0.3, dtype=torch.float64)
    spoiled = [torch.where(active, t, bad).requires_grad_() for t in (x, y)]
    clean = [torch.where(active, t, 0.0).requires_grad_() for t in (x, y)]

    def function(x, y):
        if side == "plain":
            grid = plain_deposit(mesh, x, y, active, weights)[0]
            _, slope_x, slope_y = plain_interpolate(mesh, x, y, active, values)
            new = p - factor * slope_x, p - factor * slope_y
        else:
            grid = deposit(mesh, x, y, active, weights)
            new = kick(mesh, x, y, active, p, p, values, factor)
        return torch.cat([(grid * values).sum()[None], *new])

    result = function(*spoiled)
    torch.testing.assert_close(result, function(*clean), rtol=0, atol=0)
    torch.testing.assert_close(result[1:13][~active], p[~active], rtol=0, atol=0)
    tangents = tuple(torch.ones_like(t) for t in clean)
    torch.testing.assert_close(
        push(function, spoiled, tangents), push(function, clean, tangents), rtol=0, atol=0
    )
    found = torch.autograd.grad(result.sum(), spoiled)
    expected = torch.autograd.grad(function(*clean).sum(), clean)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
        assert bool((a[~active] == 0).all())


@SHAPES
@BOTH
def test_gradcheck(shape, which):
    kernel, _, inputs = operators(shape)[which]
    inputs = [t.clone().requires_grad_() for t in inputs]
    assert torch.autograd.gradcheck(kernel, inputs, check_forward_ad=True)


@BOTH
def test_gradgradcheck(which):
    kernel, _, inputs = small(which)
    inputs = [t.clone().requires_grad_() for t in inputs]
    assert torch.autograd.gradgradcheck(
        kernel, inputs, check_fwd_over_rev=True, check_rev_over_rev=True
    )


@BOTH
@pytest.mark.parametrize("argument", [0, 1, 2])
def test_jacobians(which, argument):
    kernel, twin, inputs = operators()[which]
    expected = torch.func.jacrev(twin, argnums=argument)(*inputs)
    for transform in (torch.func.jacfwd, torch.func.jacrev):
        torch.testing.assert_close(transform(kernel, argnums=argument)(*inputs), expected, **EXACT)


@BOTH
@pytest.mark.parametrize("batched", ["first", "third", "all"])
def test_vmap(which, batched):
    kernel, _, inputs = operators()[which]
    chosen = {"first": (0,), "third": (2,), "all": range(len(inputs))}[batched]
    dims = tuple(0 if i in chosen else None for i in range(len(inputs)))
    rows = [
        torch.stack([t, t.flip(0) if t.dim() else -t, t / 2]) if d == 0 else t
        for t, d in zip(inputs, dims, strict=True)
    ]
    got = torch.func.vmap(kernel, in_dims=dims)(*rows)
    for k in range(3):
        one = [t[k] if d == 0 else t for t, d in zip(rows, dims, strict=True)]
        torch.testing.assert_close(got[k], kernel(*one), **EXACT)


@BOTH
def test_vmap_of_grad(which):
    kernel, twin, inputs = operators()[which]
    batch = torch.stack([inputs[0], inputs[0].flip(0)])
    found, expected = (
        torch.func.vmap(torch.func.grad(lambda x, f=f: f(x, *inputs[1:]).square().sum()))(batch)
        for f in (kernel, twin)
    )
    torch.testing.assert_close(found, expected, **EXACT)


@BOTH
@pytest.mark.parametrize("moving", [(0,), (2,), (0, 1), (0, 1, 2)])
def test_many_tangents_are_a_loop(which, moving):
    kernel, _, inputs = operators()[which]

    def partial(*some):
        full = list(inputs)
        for i, t in zip(moving, some, strict=True):
            full[i] = t
        return kernel(*full)

    primals = tuple(inputs[i] for i in moving)
    tangents = [randn(5, *t.shape, seed=i) for i, t in enumerate(primals)]
    together = torch.func.vmap(lambda *t: torch.func.jvp(partial, primals, t)[1])(*tangents)
    for k in range(5):
        alone = torch.func.jvp(partial, primals, tuple(t[k] for t in tangents))[1]
        torch.testing.assert_close(together[k], alone, **EXACT)


@BOTH
@pytest.mark.parametrize("moving", [(0,), (2,), (0, 1, 2)])
def test_pushed_is_vmap_of_jvp(which, moving):
    kernel, _, inputs = operators()[which]
    # every input moves in two of four directions, not the same two
    directions = {i: (i % 3, 3) for i in moving}
    tangents = {i: randn(2, *inputs[i].shape, seed=i) for i in moving}
    pushed = [
        Pushed.make(t, tangents[i], directions[i]) if i in moving else t
        for i, t in enumerate(inputs)
    ]
    used = sorted({d for pair in directions.values() for d in pair})
    full = [torch.zeros(len(used), *t.shape) for t in inputs]
    for i in moving:
        full[i] = full[i].double()
        full[i][[used.index(d) for d in directions[i]]] = tangents[i]
    expected = torch.func.vmap(lambda *t: torch.func.jvp(kernel, tuple(inputs), t)[1])(
        *(t.double() for t in full)
    )
    result = kernel(*pushed)
    torch.testing.assert_close(result.value, kernel(*inputs), **EXACT)
    torch.testing.assert_close(result.tangent, expected, **EXACT)
    assert result.directions == tuple(used)


@BOTH
@pytest.mark.parametrize("argument", [0, 2])
def test_derivative_of_a_jacobian(which, argument):
    """jvp, jacfwd and jacrev over a jacfwd: the slope of an exact Jacobian by a knob."""
    kernel, twin, (x, y, third, *rest) = small(which)
    direction = randn(*third.shape, seed=9)

    def jacobian(knob, function):
        inputs = (x * (1 + knob), y, third + knob * direction, *rest)
        return torch.func.jacfwd(function, argnums=argument)(*inputs)

    knob = torch.tensor(0.01, dtype=torch.float64)
    expected = torch.func.jacrev(lambda k: jacobian(k, twin))(knob)
    transforms = {
        "jvp": lambda f: torch.func.jvp(f, (knob,), (torch.ones_like(knob),))[1],
        "jacfwd": lambda f: torch.func.jacfwd(f)(knob),
        "jacrev": lambda f: torch.func.jacrev(f)(knob),
    }
    for transform in transforms.values():
        torch.testing.assert_close(transform(lambda k: jacobian(k, kernel)), expected, **EXACT)
    h = 1e-6
    difference = (jacobian(knob + h, kernel) - jacobian(knob - h, kernel)) / (2 * h)
    torch.testing.assert_close(expected, difference, rtol=1e-6, atol=1e-7)

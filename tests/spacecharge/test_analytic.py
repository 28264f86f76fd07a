"""Gaussian fields in closed form: free space and the box."""

import numpy as np
import pytest
import torch
from claims import claim
from scipy.integrate import quad
from scipy.special import wofz

import pyjutrack as pj
from pyjutrack.collective.analytic import bassetti_erskine, gaussian_in_box

ORIGIN = torch.zeros(1, dtype=torch.float64)


def positions(count, scale, seed=3):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(scale * rng.standard_normal((2, count)))


def faddeeva(x, y, sx, sy):
    """The published formula, for sx > sy."""
    s = np.sqrt(2 * (sx**2 - sy**2))
    a, b = np.abs(x), np.abs(y)
    w = wofz((a + 1j * b) / s) - np.exp(-(a**2) / (2 * sx**2) - b**2 / (2 * sy**2)) * wofz(
        (a * sy / sx + 1j * b * sx / sy) / s
    )
    field = np.sqrt(np.pi) / s * w
    return -field.imag * np.sign(x), -field.real * np.sign(y)


def round_gradient(x, y, s):
    r2 = x**2 + y**2
    return tuple(u / r2 * np.expm1(-r2 / (2 * s**2)) for u in (x, y))


def relative(got, expected):
    got = [np.asarray(g) for g in got]
    error = np.hypot(*(g - e for g, e in zip(got, expected, strict=True)))
    return (error / np.hypot(*expected)).max()


@pytest.mark.parametrize("ratio", [0.01, 0.1, 1 / 3, 0.8])
@pytest.mark.parametrize("upright", [False, True])
def test_faddeeva(ratio, upright):
    x, y = positions(500, 3e-3)
    sx, sy = 1e-3, ratio * 1e-3
    expected = faddeeva(x.numpy(), y.numpy(), sx, sy)
    got = bassetti_erskine(y, x, sy, sx)[::-1] if upright else bassetti_erskine(x, y, sx, sy)
    text = "field of an elliptic Gaussian in open space, of it"
    claim("Space charge", text, "Faddeeva function", relative(got, expected), 2e-12)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 6.0, 100.0])
def test_round(scale):
    x, y = positions(300, scale)
    assert relative(bassetti_erskine(x, y, 1.0, 1.0), round_gradient(x.numpy(), y.numpy(), 1)) < (
        1e-12
    )


@pytest.mark.parametrize("split", [1e-13, 1e-9, 1e-7, 1e-5, 1e-3, -1e-7, -1e-3])
def test_nearly_round(split):
    """Against quadrature of Kheifets' integral over q, where the published formula loses digits."""
    sx, sy = 1 + split, 1.0
    for x, y in [(0.3, -0.2), (2.0, 1.0), (-5.0, 4.0)]:

        def integrand(v, x=x, y=y):
            q = np.exp(v)
            ux, uy = 2 * sx**2 + q, 2 * sy**2 + q
            return q / ux * np.exp(-x * x / ux - y * y / uy) / np.sqrt(ux * uy)

        def other(v, x=x, y=y):
            q = np.exp(v)
            ux, uy = 2 * sx**2 + q, 2 * sy**2 + q
            return q / uy * np.exp(-x * x / ux - y * y / uy) / np.sqrt(ux * uy)

        options = {"epsabs": 1e-15, "epsrel": 1e-13, "limit": 400}
        expected = [
            -u * quad(f, -35, 35, points=[0.0, 3.0], **options)[0]
            for u, f in ((x, integrand), (y, other))
        ]
        at = [torch.tensor(u, dtype=torch.float64) for u in (x, y)]
        assert relative(bassetti_erskine(*at, sx, sy), expected) < 1e-12


@pytest.mark.parametrize("sizes", [(1.0, 1.0), (1.0, 0.05), (0.05, 1.0)])
def test_limits(sizes):
    """Origin: no field, slopes -1/(s (sx + sy)); far away: 1/r, with the quadrupole term."""
    hx, hy = bassetti_erskine(ORIGIN, ORIGIN, *sizes)
    assert float(hx) == 0
    assert float(hy) == 0
    slopes = torch.func.jacrev(lambda p: torch.stack(bassetti_erskine(p[0], p[1], *sizes)))(
        torch.zeros(2, dtype=torch.float64)
    )
    expected = -torch.diag(1 / (torch.tensor(sizes, dtype=torch.float64) * sum(sizes)))
    torch.testing.assert_close(slopes, expected, rtol=1e-12, atol=1e-14)
    r = torch.tensor([1e4], dtype=torch.float64)
    quadrupole = (sizes[0] ** 2 - sizes[1] ** 2) / float(r) ** 3
    along = bassetti_erskine(r, ORIGIN, *sizes)[0]
    # the quadrature's own error as stated, and rounding: 64 terms, and exponents of up to 40
    stated, rounding = 1e-13, (64 + 40) * torch.finfo(torch.float64).eps
    torch.testing.assert_close(along, -1 / r - quadrupole, rtol=stated + rounding, atol=0)


@pytest.mark.parametrize("sizes", [(1.0, 0.3), (0.3, 1.0), (1.0, 1.0), (1.0, 1 - 1e-9)])
def test_divergence_is_the_density(sizes):
    x, y = positions(50, 1.0)
    sx, sy = sizes
    h = 1e-4
    second = [
        (bassetti_erskine(x + h, y, sx, sy)[0] - bassetti_erskine(x - h, y, sx, sy)[0]) / (2 * h),
        (bassetti_erskine(x, y + h, sx, sy)[1] - bassetti_erskine(x, y - h, sx, sy)[1]) / (2 * h),
    ]
    density = torch.exp(-((x / sx) ** 2 + (y / sy) ** 2) / 2) / (sx * sy)
    torch.testing.assert_close(-(second[0] + second[1]), density, rtol=0, atol=2e-6)


@pytest.mark.parametrize("sizes", [(1.0, 0.4), (0.4, 1.0), (1.0, 1.0), (1.0, 1 + 1e-8)])
def test_derivatives(sizes):
    x = torch.tensor([0.0, 0.7, -2.0, 12.0], dtype=torch.float64, requires_grad=True)
    y = torch.tensor([0.0, -0.2, 1.5, 3.0], dtype=torch.float64, requires_grad=True)
    sx, sy = (torch.tensor(s, dtype=torch.float64, requires_grad=True) for s in sizes)
    assert torch.autograd.gradcheck(bassetti_erskine, (x, y, sx, sy), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(
        bassetti_erskine, (x, y, sx, sy), check_fwd_over_rev=True, check_rev_over_rev=True
    )


def test_rejects_sizes():
    with pytest.raises(pj.errors.InvalidValueError, match="positive"):
        bassetti_erskine(ORIGIN, ORIGIN, 0.0, 1.0)


BOX = (0.02, 0.03)


def test_box_walls_and_slopes():
    wall = torch.linspace(-0.01, 0.01, 9, dtype=torch.float64)
    half = torch.full_like(wall, 0.01)
    h, _, along_wall = gaussian_in_box(half, wall, 1e-3, 5e-4, BOX)
    assert float(h.abs().max()) < 1e-12
    assert float(along_wall.abs().max()) < 1e-9
    x, y = positions(20, 1e-3)
    step = 1e-6
    _, hx, hy = gaussian_in_box(x, y, 1e-3, 5e-4, BOX)
    for got, dx, dy in ((hx, step, 0), (hy, 0, step)):
        up, down = (gaussian_in_box(x + s * dx, y + s * dy, 1e-3, 5e-4, BOX)[0] for s in (1, -1))
        torch.testing.assert_close((up - down) / (2 * step), got, rtol=1e-6, atol=1e-4)


def test_box_satisfies_poisson():
    sx, sy, offset = 1e-3, 8e-4, (1e-3, -2e-3)
    x, y = positions(20, 1e-3)

    def slopes(x, y):
        return torch.stack(gaussian_in_box(x, y, sx, sy, BOX, offset=offset)[1:])

    h = 1e-7
    laplacian = (slopes(x + h, y)[0] - slopes(x - h, y)[0]) / (2 * h)
    laplacian += (slopes(x, y + h)[1] - slopes(x, y - h)[1]) / (2 * h)
    quadratic = ((x - offset[0]) / sx) ** 2 + ((y - offset[1]) / sy) ** 2
    expected = torch.exp(-quadratic / 2) / (sx * sy)
    torch.testing.assert_close(-laplacian, expected, rtol=0, atol=1e-7 / (sx * sy))


def test_box_modes_converge():
    x, y = positions(20, 1e-3)
    few = gaussian_in_box(x, y, 1e-3, 5e-4, BOX)
    many = gaussian_in_box(x, y, 1e-3, 5e-4, BOX, modes=(200, 400))
    for a, b in zip(few, many, strict=True):
        assert float((a - b).abs().max() / b.abs().max()) < 1e-12


def test_wide_box_is_free_space():
    """The image charges in the walls of a square act by an octupole: as 1/side^4."""
    sx, sy = 1e-3, 5e-4
    x, y = positions(40, 1e-3)
    free = torch.stack(bassetti_erskine(x, y, sx, sy))
    differences = []
    for side in (0.02, 0.04, 0.08):
        boxed = torch.stack(gaussian_in_box(x, y, sx, sy, (side, side))[1:])
        differences.append(float((boxed - free).norm() / free.norm()))
    assert differences[-1] < 1e-5
    assert differences[1] / differences[2] == pytest.approx(16, rel=0.02)


def test_box_gradient_by_everything():
    x, y = (p.requires_grad_() for p in positions(3, 1.0))
    parameters = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (1.0, 0.8, 0.3)]

    def function(x, y, sx, sy, dx):
        return gaussian_in_box(x, y, sx, sy, (14.0, 12.0), modes=(20, 20), offset=(dx, 0.0))

    assert torch.autograd.gradcheck(function, (x, y, *parameters), check_forward_ad=True)


@pytest.mark.parametrize(
    ("sizes", "offset"),
    [((2.1e-3, 1e-3), (0.0, 0.0)), ((1e-3, 1e-3), (5.5e-3, 0.0)), ((1e-3, -1e-3), (0.0, 0.0))],
)
def test_box_rejects(sizes, offset):
    with pytest.raises(pj.errors.InvalidValueError):
        gaussian_in_box(ORIGIN, ORIGIN, *sizes, BOX, offset=offset)

"""The solver of the elliptical pipe as an operator: symmetries, derivatives, batches."""

import pytest
import torch
from elliptical_pipe_cases import FLAT, TALL, EllipticalPipe

import pyjutrack as pj

SMALL = {"size": (0.02, 0.016), "shape": (14, 10)}


def random_cells(pipe, seed):
    generator = torch.Generator().manual_seed(seed)
    cells = torch.rand(pipe.mesh.grid.padded_shape, generator=generator, dtype=torch.float64)
    return cells / cells.sum()


def test_symmetric_and_positive():
    """<a, S b> = <S a, b>: kicks of a beam on itself are symplectic."""
    pipe = EllipticalPipe()
    a, b = random_cells(pipe, 1), random_cells(pipe, 2)
    left, right = (a * pipe.solve(b)).sum(), (b * pipe.solve(a)).sum()
    torch.testing.assert_close(left, right, rtol=1e-12, atol=0)
    assert float(((a - b) * pipe.solve(a - b)).sum()) > 0


def test_linear():
    pipe = EllipticalPipe()
    a, b = random_cells(pipe, 3), random_cells(pipe, 4)
    torch.testing.assert_close(
        pipe.solve(2 * a - 3 * b), 2 * pipe.solve(a) - 3 * pipe.solve(b), rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1)])
def test_mirrors(axes):
    pipe = EllipticalPipe()
    cells = random_cells(pipe, 5)
    mirrored = pipe.solve(cells.flip(axes))
    torch.testing.assert_close(mirrored, pipe.solve(cells).flip(axes), rtol=1e-10, atol=1e-12)


def test_turned_by_a_quarter():
    cells = random_cells(EllipticalPipe(FLAT), 6)
    turned = EllipticalPipe(TALL).solve(cells.mT).mT
    torch.testing.assert_close(turned, EllipticalPipe(FLAT).solve(cells), rtol=1e-10, atol=1e-12)


def test_derivatives_to_second_order():
    pipe = EllipticalPipe(**SMALL)
    cells = random_cells(pipe, 8)
    torch.autograd.gradcheck(pipe.solve, cells.requires_grad_(), check_forward_ad=True)
    torch.autograd.gradgradcheck(lambda c: pipe.solve(c) ** 2, cells, fast_mode=True)


def test_jacobians_of_both_modes():
    pipe = EllipticalPipe(**SMALL)
    cells = random_cells(pipe, 9)
    forward, reverse = torch.func.jacfwd(pipe.solve)(cells), torch.func.jacrev(pipe.solve)(cells)
    torch.testing.assert_close(forward, reverse)
    torch.testing.assert_close(torch.tensordot(forward, cells, 2), pipe.solve(cells))


def test_batches():
    pipe = EllipticalPipe(**SMALL)
    cells = torch.stack([random_cells(pipe, seed) for seed in (9, 10, 11)])
    one_by_one = torch.stack([pipe.solve(c) for c in cells])
    torch.testing.assert_close(pipe.solve(cells), one_by_one)
    torch.testing.assert_close(torch.func.vmap(pipe.solve)(cells), one_by_one)


def test_precision_follows_the_density():
    pipe = EllipticalPipe()
    cells = random_cells(pipe, 12)
    single = pipe.solve(cells.float())
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), pipe.solve(cells), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "semi_axes", [(0.0, 5e-3), (-1e-3, 5e-3), (8e-3, 11e-3), (float("nan"), 1)]
)
def test_rejects(semi_axes):
    with pytest.raises(pj.errors.InvalidValueError, match="semi-axes"):
        EllipticalPipe(semi_axes)

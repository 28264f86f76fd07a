"""The border between padded grid and cells."""

import torch

from pyjutrack.collective import SpectralPoisson
from pyjutrack.mesh.grid import GHOSTS
from pyjutrack.surrogate.border import fold, unfold


def test_they_are_transposes():
    generator = torch.Generator().manual_seed(0)
    padded = torch.randn(3, 12, 14, generator=generator, dtype=torch.float64)
    cells = torch.randn(3, 8, 10, generator=generator, dtype=torch.float64)
    assert torch.allclose((fold(padded) * cells).sum(), (padded * unfold(cells)).sum())


def test_the_solver_continues_as_the_border_does():
    solver = SpectralPoisson(shape=(16, 20))
    padded = torch.rand(*solver.mesh.grid.padded_shape, dtype=torch.float64)
    h = solver.solve(padded)
    inner = (slice(GHOSTS, -GHOSTS),) * 2
    assert torch.allclose(unfold(h[inner]), h, atol=1e-12)
    only_cells = torch.zeros_like(padded)
    only_cells[inner] = fold(padded)
    assert torch.allclose(solver.solve(only_cells), h, atol=1e-12)

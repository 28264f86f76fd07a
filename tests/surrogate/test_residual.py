"""A network on top of a solver: its blocks of cells, its weights, and what it can learn."""

import dataclasses

import pytest
import torch
from correction_cases import DOUBLE, noise, random, solver
from surrogate_cases import build, shares

import pyjutrack as pj
from pyjutrack.collective import density
from pyjutrack.surrogate.border import fold, unfold
from pyjutrack.surrogate.network import evaluate


def test_a_small_one_has_about_ten_thousand_weights():
    ours = pj.surrogate.ResidualNetwork.small(solver(cells=(128, 128)), seed=4)
    assert (len(ours.weights), ours.block) == (9984, 4)
    assert ours.network.count == 9984
    assert ours.weights.dtype == DOUBLE
    assert ours.linear
    again, other = (
        pj.surrogate.ResidualNetwork.small(solver(cells=(128, 128)), seed=s) for s in (4, 5)
    )
    assert torch.equal(ours.weights, again.weights)
    assert not torch.equal(ours.weights, other.weights)


@pytest.mark.parametrize(
    ("cells", "block"), [((32, 48), 1), ((64, 64), 2), ((128, 96), 2), ((256, 256), 8)]
)
def test_it_sees_blocks_of_cells(cells, block):
    assert pj.surrogate.ResidualNetwork.small(solver(cells=cells)).block == block


def test_weights_stand_in_the_order_of_the_network():
    residual = random("network")
    names, place = list(residual.network.weights), 0
    learned = residual.current_network()
    for name in names:
        shape = residual.network.weights[name].shape
        part = residual.weights[place : place + shape.numel()]
        assert torch.equal(learned.weights[name], part.reshape(shape))
        place += shape.numel()
    assert place == len(residual.weights)


@pytest.mark.parametrize("architecture", ["linear", "variational", "pix2pix"])
def test_the_term_is_the_networks_answer_spread_by_splines(architecture):
    """Step by step; a network that is not linear sees the density of a whole beam."""
    network = build(architecture)
    residual = pj.surrogate.ResidualNetwork(solver(), network)
    splines = residual._splines.tensors(DOUBLE, torch.device("cpu"))[0]
    cells = splines.mT @ shares() @ splines
    share = 1.0 if network.linear else float(cells.sum())
    answer = share * evaluate(network.layers, network.weights, cells / share)
    expected = splines @ answer @ splines.mT
    torch.testing.assert_close(residual.term(shares(), residual.weights), expected)


@pytest.mark.parametrize("block", [1, 2, 4])
def test_ghosts_are_continued_as_those_of_a_surrogate(block):
    """Of densities and of potentials: each side is made of `fold` or `unfold` of its cells."""
    from pyjutrack.surrogate.architectures import Standardisation, unet

    network = unet((3, 4), Standardisation(0.0, 0.03), 2, activated=False).to(DOUBLE)
    residual = pj.surrogate.ResidualNetwork(solver(), network, block=block)
    h = residual.term(shares(), residual.weights)
    torch.testing.assert_close(unfold(h[2:-2, 2:-2]), h, rtol=0, atol=1e-13)
    folded = torch.zeros(68, 68, dtype=DOUBLE)
    folded[2:-2, 2:-2] = fold(shares())
    torch.testing.assert_close(residual.term(folded, residual.weights), h, rtol=0, atol=1e-12)


def test_splines_are_a_partition_of_one_far_from_the_walls():
    residual = random("network")
    splines = residual._splines.tensors(DOUBLE, torch.device("cpu"))[0]
    torch.testing.assert_close(splines[8:-8].sum(1), torch.ones(52, dtype=DOUBLE))
    # smooth maps come back: a linear one exactly, as cubic splines keep those
    centres = (torch.arange(32, dtype=DOUBLE) + 0.5) * 2 - 0.5
    torch.testing.assert_close((splines @ centres)[8:-8], torch.arange(6.0, 58.0, dtype=DOUBLE))


def test_it_learns_what_the_solver_lacks():
    """A fifth of the solver's own field: by its slopes on the grid, held out on other beams."""
    residual, g = (
        pj.surrogate.ResidualNetwork.small(solver(), seed=1),
        torch.Generator().manual_seed(1),
    )
    sizes = 7e-4 + 8e-4 * torch.rand(10, 2, 1, generator=g, dtype=DOUBLE)
    beams = sizes * torch.randn(10, 2, 2000, generator=g, dtype=DOUBLE)
    densities = torch.stack([density(residual.mesh, *beam) for beam in beams])
    aims = torch.stack([0.2 * residual.solver.solve(f) for f in densities])

    def misfit(weights, some):
        off = residual.term(densities[some], weights) - aims[some]
        square = sum(off.diff(dim=d).square().sum((1, 2)) for d in (1, 2))
        whole = sum(aims[some].diff(dim=d).square().sum((1, 2)) for d in (1, 2))
        return (square / whole).mean()

    weights = residual.weights.clone().requires_grad_()
    optimiser = torch.optim.Adam([weights], lr=4e-3)
    seen, unseen = slice(0, 8), slice(8, 10)
    assert float(misfit(residual.weights, unseen)) == pytest.approx(1.0)
    for _ in range(40):
        optimiser.zero_grad()
        misfit(weights, seen).backward()
        optimiser.step()
    assert float(misfit(weights.detach(), unseen)) < 0.05


def test_what_does_not_fit():
    network = build("linear")
    for make, message in (
        (
            lambda: pj.surrogate.ResidualNetwork.small(solver(cells=(100, 64))),
            r"multiples of 8, got \(100",
        ),
        (
            lambda: pj.surrogate.ResidualNetwork(solver(), network, block=3),
            r"\(64, 64\) cells do not .* 3",
        ),
        (lambda: pj.surrogate.ResidualNetwork(solver(), network, block=0), "blocks of 0"),
        (
            lambda: pj.surrogate.ResidualNetwork(solver(), network, block=16),
            r"does not fit \(4, 4\) cells",
        ),
        (
            lambda: pj.surrogate.ResidualNetwork.small(solver(), channels=(4,)),
            "two positive widths",
        ),
    ):
        with pytest.raises(pj.errors.InvalidValueError, match=message):
            make()
    leaves = {k: w.clone().requires_grad_() for k, w in network.weights.items()}
    with pytest.raises(
        pj.errors.InvalidValueError, match="by the `weights` of the ResidualNetwork"
    ):
        pj.surrogate.ResidualNetwork(solver(), network.replace(leaves))


def test_weights_replaced_in_the_correction_count():
    residual = random("network")
    shifted = residual.weights + 0.01 * noise(residual)
    other = dataclasses.replace(residual, weights=shifted)
    straight = pj.surrogate.ResidualNetwork(
        residual.solver, other.current_network(), block=residual.block
    )
    assert torch.equal(other.solve(shares()), straight.solve(shares()))
    assert not torch.equal(other.solve(shares()), residual.solve(shares()))

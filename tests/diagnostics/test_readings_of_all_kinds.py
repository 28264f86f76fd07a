"""What holds of the readings of every diagnostic: derivatives, batches, precision, ranks."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from reading_cases import BEAM, SMOOTH
from thread_ranks import worlds

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack.autodiff import Pushed
from pyjutrack.tracking.end import state_of


@pytest.fixture(params=SMOOTH)
def diagnostic(request):
    return SMOOTH[request.param]


def _reader(diagnostic, beam):
    return lambda coordinates: diagnostic.read(beam.replace(coordinates=coordinates))


def test_shape_name_and_protocol(diagnostic):
    reading = diagnostic.read(BEAM)
    assert isinstance(diagnostic, dg.Diagnostic)
    assert tuple(reading.shape) == diagnostic.shape
    assert diagnostic.name.startswith("m.")
    assert torch.isfinite(reading).all()


def test_slopes_by_three_ways(diagnostic):
    read = _reader(diagnostic, BEAM)
    start = torch.nan_to_num(BEAM.coordinates)
    g = torch.Generator().manual_seed(5)
    ways = torch.randn(3, *start.shape, generator=g, dtype=torch.float64) * 1e-3
    by_func = torch.func.vmap(lambda t: torch.func.jvp(read, (start,), (t,))[1])(ways)
    pushed = read(Pushed.make(start, ways, (0, 1, 2)))
    torch.testing.assert_close(pushed.tangent, by_func, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(pushed.value, read(start), rtol=1e-14, atol=1e-15)
    leaf = start.clone().requires_grad_()
    weights = torch.randn(diagnostic.shape, generator=g, dtype=torch.float64)
    (gradient,) = torch.autograd.grad((read(leaf) * weights).sum(), leaf)
    torch.testing.assert_close(
        (gradient * ways).sum((1, 2)),
        (by_func * weights).reshape(3, -1).sum(1),
        rtol=1e-10,
        atol=1e-12,
    )
    assert not gradient[~BEAM.alive].any()
    step = 1e-4
    differences = torch.stack(
        [(read(start + step * t) - read(start - step * t)) / (2 * step) for t in ways]
    )
    scale = float(by_func.abs().max())
    torch.testing.assert_close(by_func, differences, rtol=0, atol=2e-6 * scale)


def test_gradients_are_finite_beside_lost_particles_that_are_no_numbers(diagnostic):
    leaf = BEAM.coordinates.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(_reader(diagnostic, BEAM)(leaf).sum(), leaf)
    assert torch.isfinite(gradient).all()


def test_second_derivatives(diagnostic):
    start = torch.nan_to_num(BEAM.coordinates)[:20]
    read = _reader(diagnostic, BEAM.replace(coordinates=start, alive=BEAM.alive[:20]))
    way = torch.randn(start.shape, generator=torch.Generator().manual_seed(6), dtype=torch.float64)

    def slope(coordinates):
        leaf = coordinates.clone().requires_grad_()
        figure = (read(leaf) ** 2).sum()
        return torch.autograd.grad(figure, leaf, create_graph=True)[0], leaf

    gradient, leaf = slope(start)
    (curved,) = torch.autograd.grad((gradient * way).sum(), leaf)
    step = 1e-9
    up, down = slope(start + step * way)[0], slope(start - step * way)[0]
    expected = (up - down).detach() / (2 * step)
    torch.testing.assert_close(curved, expected, rtol=0, atol=2e-4 * float(expected.abs().max()))


def test_a_batch_is_read_beam_by_beam(diagnostic):
    start = torch.nan_to_num(BEAM.coordinates)
    batch = pj.Beam(
        BEAM.reference,
        torch.stack([start, 0.5 * start]),
        alive=torch.stack([BEAM.alive, torch.ones_like(BEAM.alive)]),
    )
    rows = [
        diagnostic.read(pj.Beam(BEAM.reference, c, alive=a))
        for c, a in zip(batch.coordinates, batch.alive, strict=True)
    ]
    torch.testing.assert_close(diagnostic.read(batch), torch.stack(rows))


def test_single_precision_stays_single(diagnostic):
    low = BEAM.to(torch.float32)
    reading = diagnostic.read(low)
    assert reading.dtype == torch.float32
    torch.testing.assert_close(reading.double(), diagnostic.read(BEAM), rtol=1e-3, atol=1e-5)


def test_pushed_columns_of_a_beam_become_a_state():
    start = torch.nan_to_num(BEAM.coordinates)
    ways = torch.arange(2 * start.numel(), dtype=torch.float64).reshape(2, *start.shape)
    columns = state_of(Pushed.make(start, ways, (0, 1)), BEAM.alive).coordinates
    for i, column in enumerate(columns):
        assert isinstance(column, Pushed)
        assert column.value.is_contiguous()
        assert torch.equal(column.value, start[:, i])
        assert torch.equal(column.tangent, ways[..., i])


def test_ranks_that_share_a_beam_read_the_whole_of_it(diagnostic):
    """Two ranks, here two threads, each with a part: one reading, with slopes by each part."""
    whole = BEAM.replace(coordinates=torch.nan_to_num(BEAM.coordinates))
    parts = (slice(0, 200), slice(200, 600))

    def member(world):
        rows = parts[world.rank]
        leaf = whole.coordinates[rows].clone().requires_grad_()
        reading = diagnostic.read(pj.Beam(BEAM.reference, leaf, 0.0, BEAM.alive[rows], world))
        share = world.split_scalar((reading * weights).sum())
        return reading.detach(), torch.autograd.grad(share, leaf)[0]

    g = torch.Generator().manual_seed(8)
    weights = torch.randn(diagnostic.shape, generator=g, dtype=torch.float64)
    with ThreadPoolExecutor(2) as pool:
        (first, by_first), (second, by_second) = pool.map(member, worlds(2, 600))
    leaf = whole.coordinates.clone().requires_grad_()
    expected = diagnostic.read(whole.replace(coordinates=leaf))
    (slope,) = torch.autograd.grad((expected * weights).sum(), leaf)
    assert torch.equal(first, second)
    torch.testing.assert_close(first, expected.detach(), rtol=1e-12, atol=1e-15)
    torch.testing.assert_close(torch.cat([by_first, by_second]), slope, rtol=1e-9, atol=1e-9)

"""The compiled maps against their plain twins: values, and derivatives of every kind and order."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from element_cases import PROTON, points
from torch import Tensor

from pyjutrack.maps.apply import apply_map
from pyjutrack.maps.base import MAPS, find_map

CASES = [
    ("drift", (0.7,)),
    ("drift", (0.0,)),
    ("drift_paraxial", (0.7,)),
    ("quadrupole", (0.1, 29.6)),
    ("quadrupole", (1.1, -5.0)),
    ("quadrupole", (0.3, 0.0)),
    ("quadrupole", (0.3, 1e-9)),
    ("quadrupole", (0.0, 5.0)),
    ("skew_quadrupole", (0.3, 1.0, -2.0)),
    ("skew_quadrupole", (0.7, 0.0, 0.0)),
    ("bend", (0.7, 0.3, 0.45)),
    ("bend", (1.0, 1.2, 0.6)),
    ("bend", (0.0, -0.2, 0.6)),
    ("bend", (0.7, 0.0, 0.0)),
    ("bend", (0.7, 0.1, 1e-9)),
    ("bend_linear", (0.7, 0.3, 0.45, 0.8)),
    ("bend_linear", (1.5, 0.3, 0.2, -2.0)),
    ("bend_linear", (0.7, 0.0, 0.0, 0.0)),
    ("solenoid", (0.7, 0.5)),
    ("solenoid", (3.0, -1.5)),
    ("solenoid", (0.7, 0.0)),
    ("edge_fringe", (0.45, 0.5, 0.02)),
    ("edge_fringe", (0.45, 0.0, 0.0)),
    ("radiate", (0.03, 0.4, 0.3, 0.1, -0.2, 0.45, 1.2, -3.0, 40.0, 0.1, -0.6, 5.0, 20.0)),
    ("radiate", (0.03, 0.0, 0.0, 0.1, 0.0, 0.45, *(0.0,) * 7)),
    ("boost", (0.3, 1.1, 0.8, 0.6)),
    ("boost", (0.0, 1.0, 1.0, 0.0)),
    ("gaussian_kick", (1e-6, 1e-3, -2e-3, 2e-5, 0.0, 2e-5)),
    ("gaussian_kick", (1e-6, 1e-3, -2e-3, 1e-5, 4e-6, 2e-5)),
    (
        "synchro_beam",
        (1e-6, 0.01, 1e-3, 0.1, -2e-3, 0.2, 1e-5, 1e-6, 2e-5, *(0.0,) * 3, 2e-5, 1e-6, 1e-5),
    ),
    (
        "synchro_beam",
        (1e-6, 0.01, 1e-3, 0.1, 0.0, 0.0, 3e-5, 1e-6, 2e-5, 5e-6, 1e-6, 1e-6, 2e-5, 1e-6, 1e-5),
    ),
    ("radiate_photons", (0.03, 0.02, 0.4, 0.3, 0.1, 0.0, 0.45, 1.2, -3.0, *(0.5,) * 5)),
]
each = pytest.mark.parametrize(("name", "parameters"), CASES)
ALIVE = torch.tensor([True, True, False, True])


def fixed(name: str) -> tuple[float, ...]:
    return (PROTON.beta,) * len(find_map(name).constants)


def compiled(name: str, alive: Tensor = ALIVE) -> Callable[..., Tensor]:
    return lambda c, p: torch.stack(
        apply_map(find_map(name), c.unbind(-1), alive, p.unbind(0), fixed(name)), -1
    )


def plain(name: str, alive: Tensor = ALIVE) -> Callable[..., Tensor]:
    def function(c: Tensor, p: Tensor) -> Tensor:
        moved = torch.stack(find_map(name)(*c.unbind(-1), *p.unbind(0), *fixed(name)), -1)
        return torch.where(alive.unsqueeze(-1), moved, c)

    return function


def inputs(parameters: tuple[float, ...]) -> tuple[Tensor, Tensor]:
    return points(4, seed=3), torch.tensor(parameters, dtype=torch.float64)


def close(found: object, expected: object) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)


def test_every_map_with_kernels_of_derivatives_is_tested() -> None:
    ours = [m for m in MAPS.values() if m.function.__module__.startswith("pyjutrack.")]
    assert {name for name, _ in CASES} == {m.name for m in ours if m.array_kernels}
    for name, parameters in CASES:
        assert len(find_map(name).parameters) == len(parameters) + len(fixed(name))


@each
def test_values(name: str, parameters: tuple[float, ...]) -> None:
    close(compiled(name)(*inputs(parameters)), plain(name)(*inputs(parameters)))


@each
def test_values_of_many_particles(name: str, parameters: tuple[float, ...]) -> None:
    c, alive = points(1000), torch.rand(1000) > 0.2
    p = torch.tensor(parameters, dtype=torch.float64)
    close(compiled(name, alive)(c, p), plain(name, alive)(c, p))


@each
@pytest.mark.parametrize("transform", [torch.func.jacfwd, torch.func.jacrev])
def test_jacobians(name: str, parameters: tuple[float, ...], transform: Callable) -> None:
    found = transform(compiled(name), argnums=(0, 1))(*inputs(parameters))
    expected = torch.func.jacrev(plain(name), argnums=(0, 1))(*inputs(parameters))
    close(found, expected)


@each
def test_gradients_of_many_particles(name: str, parameters: tuple[float, ...]) -> None:
    """More than one block, so that the partial sums over blocks count."""
    alive = torch.rand(1000) > 0.2
    found = []
    for function in (compiled(name, alive), plain(name, alive)):
        c = points(1000).requires_grad_()
        p = torch.tensor(parameters, dtype=torch.float64, requires_grad=True)
        weights = torch.linspace(-1, 1, 6000, dtype=torch.float64).reshape(1000, 6)
        found.append(torch.autograd.grad((function(c, p) * weights).sum(), (c, p)))
    torch.testing.assert_close(*found, rtol=1e-11, atol=1e-12)


@each
@pytest.mark.parametrize("outer", [torch.func.jacfwd, torch.func.jacrev])
@pytest.mark.parametrize("inner", [torch.func.jacfwd, torch.func.jacrev])
def test_second_derivatives(
    name: str, parameters: tuple[float, ...], outer: Callable, inner: Callable
) -> None:
    c, p = inputs(parameters)

    def slopes(function: Callable, one: Callable, two: Callable) -> Tensor:
        return one(two(lambda q: function(c, q)))(p)

    found = slopes(compiled(name), outer, inner)
    close(found, slopes(plain(name), torch.func.jacrev, torch.func.jacrev))


@each
def test_jvp_over_jacfwd(name: str, parameters: tuple[float, ...]) -> None:
    """How `jacobian_derivatives` differentiates the Jacobian of a test particle by knobs."""
    c, p = inputs(parameters)
    dc, dp = torch.randn_like(c), torch.randn_like(p)

    def push(function: Callable, inner: Callable) -> Tensor:
        return torch.func.jvp(lambda c, p: inner(function)(c, p), (c, p), (dc, dp))[1]

    close(push(compiled(name), torch.func.jacfwd), push(plain(name), torch.func.jacrev))


@pytest.mark.parametrize(("name", "parameters"), [CASES[0], CASES[2], *CASES[4:6]])
def test_gradgradcheck(name: str, parameters: tuple[float, ...]) -> None:
    c, p = (t.requires_grad_() for t in inputs(parameters))
    assert torch.autograd.gradgradcheck(
        compiled(name),
        (c[:, :], p),
        eps=1e-6,
        atol=1e-7,
        rtol=1e-5,
        check_fwd_over_rev=True,
        fast_mode=True,
    )


@each
@pytest.mark.parametrize("dims", [(0, None), (None, 0), (0, 0)])
def test_vmap(
    name: str, parameters: tuple[float, ...], dims: tuple[int | None, int | None]
) -> None:
    c, p = inputs(parameters)
    cs = torch.stack([c, 0.5 * c, -c]) if dims[0] == 0 else c
    ps = torch.stack([p, 2 * p, p + 0.1]) if dims[1] == 0 else p
    found = torch.func.vmap(compiled(name), in_dims=dims)(cs, ps)
    for k in range(3):
        row = cs[k] if dims[0] == 0 else cs, ps[k] if dims[1] == 0 else ps
        close(found[k], plain(name)(*row))


@each
def test_derivatives_of_the_lost(name: str, parameters: tuple[float, ...]) -> None:
    """A lost particle passes its own tangent on and nothing else."""
    c, p = inputs(parameters)
    by_c, by_p = torch.func.jacfwd(compiled(name), argnums=(0, 1))(c, p)
    identity = torch.zeros(6, 4, 6, dtype=torch.float64)
    identity[:, 2, :] = torch.eye(6)
    assert torch.equal(by_c[2], identity)
    assert (by_p[2] == 0).all()


@each
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_second_derivatives_do_not_see_the_lost(
    name: str, parameters: tuple[float, ...], value: float
) -> None:
    c, p = inputs(parameters)
    holed = c.clone()
    holed[2] = value
    alive = [0, 1, 3]

    def slopes(start: Tensor, transform: Callable) -> Tensor:
        return transform(torch.func.jacfwd(lambda q: compiled(name)(start, q)[alive]))(p)

    for transform in (torch.func.jacfwd, torch.func.jacrev):
        close(slopes(holed, transform), slopes(c, transform))

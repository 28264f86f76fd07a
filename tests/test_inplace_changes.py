"""A tensor that is changed in place between the forward and the backward pass."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

import pyjutrack as pj

LITTLE = ("checkpoint", "reversible")
Change = Callable[[dict[str, torch.Tensor]], object]


class Bump(torch.nn.Module):
    """A kick of a buffer's strength."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(1e-3, dtype=torch.float64))
        self.register_buffer("peak", torch.tensor(2.0, dtype=torch.float64))


class BumpKick(pj.CollectiveEffect):
    reversible, max_step = True, 0.1

    def __init__(self, network: Bump) -> None:
        self.network = network

    def field(self, beam, state, place, memory):
        return None

    def apply(self, state, field, place):
        x, px, y, py, z, delta = state.coordinates
        px = px + self.network.scale * self.network.peak * x * place.ds
        return state._replace(coordinates=(x, px, y, py, z, delta))


def parts() -> dict[str, torch.Tensor]:
    def number(value: float, **options: bool) -> torch.Tensor:
        return torch.tensor(value, dtype=torch.float64, **options)

    return {
        "length": number(0.4, requires_grad=True),
        "k1": number(1.3),
        "current": number(0.01),
        "coordinates": 2e-3 * torch.rand(40, 6, dtype=torch.float64),
    }


def tracked(held: dict[str, torch.Tensor], adjoint: str, *effects) -> torch.Tensor:
    quadrupole = pj.Quadrupole(0.3, k1=held["k1"], name="q")
    line = pj.Lattice([quadrupole, pj.Drift(held["length"], name="d"), quadrupole])
    reference = pj.Reference.from_kinetic("proton", 3e6)
    beam = pj.Beam(reference, held["coordinates"], current=held["current"])
    out = pj.track(line, beam, effects=effects, adjoint=adjoint)
    return out.coordinates.square().sum()


CHANGES: dict[str, Change] = {
    "an optimiser's step of the length": lambda held: held["length"].mul_(1.5),
    "a gradient that is not asked for": lambda held: held["k1"].add_(1.0),
    "the current": lambda held: held["current"].zero_(),
}


@pytest.mark.parametrize("adjoint", LITTLE)
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_on_the_way_is_refused(adjoint: str, change: Change, kick) -> None:
    held = parts()
    figure = tracked(held, adjoint, kick)
    with torch.no_grad():
        change(held)
    with pytest.raises(pj.errors.InvalidValueError, match="changed in place after the beam"):
        figure.backward()


def test_the_beam_is_read_again_where_it_is_saved() -> None:
    held = parts()
    # columns of tracked beams are contiguous, and no copy is made of them
    held["coordinates"] = held["coordinates"].T.contiguous().T
    figure = tracked(held, "checkpoint")
    held["coordinates"].zero_()
    with pytest.raises(pj.errors.InvalidValueError, match="changed in place"):
        figure.backward()


def test_the_beam_may_change_where_it_is_found_again() -> None:
    held = parts()
    expected = torch.autograd.grad(tracked(held, "store"), held["length"])[0]
    figure = tracked(held, "reversible")
    held["coordinates"].zero_()
    figure.backward()
    torch.testing.assert_close(held["length"].grad, expected, rtol=1e-11, atol=0)


@pytest.mark.parametrize("adjoint", LITTLE)
@pytest.mark.parametrize("name", ["scale", "peak"])
def test_weights_and_buffers_of_networks(adjoint: str, name: str) -> None:
    network = Bump()
    figure = tracked(parts(), adjoint, BumpKick(network))
    with torch.no_grad():
        getattr(network, name).mul_(2.0)
    with pytest.raises(pj.errors.InvalidValueError, match="changed in place"):
        figure.backward()


@pytest.mark.parametrize("adjoint", LITTLE)
def test_a_change_after_the_backward_pass(adjoint: str) -> None:
    held = parts()
    figure = tracked(held, adjoint)
    figure.backward()
    held["k1"].add_(1.0)
    tracked(held, adjoint).backward()

"""Inverses of the maps of every element, and particles that cannot be found again."""

from __future__ import annotations

import pytest
import torch
from element_battery import CASES, ONE_WAY
from element_cases import PROTON, Case, points

import pyjutrack as pj
from pyjutrack.elements.inverse import has_inverse, track_inverse
from pyjutrack.elements.part import WHOLE, Part
from pyjutrack.elements.placement import advance
from pyjutrack.maps.state import State
from pyjutrack.tracking.adjoint.kernel_steps import _mask_inside


@pytest.mark.parametrize("case", CASES + ONE_WAY, ids=lambda c: c.label)
def test_every_map_has_an_inverse(case: Case) -> None:
    c = points(40)
    alive = torch.ones(len(c), dtype=torch.bool)
    alive[7] = False
    element = case.element()
    if not has_inverse(element, PROTON, WHOLE):
        assert case.options.get("second")  # a series of second order
        return
    end = advance(element, State(tuple(c.unbind(-1)), alive), PROTON, WHOLE)
    back = torch.stack(track_inverse(element, end, PROTON, WHOLE).coordinates, -1)
    torch.testing.assert_close(back, c, rtol=0, atol=2e-15)


def test_half_of_an_element_has_an_inverse() -> None:
    bend, c = pj.SBend(0.9, 0.4, e1=0.1, e2=0.2, k1=0.3), points(20)
    state = State(tuple(c.unbind(-1)), torch.ones(20, dtype=torch.bool))
    for part in (Part(0.0, 0.3), Part(0.3, 1.0)):
        end = advance(bend, state, PROTON, part)
        back = torch.stack(track_inverse(bend, end, PROTON, part).coordinates, -1)
        torch.testing.assert_close(back, c, rtol=0, atol=2e-15)


def test_particles_that_cannot_be_reconstructed_raise() -> None:
    """No kernel may read outside of its grid, whatever the rounding of the backward pass."""
    mesh = pj.SpectralPoisson((0.02, 0.02), (32, 32)).mesh
    x = torch.tensor([0.0, 0.01 * (1 + 1e-12), 0.5], dtype=torch.float64)
    y, alive = torch.zeros_like(x), torch.tensor([True, True, False])
    assert _mask_inside(mesh, x, y, alive).tolist() == [True, False, False]
    with pytest.raises(
        pj.errors.InvalidValueError, match=r"1 particles could not be reconstructed.*checkpoint"
    ):
        _mask_inside(mesh, x, y, ~alive)

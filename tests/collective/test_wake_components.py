"""The kick of each component of a wake, in place and on tensors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pyjutrack.collective.wakes.components import COMPONENTS, kick, kick_in_place
from pyjutrack.maps.state import State
from pyjutrack.mesh.line import Line

LINE = Line(-1.0, 2.0, 24)


@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_kick_in_place_is_that_of_tensors(component, dtype):
    generator = torch.Generator().manual_seed(7)
    size = 1000
    columns = torch.randn(6, size, generator=generator, dtype=torch.float64).to(dtype)
    columns[4] = torch.rand(size, generator=generator) * 2.9 - 0.9
    active = torch.rand(size, generator=generator) > 0.3
    columns[:, 17] = torch.nan
    active[17] = False
    nodes = torch.randn(LINE.nodes, generator=generator, dtype=torch.float64).to(dtype)
    state = State(tuple(columns.clone()), active)
    expected = torch.stack(kick(state, COMPONENTS[component], LINE, active, nodes))
    found = columns.clone()
    kick_in_place(list(found.numpy()), COMPONENTS[component], LINE, active.numpy(), nodes)
    tolerance = 100 * torch.finfo(dtype).eps
    torch.testing.assert_close(
        found, expected, rtol=tolerance, atol=tolerance * float(nodes.abs().max()), equal_nan=True
    )
    changed = (found != columns).any(1)
    assert changed.tolist() == (expected != columns).any(1).tolist()
    assert np.array_equal(found[:, ~active].numpy(), columns[:, ~active].numpy(), equal_nan=True)

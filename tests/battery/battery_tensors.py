"""A line, a beam and effects made of tensors, for autograd and the transforms of torch.func."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from battery_figures import user
from battery_setup import EFFECT, PROTON, Setup, drawn

import pyjutrack as pj


def leaves_of(setup: Setup, wrt: Sequence[str]) -> list[torch.Tensor]:
    values = (torch.as_tensor(setup.value(a), dtype=torch.float64) for a in wrt)
    return [v.clone().requires_grad_() for v in values]


def of_tensors(
    setup: Setup,
    values: Mapping[str, torch.Tensor],
    batched: bool = False,
    dtype: torch.dtype = torch.float64,
) -> Any:
    """The user's figure of a beam, tracked alone or after another in a batch.

    Args:
        values: by address, of elements, effects and the current.
    """
    lattice = pj.Lattice([p.at(values).element() for p in setup.line])
    effects = {a: values.get(EFFECT + a, v) for a, v in setup.effects.items()}
    made = setup.make(effects) if setup.make else []
    beam = setup.beam().to(dtype).replace(current=values.get("beam.current", setup.current))
    if not batched:
        return user(pj.track(lattice, beam, effects=made), beam)
    other = torch.as_tensor(drawn(seed=8)).to(beam.coordinates)
    both = pj.Beam(PROTON, torch.stack([other, beam.coordinates]), beam.current)
    ends = pj.track(lattice, both, effects=made)
    weights = None if ends.weights is None else ends.weights[1]
    end = ends.replace(coordinates=ends.coordinates[1], alive=ends.alive[1], weights=weights)
    return user(end, beam)


def slopes_of(value: Any, leaves: Sequence[torch.Tensor]) -> torch.Tensor:
    slopes = torch.autograd.grad(value, leaves, allow_unused=True, materialize_grads=True)
    return torch.cat([s.reshape(-1) for s in slopes])

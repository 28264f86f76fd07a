"""Differences of values of inputs that are built anew, in which no overlay has a part."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

import pyjutrack as pj


def rebuild(lattice: pj.Lattice, beam: pj.Beam, address: str, value: float) -> tuple[Any, ...]:
    """The lattice and the beam with another value at an address, "q1.k1" or "beam.current"."""
    name, _, parameter = address.rpartition(".")
    if name == "beam":
        return lattice, beam.replace(**{parameter: value})
    elements = [
        dataclasses.replace(e, **{parameter: value}) if e.name == name else e for e in lattice
    ]
    return pj.Lattice(elements), beam


def read(lattice: pj.Lattice, beam: pj.Beam, address: str) -> float:
    """The value at an address."""
    name, _, parameter = address.rpartition(".")
    owner = beam if name == "beam" else next(e for e in lattice if e.name == name)
    return float(getattr(owner, parameter))


def differences(
    figure: Callable[..., Any],
    lattice: pj.Lattice,
    beam: pj.Beam,
    wrt: Sequence[str],
    step: float,
    **options: Any,
) -> np.ndarray:
    """Central differences of a figure of the tracked beam, (K,).

    Args:
        figure: of `final` and `initial`. step: of values, as part of them; of a zero, itself.
        options: of `pj.track`.
    """

    def value(address: str, at: float) -> float:
        line, start = rebuild(lattice, beam, address, at)
        return float(figure(final=pj.track(line, start, **options), initial=start))

    found = []
    for address in wrt:
        at = read(lattice, beam, address)
        size = step * (abs(at) or 1.0)
        found.append((value(address, at + size) - value(address, at - size)) / (2 * size))
    return np.array(found)


def jacobian(
    lattice: pj.Lattice, beam: pj.Beam, at: Any, step: float, **options: Any
) -> np.ndarray:
    """Central differences (6, 6) of where particles end that are tracked with the beam.

    They have no weight, so that they feel the field and add nothing to it.

    Args:
        at: from which they are shifted, (6,); None is the origin.
        options: of `pj.track`.
    """
    middle = np.zeros(6) if at is None else np.asarray(at, float)
    shifts = step * np.eye(6)
    starts = torch.as_tensor(middle + np.concatenate([shifts, -shifts]))
    count, more = len(beam), len(starts)
    shares = torch.full((count,), 1 + more / count, dtype=torch.float64)
    whole = beam.replace(
        coordinates=torch.cat([beam.coordinates, starts]),
        alive=torch.cat([beam.alive, torch.ones(more, dtype=torch.bool)]),
        weights=torch.cat([shares, torch.zeros(more, dtype=torch.float64)]),
    )
    end = pj.track(lattice, whole, **options)
    assert end.alive[count:].all()
    ends = end.numpy()[count:]
    return ((ends[:6] - ends[6:]) / (2 * step)).T

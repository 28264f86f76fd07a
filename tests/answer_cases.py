"""Ways to track what hands back anything, and what may be handed back in place of a state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import pyjutrack as pj
from pyjutrack.maps.state import State

LINE = pj.Lattice([pj.Drift(0.5, name="d"), pj.Marker(name="m"), pj.Drift(0.5)])
ROWS = 1e-3 * torch.randn(20, 6, generator=torch.Generator().manual_seed(4), dtype=torch.float64)


def beam(proton: pj.Reference) -> pj.Beam:
    return pj.Beam(proton, ROWS, charge=1e-9)


def square(final: pj.Beam, initial: pj.Beam) -> torch.Tensor:
    return (final.coordinates**2).sum()


def slope(**options: Any) -> Callable[[pj.Lattice, pj.Beam, list[Any]], Any]:
    return lambda line, beam, effects: pj.gradient(
        square, line, beam, wrt=["d.length"], effects=effects, **options
    )


WAYS: dict[str, Callable[[pj.Lattice, pj.Beam, list[Any]], Any]] = {
    "track": lambda line, beam, effects: pj.track(line, beam, effects=effects),
    "weights": lambda line, beam, effects: pj.track(
        line, beam.replace(weights=torch.ones(len(beam), dtype=torch.float64)), effects=effects
    ),
    "jacobian": lambda line, beam, effects: pj.jacobian(line, beam, effects=effects),
    "forward": slope(mode="forward"),
    "store": slope(adjoint="store"),
    "checkpoint": slope(adjoint="checkpoint"),
    "reversible": slope(adjoint="reversible"),
}
each_way = pytest.mark.parametrize("way", WAYS)


RETURNED: dict[str, tuple[Callable[[State], Any], str]] = {
    "None": (lambda end: None, "got None"),
    "pair": (tuple, "got a tuple"),
    "columns": (lambda end: end.coordinates, "got a tuple"),
    "rows": (lambda end: torch.stack(end.coordinates, -1), "got a (Tensor|Pushed)"),
    "five": (
        lambda end: end._replace(coordinates=end.coordinates[:5]),
        r"got a State of 5 columns, \(\d+,\).*and the mask \(\d+,\)",
    ),
    "a number": (
        lambda end: end._replace(coordinates=(*end.coordinates[:5], 0.0)),
        r"got a State of 6 columns, .*\(\d+,\), 0\.0, and the mask",
    ),
    "a mean": (
        lambda end: end._replace(coordinates=(end.coordinates[0].mean(), *end.coordinates[1:])),
        r"got a State of 6 columns, \(\), \(\d+,\)",
    ),
    "rows of columns": (
        lambda end: end._replace(coordinates=torch.stack(end.coordinates)),
        "got a State with a (Tensor|Pushed) in place of columns",
    ),
    "mask of numbers": (
        lambda end: end._replace(alive=end.alive.double()),
        r"and the mask \(\d+,\) of torch\.float64$",
    ),
    "a column in single precision": (
        lambda end: end._replace(coordinates=(end.coordinates[0].float(), *end.coordinates[1:])),
        r"got a State of 6 columns, \(\d+,\) of torch\.float32, \(\d+,\), .*mask \(\d+,\)$",
    ),
    "no mask": (lambda end: end._replace(alive=None), "and the mask None"),
}

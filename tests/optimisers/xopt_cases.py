"""A cell with space charge, and the same evaluated by calls of the package itself."""

from __future__ import annotations

from typing import Any

import pyjutrack as pj
from pyjutrack.cli.paper import fodo

OUTPUTS = {"growth": pj.observables.emittance_growth("x"), "size": pj.observables.size("x")}
POINT = {"q1.k1": 29.0, "q2.k1": -30.0}


def cell() -> pj.Lattice:
    return fodo.cell()


def beam(current: float = 200.0) -> pj.Beam:
    return fodo.beam(500, seed=1, current=current)


def effects() -> list[Any]:
    return [pj.SpaceCharge(pj.SpectralPoisson(size=fodo.BOX, shape=(64, 64)), max_step=0.1)]


def by_hand(point: dict[str, float]) -> tuple[float, float]:
    """Growth and size, from a lattice and a beam that are made anew."""
    knobs = {name: value for name, value in point.items() if name != "beam.current"}
    start = beam(point.get("beam.current", 200.0))
    end = pj.track(cell().with_values(knobs), start, effects=effects())
    emittances = [pj.moments.emittance(one, "x", normalized=True) for one in (start, end)]
    return float(emittances[1] / emittances[0] - 1), float(pj.moments.sizes(end)[0])


def slopes_by_hand(point: dict[str, float], step: float = 1e-5) -> dict[str, float]:
    """Of the growth, by differences of what is made anew."""
    found = {}
    for name, value in point.items():
        size = step * max(abs(value), 1.0)
        ends = [by_hand(point | {name: value + sign * size})[0] for sign in (1, -1)]
        found[name] = (ends[0] - ends[1]) / (2 * size)
    return found

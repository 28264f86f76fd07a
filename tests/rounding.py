"""Bounds of rounding for two ways of one calculation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import pyjutrack as pj
from pyjutrack.collective import Mesh
from pyjutrack.tracking.plan import plan_of

#: beams of which a spread is the largest change; that all of them come out below a third of the rms
#: is the luck of one case in 1e5
DRAWS = 8

#: what some sixty operations on numbers of order one (metres, 1 + delta), each rounded to half a
#: unit, leave of one: for two ways of computing one map
OF_A_MAP = 32 * torch.finfo(torch.float64).eps

Result = Callable[[pj.Beam, list[Any]], Any]


@dataclass(frozen=True)
class _Rounded:
    """A solver whose potential moves by a unit of rounding at every node."""

    solver: Any
    unit: float
    draw: np.random.Generator = field(compare=False)

    @property
    def mesh(self) -> Mesh:
        return self.solver.mesh

    def solve(self, fractions: torch.Tensor) -> torch.Tensor:
        h = self.solver.solve(fractions)
        return h * (1 + self.unit * _signs(self.draw, h))


def _signs(draw: np.random.Generator, like: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(draw.choice((-1.0, 1.0), size=tuple(like.shape)))


def spread(
    result: Result, beam: pj.Beam, effects: Sequence[Any] = (), dtype: torch.dtype = torch.float64
) -> NDArray[np.float64]:
    """By how much each entry of a result moves with every number in it by a unit of rounding.

    That is the condition of the result times the unit, found from beams whose coordinates, and
    kicks whose potentials, move by a unit up or down at random. Every map and every kick on the
    way rounds what it returns, as if it had got other coordinates by some units: so two ways
    through n of them differ by n spreads at most. Errors of independent signs add up to the root
    of n only, so the bound is about that root above what is found.

    Args:
        result: of a beam and kicks in double precision.
        dtype: whose unit it is.
    """
    draw, unit = np.random.default_rng(1), torch.finfo(dtype).eps
    given, moved = np.asarray(result(beam, list(effects))), []
    for _ in range(DRAWS):
        coordinates = beam.coordinates * (1 + unit * _signs(draw, beam.coordinates))
        rounded = [replace(k, potential=_Rounded(k.potential, unit, draw)) for k in effects]
        moved.append(np.asarray(result(beam.replace(coordinates=coordinates), rounded)))
    return np.asarray(np.abs(np.stack(moved) - given).max(0) + unit * np.abs(given))


def steps(lattice: pj.Lattice, effects: Sequence[Any] = (), turns: int = 1) -> int:
    """Count the maps and kicks along the line."""
    return turns * len(plan_of(lattice, effects))


def assert_as_rounded(found: Any, expected: Any, bound: Any) -> None:
    """Raise AssertionError where results differ by more than a bound of the same shape."""
    found, expected, bound = (np.asarray(a) for a in (found, expected, bound))
    off = np.abs(found - expected)
    assert (off <= bound).all(), f"off by {off}, of which rounding explains {bound}"

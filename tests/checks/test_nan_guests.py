"""What makes NaN is told so in plain words: which coordinates, of how many particles, by what."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import pyjutrack as pj
from pyjutrack.collective import Mesh
from pyjutrack.maps.base import map
from pyjutrack.testing import (
    CheckFailedError,
    check_diagnostic,
    check_effect,
    check_element,
    check_format,
    check_potential,
)
from pyjutrack.testing.comparison import require_close

PROTON = pj.Reference.from_kinetic("proton", 1e9)
CELL = pj.Lattice([pj.Marker(name="tank"), pj.Drift(1.0, name="d")])
ROWS = 1e-3 * torch.randn(100, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
BUNCH = pj.Beam(PROTON, ROWS, charge=1e-9)


@map(kick=True)
def rooted_kick(x, px, y, py, z, delta, k, a):
    return x, px - k * (x * x - a * a) ** 0.5, y, py / (a - a), z, delta


@map(kick=True)
def cusped_kick(x, px, y, py, z, delta, k):
    return x, px - k**0.5 * x, y, py, z, delta


@dataclass(frozen=True, repr=False)
class Rooted(pj.Element):
    k: float = 1e-4
    a: float = 5.0
    knobs = ("k", "a")
    abstract = True

    def transport(self, state, reference, part):
        return state.apply(rooted_kick, self.k, self.a)


class Sure(Rooted):
    """NaN for some alone, of what says that all come through."""

    transmits_all = True

    def transport(self, state, reference, part):
        return state.apply(lambda x, px, y, *rest: (x, x.sqrt(), y, *rest))


@dataclass(frozen=True, repr=False)
class Cusped(pj.Element):
    """A root of a knob, which has no slope at zero."""

    k: float = 0.0
    knobs = ("k",)
    abstract = True

    def transport(self, state, reference, part):
        return state.apply(cusped_kick, self.k)


def test_an_element_that_makes_nan() -> None:
    said = (
        r"transport of Rooted\(k=0\.0001, a=5\.0\) gives NaN in px, py of 12 of 12 "
        r"particles, the first of which is particle 0"
    )
    with pytest.raises(CheckFailedError, match=said):
        check_element(Rooted(), files=False)
    with pytest.raises(CheckFailedError, match=r"transport of Sure.* gives NaN in px of \d of 12"):
        check_element(Sure(), files=False)


def test_a_slope_that_is_nan() -> None:
    with pytest.raises(CheckFailedError, match=r"d/d k at 0, .*not finite"):
        check_element(Cusped(), files=False)


@dataclass(frozen=True)
class Wake(pj.CollectiveEffect):
    """Kicks all by the mean position, over the distance to itself."""

    strength: float = 1e7
    lumped = reversible = weighted = True

    def slices(self, element):
        return int(element.name == "tank")

    def field(self, beam, state, place, memory):
        x = torch.where(state.alive, state.coordinates[0], 0.0)
        return self.strength * beam.charge * (beam.shares * x).sum(-1, keepdim=True) / (x - x)

    def apply(self, state, field, place):
        x, px, *others = state.coordinates
        return state._replace(coordinates=(x, torch.where(state.alive, px + field, px), *others))


class Roots(Wake):
    def field(self, beam, state, place, memory):
        return 1e-6 * state.coordinates[0].sqrt()


class Nothing(Wake):
    def apply(self, state, field, place):
        """Forget to return it."""


@pytest.mark.parametrize(
    ("effect", "said"),
    [
        (Wake(), r"kick of Wake\(strength=10000000\.0\) gives infinity in px of 100 of 100"),
        (Roots(), r"kick of Roots\(strength=10000000\.0\) gives NaN in px of \d+ of 100 particles"),
        (Nothing(), r"Nothing\.apply must return a State of six columns .*, got None"),
    ],
)
def test_an_effect_that_makes_nan(effect: pj.CollectiveEffect, said: str) -> None:
    with pytest.raises(CheckFailedError, match=said):
        check_effect(effect, BUNCH, CELL, knobs=["strength"])


@dataclass(frozen=True)
class Solver:
    mesh: Mesh

    def solve(self, fractions):
        holes = torch.zeros_like(fractions)
        holes[..., 3, 4] = torch.nan
        return fractions + holes


def test_a_potential_that_makes_nan() -> None:
    mesh = pj.SpectralPoisson((0.02, 0.02), (16, 16)).mesh
    said = r"solve must give finite numbers: of \d+ cells 1 are NaN or infinite, first at \(3, 4\)"
    with pytest.raises(CheckFailedError, match=said):
        check_potential(Solver(mesh))


@dataclass(frozen=True)
class Ratio:
    at: str = "tank"
    name: str = "ratio"
    noise: float = 1e-6
    shape: tuple[int, ...] = (2,)

    def read(self, beam):
        x = torch.where(beam.alive, beam.coordinates[..., 0], 0.0).sum(-1)
        found = torch.stack([x, 0 * x / (x - x)], -1)
        return found if self.shape else found[..., 1]


@pytest.mark.parametrize(
    ("diagnostic", "said"),
    [
        (Ratio(), r"not NaN at \(1,\), and so 1 of 2 numbers, by Ratio\(at='tank', name='ratio'"),
        (Ratio(shape=()), r"a reading must be finite, not NaN, by Ratio"),
        (Ratio(noise=np.nan), r"noise must be a number from 0 on, not nan"),
    ],
)
def test_a_diagnostic_that_makes_nan(diagnostic: Any, said: str) -> None:
    with pytest.raises(CheckFailedError, match=said):
        check_diagnostic(diagnostic, BUNCH, files=False)


def test_a_format_that_makes_nan(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lattice refuses it, and the error names the file and the parameter."""

    def read(source):
        assert source.text
        return pj.io.LatticeFile(pj.Lattice([pj.Quadrupole(0.2, k1=float("nan"), name="q")]))

    def write(path: Path, lattice: pj.Lattice, reference: object) -> None:
        path.write_text("q")

    monkeypatch.setattr("pyjutrack.io.formats._USERS", {})
    format = pj.io.LatticeFormat("holes", "no numbers", (".holes",), read, write)
    pj.io.register_format(format)
    with pytest.raises(pj.errors.LatticeFileError, match=r"checked\.holes.*k1 must be finite"):
        check_format(format, pj.Lattice([pj.Quadrupole(0.2, k1=1.0, name="q")]))


def test_what_is_nan_on_both_sides_is_not_alike() -> None:
    """But for the coordinates of particles, which are lost there."""
    nan = np.full((1, 6), np.nan)
    with pytest.raises(CheckFailedError, match="slope: NaN, expected NaN; of 6 numbers 6 are not"):
        require_close("slope", nan, nan, 0.0)
    require_close("coordinates", nan, nan, 0.0, rows=True)
    with pytest.raises(CheckFailedError, match="px of particle 0 is NaN, expected 1; of 6 numbers"):
        require_close("coordinates", [[1, np.nan, 1, 1, 1, 1]], np.ones((1, 6)), 0.0, rows=True)

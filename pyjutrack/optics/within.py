"""Rows of a table of optics: at the entrances of elements, and where these are cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from .orbit import Orbit
from .places import Places


class Cuttable(Protocol):
    """The maps of many elements, also of their parts."""

    @property
    def whole(self) -> tuple[bool, ...]:
        """Which elements have no optics but at their ends."""

    def within(self, coordinates: Tensor, places: Places) -> tuple[Tensor, Tensor]:
        """Coordinates (M, 6) and Jacobians (M, 6, 6) from the entrances of elements to places."""


class Rows(NamedTuple):
    """What a table is made from, at M places and at the end.

    Attributes:
        elements: the number of the element that each place is in, (M,).
        s: (M + 1,) [m]. orbit: (M + 1, 6).
        through: matrices from the start, (M + 1, 6, 6).
        along: the shift of the orbit by delta, (M + 1, 6).
        momenta: of the reference over that at the start, (M + 1,).
    """

    elements: Sequence[int]
    s: Tensor
    orbit: Tensor
    through: Tensor
    along: Tensor
    momenta: Tensor

    def cut(self, line: Cuttable, orbit: Orbit, lengths: Tensor, places: Places) -> Rows:
        """With more, at places between entrances.

        Args:
            line: the maps of the elements, some of which may stay whole.
            orbit: in it.
            lengths: of the elements (..., N) [m].
        """
        places = places.outside(line.whole)
        inside, matrices = line.within(orbit.coordinates, places)
        elements = list(places.elements)
        rows = torch.tensor([*elements, len(self.elements)])
        s, table, through, along, momenta = (
            self.s[..., rows],
            self.orbit[..., rows, :],
            self.through[..., rows, :, :],
            self.along[..., rows, :],
            self.momenta[rows],
        )
        shares = torch.tensor([*places.shares, 0.0], dtype=s.dtype)
        one = torch.eye(6, dtype=through.dtype).expand(*matrices.shape[:-3], 1, 6, 6)
        matrices = torch.cat([matrices, one], -3)
        moved = inside - orbit.coordinates[..., elements, :]
        return Rows(
            elements,
            s + shares * torch.nn.functional.pad(lengths, (0, 1))[..., rows],
            table + torch.nn.functional.pad(moved, (0, 0, 0, 1)),
            matrices @ through,
            (matrices @ along.unsqueeze(-1)).squeeze(-1),
            momenta,
        )

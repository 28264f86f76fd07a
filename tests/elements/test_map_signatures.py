"""What a map of one's own takes and returns is held against what maps are, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

import pyjutrack as pj
from pyjutrack.errors import InvalidValueError
from pyjutrack.maps.base import MAPS, map


def test_coordinates_by_other_names_are_refused() -> None:
    """They would be taken for parameters."""
    before = set(MAPS)
    message = r"takes x, px, y, py, z, delta, by these names.*kick_by_d begins with .* z, d$"
    with pytest.raises(InvalidValueError, match=message):

        @map(inverse=lambda k: (-k,))
        def kick_by_d(x: Any, px: Any, y: Any, py: Any, z: Any, d: Any, k: Any) -> Any:
            return x, px - k * x, y, py, z, d

    with pytest.raises(InvalidValueError, match="takes x, y, by these names"):

        @map(opening=True)
        def opening_in_y(y: Any, x: Any, size: Any) -> Any:
            return abs(y) <= size

    assert set(MAPS) == before


@dataclass(frozen=True, repr=False)
class Five(pj.Element):
    """An element whose function forgets delta."""

    def transport(self, state: Any, reference: pj.Reference, part: Any) -> Any:
        def forget(*at: Any) -> Any:
            return at[:5]

        return state.apply(forget)


def test_five_coordinates_are_refused(proton: pj.Reference) -> None:
    beam = pj.Beam(proton, [[1e-3] * 6])
    message = r"the map forget must return six coordinates .*, got 5 values"
    with pytest.raises(InvalidValueError, match=message):
        pj.track(pj.Lattice([Five()]), beam)
    lost = pj.Beam(proton, [[1e-3] * 6] * 2, alive=[True, False])
    with pytest.raises(InvalidValueError, match=message):
        pj.track(pj.Lattice([Five()]), lost)

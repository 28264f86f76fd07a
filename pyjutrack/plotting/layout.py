"""Layout of a lattice along s: outlines of its elements, for pictures and for HTML alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.scalars import to_float
from ..elements import Element
from ..elements.glyph import Glyph
from ..lattice.lattice import Lattice
from ..lattice.positions import places

Array = NDArray[np.float64]


class DrawnElement(NamedTuple):
    """An element as it is drawn: polygons of (s [m], height), each (M, 2)."""

    element: Element
    glyph: Glyph
    outlines: tuple[Array, ...]


def limits(lattice: Lattice) -> tuple[float, float]:
    """First and last place that a lattice reaches [m]; its orbit may step back."""
    at = places(lattice)
    return float(at.min()), float(at.max())


def synoptic(lattice: Lattice) -> Iterator[DrawnElement]:
    """Every element that is drawn, in order."""
    for element, start in zip(lattice, places(lattice), strict=False):
        glyph = element.glyph
        if glyph is None:
            continue
        down = glyph.strength and to_float(getattr(element, glyph.strength)) < 0
        scale = np.array([to_float(element.length), -1.0 if down else 1.0])
        offset = np.array([start, 0.0])
        yield DrawnElement(
            element, glyph, tuple(np.array(o) * scale + offset for o in glyph.outlines)
        )

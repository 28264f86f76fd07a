"""How a lattice looks along s: outlines of its elements, for pictures and for HTML alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.scalars import detached
from ..elements import (
    Aperture,
    Bend,
    CrabCavity,
    Drift,
    Element,
    Kicker,
    Marker,
    Monitor,
    Multipole,
    Octupole,
    Patch,
    Quadrupole,
    RFCavity,
    Sextupole,
    Solenoid,
)
from ..lattice.lattice import Lattice, places

Array = NDArray[np.float64]
Outline = tuple[tuple[float, float], ...]


class Look(NamedTuple):
    """How a kind of element is drawn.

    Attributes:
        label: for the legend.
        colour: as in HTML.
        outlines: polygons of (share of the length, height), heights between -1 and 1.
        strength: the field whose negative values turn the outlines upside down.
    """

    label: str
    colour: str
    outlines: tuple[Outline, ...]
    strength: str = ""


class Drawn(NamedTuple):
    """One element in the strip: polygons of (s [m], height), each (M, 2)."""

    element: Element
    look: Look
    outlines: tuple[Array, ...]


def _box(low: float, high: float) -> tuple[Outline, ...]:
    return (((0, low), (1, low), (1, high), (0, high)),)


def _oval(height: float) -> tuple[Outline, ...]:
    turns = np.linspace(0, 2 * np.pi, 25)[:-1]
    return (tuple((0.5 + 0.5 * np.cos(t), height * np.sin(t)) for t in turns),)


_OPENING = _box(0.6, 1) + _box(-1, -0.6)
_LOOKS: dict[type[Element], Look | None] = {
    Drift: None,
    Marker: None,
    Patch: None,
    Bend: Look("bend", "#4c78a8", _box(-0.35, 0.35)),
    Quadrupole: Look("quadrupole, focusing up", "#d62728", _box(0, 1), "k1"),
    Sextupole: Look(
        "sextupole", "#2ca02c", (((0, 0), (0, 0.45), (0.5, 0.75), (1, 0.45), (1, 0)),), "k2"
    ),
    Octupole: Look("octupole", "#9467bd", (((0, 0), (0, 0.6), (1, 0.6), (1, 0)),), "k3"),
    Multipole: Look("multipole", "#8c564b", _box(-0.45, 0.45)),
    Solenoid: Look("solenoid", "#17a2b8", _box(-0.5, -0.2) + _box(0.2, 0.5)),
    RFCavity: Look("cavity", "#e6a817", _oval(0.7)),
    CrabCavity: Look("crab cavity", "#b5651d", _oval(0.5)),
    Kicker: Look("corrector", "#e377c2", (((0, 0), (0.5, 0.5), (1, 0)), ((0.5, 0), (0.5, 0.5)))),
    Monitor: Look("monitor", "#111111", (((0, -0.25), (0.5, 0), (1, -0.25), (0.5, -0.5)),)),
    Aperture: Look("aperture", "#555555", _OPENING),
    Element: Look("other", "#999999", _box(-0.2, 0.2)),
}


def look(element: Element) -> Look | None:
    """How an element is drawn; None for those that are but space or a place."""
    return next(_LOOKS[kind] for kind in type(element).__mro__ if kind in _LOOKS)


def strip(lattice: Lattice) -> Iterator[Drawn]:
    """Every element that is drawn, in order."""
    for element, start in zip(lattice, places(lattice), strict=False):
        how = look(element)
        if how is None:
            continue
        down = how.strength and detached(getattr(element, how.strength)) < 0
        scale = np.array([detached(element.length), -1.0 if down else 1.0])
        offset = np.array([start, 0.0])
        yield Drawn(element, how, tuple(np.array(o) * scale + offset for o in how.outlines))

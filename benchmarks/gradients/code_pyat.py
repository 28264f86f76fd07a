"""pyAT: differences of its linear optics."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

import pyjutrack as pj
from pyjutrack.elements import Bend

from ..case_optics import example
from .figures import Array, Found, Way, by_differences, ring


def _tunes() -> Callable[[], Found]:
    lattice, reference, names = ring()
    peer = example("peer_at")
    elements = [_plain(e) for e in lattice]
    found = peer.to_lattice(elements, peer.fast(reference))
    quadrupoles = [e for e in found if e.FamName in set(names)]

    def value(knobs: Array) -> Array:
        for element, k1 in zip(quadrupoles, knobs, strict=True):
            element.PolynomB[1] = k1
        return np.array(found.get_tune())[:2]

    start = np.array([e.PolynomB[1] for e in quadrupoles])
    return lambda: by_differences(value, start, 1e-6)


def _plain(element: pj.Element) -> pj.Element:
    """Magnets as pyAT has them, cavities as drifts."""
    if isinstance(element, pj.RFCavity):
        return pj.Drift(element.length)
    if isinstance(element, (pj.Quadrupole, Bend)):
        return dataclasses.replace(element, model="paraxial", steps=10)
    return element


WAYS: dict[str, dict[str, Way]] = {"tunes": {"differences": _tunes}}

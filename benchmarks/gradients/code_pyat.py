"""pyAT: differences of its linear optics, and what mean betas say of tunes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import pyjutrack as pj
from pyjutrack.elements import Bend

from ..case_optics import example
from .figures import Array, Found, Way, by_differences, ring, versions_of


def _ring() -> tuple[Any, list[int]]:
    """The lattice of pyAT, and where its quadrupoles are."""
    lattice, reference, names = ring()
    peer = example("peer_at")
    found = peer.to_lattice([_plain(e) for e in lattice], peer.fast(reference))
    return found, [i for i, e in enumerate(found) if e.FamName in set(names)]


def _by_differences() -> Callable[[], Found]:
    found, places = _ring()
    quadrupoles = [found[i] for i in places]

    def value(knobs: Array) -> Array:
        for element, k1 in zip(quadrupoles, knobs, strict=True):
            element.PolynomB[1] = k1
        return np.array(found.get_tune())[:2]

    start = np.array([e.PolynomB[1] for e in quadrupoles])
    return lambda: by_differences(value, start, 1e-6)


def _by_betas() -> Callable[[], Found]:
    """A quadrupole of length L changes tunes by its mean beta, times L / (4 pi): of tunes alone."""
    found, places = _ring()
    lengths = np.array([found[i].Length for i in places])

    def call() -> Found:
        _, betas, *_, tunes, _ = found.avlinopt(0.0, refpts=places)
        slopes = np.array([1, -1])[:, None] * (betas * lengths[:, None]).T / (4 * np.pi)
        return np.asarray(tunes)[:2], slopes

    return call


def _plain(element: pj.Element) -> pj.Element:
    """Magnets as pyAT has them, cavities as drifts."""
    if isinstance(element, pj.RFCavity):
        return pj.Drift(element.length)
    if isinstance(element, (pj.Quadrupole, Bend)):
        return dataclasses.replace(element, model="paraxial", steps=10)
    return element


versions = partial(versions_of, "accelerator-toolbox")
WAYS: dict[str, dict[str, Way]] = {
    "tunes": {"differences": _by_differences, "mean betas, for tunes alone": _by_betas}
}

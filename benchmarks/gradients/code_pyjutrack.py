"""pyjutrack: both modes, by either engine."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

import pyjutrack as pj
from pyjutrack.collective import SpaceCharge3D

from ..setup import KNOBS, paper_cell
from .figures import CELLS, NODES, PARTICLES, Found, Way, cell, ring, versions_of


def _cell(figure: str, mode: str, engine: str = "native") -> Callable[[], Found]:
    setup = paper_cell(PARTICLES, (CELLS, CELLS))
    kicks: dict[str, list[Any]] = {"size": [], "coasting": [setup.kick]}
    kicks["bunch"] = [SpaceCharge3D((NODES,) * 3, setup.kick.max_step)]
    beam, observable = setup.beam, pj.observables.emittance_growth("x")
    if figure == "bunch":
        bunch = cell()
        beam = pj.Beam(bunch.reference, bunch.coordinates, charge=bunch.charge)
    if figure == "size":
        observable = _size

    def call() -> Found:
        value, slopes = pj.value_and_gradient(
            observable,
            setup.lattice,
            beam,
            effects=kicks[figure],
            wrt=KNOBS,
            mode=mode,
            engine=engine,
        )
        return np.atleast_1d(value), np.atleast_2d(slopes)

    return call


def _size(final: pj.Beam, initial: pj.Beam) -> torch.Tensor:
    return final.coordinate("x").std(correction=0)


def _tunes() -> Callable[[], Found]:
    lattice, reference, names = ring()
    wrt = [f"{name}.k1" for name in names]

    def tunes(table: pj.optics.TwissTable) -> torch.Tensor:
        return torch.stack([table.tune_x, table.tune_y])

    def call() -> Found:
        value, slopes = pj.optics.optics_gradient(tunes, lattice, reference, wrt)
        return np.asarray(value) % 1, np.asarray(slopes)

    return call


versions = partial(versions_of, "pyjutrack", "torch", "numba")
WAYS: dict[str, dict[str, Way]] = {
    figure: {mode: partial(_cell, figure, mode) for mode in ("forward", "reverse")}
    for figure in ("size", "coasting", "bunch")
}
WAYS["tunes"] = {"forward": _tunes}
for _figure in ("size", "coasting"):
    WAYS[_figure] |= {
        f"{mode}, julia engine": partial(_cell, _figure, mode, "julia")
        for mode in ("forward", "reverse")
    }

"""A call, and what calls of public functions are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack.collective import BSPLINE, Grid, Mesh


class Call(NamedTuple):
    """A function and arguments with which it works."""

    function: Callable[..., Any]
    arguments: dict[str, Any]


PROTON = pj.Reference.from_kinetic("proton", 1e9)
ELECTRON = pj.Reference.from_total("electron", 5e8)
OPTICS = pj.optics.Twiss(beta_x=1.0, alpha_x=-1.0, beta_y=1.0, alpha_y=1.0)
CELL = pj.Lattice(
    [
        pj.Drift(0.2, name="d1"),
        pj.Quadrupole(0.1, k1=29.6, name="q1"),
        pj.Drift(0.4, name="d2"),
        pj.Quadrupole(0.1, k1=-29.6, name="q2"),
        pj.Drift(0.2, name="d3"),
        pj.Marker(name="end"),
    ]
)


def make_ring(reference: pj.Reference) -> pj.Lattice:
    """A ring of 1.2 m, with a cavity at its first harmonic."""
    return pj.Lattice(
        [
            pj.Quadrupole(0.1, k1=8.0),
            pj.SBend(0.5, 0.3, name="b1"),
            pj.Quadrupole(0.1, k1=-8.0),
            pj.SBend(0.5, 0.3, name="b2"),
            pj.RFCavity(
                0.0, 1e5, frequency=float(reference.beta) * 299_792_458.0 / 1.2, phase=np.pi
            ),
        ]
    )


RING, STORAGE_RING = make_ring(PROTON), make_ring(ELECTRON)
SOLVER = pj.SpectralPoisson((0.02, 0.02), (16, 16))
KICK = pj.SpaceCharge(SOLVER, max_step=0.5)
TURN = pj.optics.one_turn_matrix(CELL, PROTON)
AXIS = np.linspace(-4.75e-3, 4.75e-3, 20)
WIRE = dg.WireScanner("end", width=8e-3, bins=8, noise=0.1)
MESH = Mesh(Grid((0.02, 0.02), (16, 16)), BSPLINE)


def make_beam(**changes: Any) -> pj.Beam:
    given = {"twiss": OPTICS, "emittance": (2e-6, 2e-6), "current": 1.0} | changes
    return pj.distributions.gaussian(PROTON, 16, seed=1, **given)


BEAM = make_beam()
BUNCH = pj.Beam(PROTON, torch.linspace(-1e-3, 1e-3, 96).reshape(16, 6), charge=1e-9)
TWIN = pj.Twin(CELL, BEAM, (WIRE,))
SETTINGS = [{"q1.k1": 29.0 + 0.5 * i} for i in range(4)]
PROFILES = dg.Profiles(
    np.exp(-0.5 * (AXIS / np.array([[1e-3], [1.2e-3]])) ** 2),
    (AXIS,),
    settings=({"q1.k1": 29.0}, {"q1.k1": 30.0}),
    name=WIRE.name,
)
X = torch.linspace(-2e-3, 2e-3, 16, dtype=torch.float64)
Y = torch.linspace(-1e-3, 1e-3, 16, dtype=torch.float64)
HERE = torch.ones(16, dtype=torch.bool)

#: public, and no function of a user's: protocols, records that functions return, decorators

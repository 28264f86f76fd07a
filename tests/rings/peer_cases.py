"""Elements that are tracked side by side with other codes, and the particles for it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

import pyjutrack as pj
from pyjutrack.elements.part import WHOLE
from pyjutrack.elements.placement import advance
from pyjutrack.maps.state import State

PROTON = pj.Reference.from_kinetic("proton", 160e6)  # beta = 0.52
ELECTRON = pj.Reference.from_total("electron", 6e9)
FREQUENCY = 352e6

EXTRA = {"knl": (1e-4, 2e-3, 0.3), "ksl": (-2e-4, 1e-3, 0.2, 5.0)}
#: for bends: without a dipole, whose share in the edges is a matter of definition
HIGHER = {"knl": (0.0, 2e-3, 0.3), "ksl": (0.0, 1e-3, 0.2)}
#: and without a normal quadrupole, which in xtrack turns with the curvature
HIGHER_ODD = {"knl": (0.0, 0.0, 0.3), "ksl": (0.0, 1e-3, 0.2)}
FACES = {"e1": 0.06, "e2": -0.03}
GAP = {"fint": 0.5, "fintx": 0.5, "hgap": 0.02}
MOVED = {"dx": 1e-3, "dy": -2e-3, "dz": 3e-3, "x_rot": 2e-3, "y_rot": -3e-3, "z_rot": 5e-3}


def straight(**options: Any) -> dict[str, pj.Element]:
    """Magnets with a straight axis, thick."""
    # the linear model solves all gradients at once, peers kick by the errors: converged, they agree
    fine = {**options, "order": 6, "steps": 48} if options.get("model") == "linear" else options
    return {
        "quadrupole": pj.Quadrupole(0.4, k1=1.3, **options),
        "quadrupole, negative": pj.Quadrupole(0.4, k1=-1.3, **options),
        "quadrupole, skew, with errors": pj.Quadrupole(0.4, k1=1.3, k1s=0.2, **EXTRA, **fine),
        **{
            name: kind(0.3, **strengths, **options)
            for name, kind, strengths in (
                ("sextupole", pj.Sextupole, {"k2": 40.0, "k2s": -10.0, **EXTRA}),
                ("octupole", pj.Octupole, {"k3": 900.0, "k3s": 300.0}),
            )
            if options.get("model") != "linear"
        },
    }


def thick(**options: Any) -> dict[str, pj.Element]:
    """Multipoles and correctors with a length."""
    return {
        "multipole": pj.Multipole(length=0.3, **EXTRA, **options),
        "corrector": pj.Kicker(0.3, hkick=2e-3, vkick=-1e-3, **options),
    }


def maps() -> dict[str, pj.Element]:
    """Series in xtrack's variables."""
    draw = np.random.default_rng(3)
    matrix, second = np.eye(6) + 0.1 * draw.normal(size=(6, 6)), draw.normal(size=(6, 6, 6))
    kick = 1e-3 * draw.normal(size=6)
    return {
        "first order": pj.TaylorMap(matrix, kick=kick, variables="t pt"),
        "of no inverse": pj.TaylorMap(np.outer(*matrix[:2]), kick=kick, variables="t pt"),
        "second order": pj.TaylorMap(matrix, kick=kick, second=second, variables="zeta pzeta"),
    }


THIN: dict[str, pj.Element] = {
    "marker": pj.Marker(),
    "monitor": pj.Monitor(),
    "thick monitor": pj.Monitor(0.3),
    "exact drift": pj.Drift(1.3),
    "paraxial drift": pj.Drift(1.3, model="paraxial"),
    "thin multipole": pj.Multipole(**EXTRA),
    "thin corrector": pj.Kicker(hkick=2e-3, vkick=-1e-3),
}


#: thin parts of dipoles, which AT has no element for
PARTS_OF_DIPOLES: dict[str, pj.Element] = {
    "thin bend": pj.ThinBend(0.1, **EXTRA),
    "thin bend with an arc": pj.ThinBend(-0.12, h=-0.3, **EXTRA),
    "dipole edge": pj.DipoleEdge(0.3, -0.2),
    "dipole edge with a gap": pj.DipoleEdge(-0.3, 0.2, fint=0.5, hgap=0.02),
}


def bends(model: str, **options: Any) -> dict[str, pj.Element]:
    """Bends without a gradient."""
    shared = {"model": model, "steps": 3, **options}
    return {
        "sector": pj.SBend(1.4, 0.15, **shared),
        "the other way": pj.SBend(1.4, -0.15, **FACES, **shared),
        "with faces": pj.SBend(1.4, 0.15, **FACES, **shared),
        "rectangular": pj.RBend(1.4, 0.15, **shared),
        "with sextupole": pj.SBend(1.4, 0.15, k2=3.0, **FACES, **HIGHER_ODD, **shared),
    }


CAVITIES: dict[str, pj.Element] = {
    "thin cavity": pj.RFCavity(0.0, 4e6, frequency=FREQUENCY, phase=0.4),
    "cavity": pj.RFCavity(0.5, 4e6, frequency=FREQUENCY, phase=math.pi),
}
CRABS: dict[str, pj.Element] = {
    "thin crab cavity": pj.CrabCavity(0.0, 2e6, frequency=FREQUENCY, phase=0.4),
    "crab cavity": pj.CrabCavity(0.5, 2e6, frequency=FREQUENCY, phase=0.4, tilt=math.pi / 2),
}
SOLENOIDS: dict[str, pj.Element] = {
    "solenoid": pj.Solenoid(0.8, 0.6),
    "solenoid, negative": pj.Solenoid(0.8, -0.6),
}


def labelled(group: str, cases: dict[str, pj.Element]) -> dict[str, pj.Element]:
    return {f"{group}: {name}": element for name, element in cases.items()}


def particles(count: int = 40, seed: int = 7) -> np.ndarray:
    """Random coordinates (N, 6), the last particle on the axis."""
    size = np.array([8e-3, 1e-2, 8e-3, 1e-2, 2e-2, 2e-2])
    c = np.random.default_rng(seed).uniform(-1, 1, (count, 6)) * size
    c[-1] = 0.0
    return c


def ours(element: pj.Element, start: np.ndarray, reference: pj.Reference) -> np.ndarray:
    """Our coordinates (N, 6) after an element; all particles must come through."""
    state = _advanced(element, start, reference)
    assert bool(state.alive.all())
    return torch.stack(state.coordinates, dim=-1).numpy()


def survivors(element: pj.Element, start: np.ndarray, reference: pj.Reference) -> np.ndarray:
    """Which particles (N,) come through."""
    return _advanced(element, start, reference).alive.numpy()


def _advanced(element: pj.Element, start: np.ndarray, reference: pj.Reference) -> State:
    alive = torch.ones(len(start), dtype=torch.bool)
    state = State(tuple(torch.tensor(start).unbind(-1)), alive)
    return advance(element, state, reference, WHOLE)

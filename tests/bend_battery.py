"""The cases of bends: thick and thin ones, of every model and edge, and their faces."""

from __future__ import annotations

from typing import Any

from element_cases import (
    PARAXIAL,
    PLACED,
    STRENGTHS,
    Along,
    Case,
    Hamiltonian,
    build,
    energy,
    expanded,
    square_root,
)
from torch import Tensor

import pyjutrack as pj


def bending(along: Along, curved_gradient: float) -> Hamiltonian:
    def h(c: Tensor, length: Any, angle: Any, k1: Any = 0.0, k2: Any = 0.0, dk0: Any = 0) -> Tensor:
        x, y, curve = c[0], c[2], angle / length
        # the paraxial Hamiltonian has the curvature only with what is left along s at no slope
        straight = along(c) * (1 + curve * x) if curved_gradient else along(c)
        turned = 0.0 if curved_gradient else -curve * x * (1 + c[5])
        dipole = (curve + dk0) * (x + curve * x**2 / 2)
        gradient = (
            k1 * (x**2 - y**2) / 2 + curved_gradient * curve * k1 * (2 * x**3 - 3 * x * y**2) / 6
        )
        return straight + turned + energy(c[5]) + dipole + gradient + k2 * (x**3 / 6 - x * y**2 / 2)

    return h


LINEAR = {"model": "linear"}
NO_EDGES = {"edges": "none"}
BEND = {"length": 0.9, "angle": 0.4}
FULL_BEND = {**BEND, "k1": 0.7, "k2": 3.0, "dk0": 0.05}
FACES = {"e1": 0.15, "e2": -0.05, "fint": 0.4, "fintx": 0.6, "hgap": 0.02}


def swapped(
    e1: float = 0.0, e2: float = 0.0, fint: float = 0.0, fintx: float = 0.0, **_: float
) -> dict[str, float]:
    return {"e1": e2, "e2": e1, "fint": fintx, "fintx": fint}


def has_fringes(element: Any) -> bool:
    return element.edges == "exact" or (element.edges == "auto" and element.model == "exact")


def bend(label: str, kind: Any, parameters: Any, options: Any = None, *solved: Any) -> Case:
    options = options or {}
    element = build(kind, parameters, options)
    # the fringe's generating function takes y after the face at the exit as at the entrance: to
    # fourth order in the coordinates it is not symmetric in time, here as in other codes
    fringes = has_fringes(element) and element.angle != 0
    symmetric = 1e-7 if fringes else 4e-15
    return Case(label, kind, parameters, options, *solved, mirrored=swapped, reversed_to=symmetric)


BENDS = [
    bend("sbend", pj.SBend, BEND, NO_EDGES, bending(square_root, 1.0)),
    bend("sbend-strong", pj.SBend, {"length": 0.6, "angle": 1.3}, NO_EDGES),
    bend("sbend-off", pj.SBend, {"length": 0.9, "angle": 0.0}, {}, bending(square_root, 1.0)),
    bend("sbend-faint", pj.SBend, {"length": 0.9, "angle": 1e-9}, {}, bending(square_root, 1.0)),
    bend(
        "sbend-unbent", pj.SBend, {**BEND, "dk0": -0.4 / 0.9}, NO_EDGES, bending(square_root, 1.0)
    ),
    bend(
        "sbend-field-only",
        pj.SBend,
        {"length": 0.9, "angle": 0.0, "dk0": 0.4},
        NO_EDGES,
        bending(square_root, 1.0),
    ),
    bend(
        "sbend-combined",
        pj.SBend,
        FULL_BEND,
        {**NO_EDGES, "order": 6, "steps": 6},
        bending(square_root, 1.0),
        1e-7,
    ),
    bend("sbend-faces", pj.SBend, {**FULL_BEND, **FACES}),
    bend("sbend-placed", pj.SBend, {**BEND, **FACES, **PLACED, "tilt": 0.3}),
    bend("sbend-errors", pj.SBend, {**BEND, "knl0": 1e-3, "knl1": 0.1, "ksl2": 0.4}),
    bend("sbend-linear", pj.SBend, BEND, LINEAR | NO_EDGES, bending(expanded, 0.0)),
    bend(
        "sbend-linear-gradient",
        pj.SBend,
        {**BEND, "k1": -1.9, "dk0": 0.02},
        LINEAR | NO_EDGES,
        bending(expanded, 0.0),
    ),
    bend("sbend-linear-faces", pj.SBend, {**FULL_BEND, **FACES}, LINEAR | {"edges": "linear"}),
    bend("sbend-linear-fringe", pj.SBend, {**BEND, **FACES}, {**LINEAR, "edges": "exact"}),
    bend(
        "sbend-paraxial",
        pj.SBend,
        {**BEND, "k1": 0.7, "k2": 3.0, "dk0": 0.02},
        {**PARAXIAL, **NO_EDGES, "order": 6, "steps": 6},
        bending(expanded, 0.0),
        2e-7,
    ),
    bend("sbend-paraxial-faces", pj.SBend, {**FULL_BEND, **FACES}, PARAXIAL),
    bend("rbend", pj.RBend, {**BEND, **FACES, "k1": 0.3, "k2": 1.0, "dk0": 0.01}),
    bend("rbend-off", pj.RBend, {"length": 0.9, "angle": 0.0, "e1": 0.0, "e2": 0.0}),
    bend("rbend-linear", pj.RBend, BEND, {**LINEAR, "edges": "linear"}),
    bend("rbend-linear-bare", pj.RBend, BEND, LINEAR | NO_EDGES, bending(expanded, 0.0)),
    bend("rbend-paraxial", pj.RBend, {**BEND, "knl2": 1.0, "ksl1": 0.1, **PLACED}, PARAXIAL),
    bend("rbend-placed", pj.RBend, {**BEND, **PLACED, "tilt": -0.3}, {"edges": "exact"}),
    Case("thin-bend", pj.ThinBend, {"angle": 0.1, "h": 0.3, **STRENGTHS}),
    Case("thin-bend-straight", pj.ThinBend, {"angle": 0.0, "h": 0.0}),
    Case("thin-bend-placed", pj.ThinBend, {"angle": 0.1, "h": 0.0, **PLACED, "tilt": 0.3}),
    Case("edge", pj.DipoleEdge, {"h": 0.6, "e1": 0.2, "fint": 0.5, "hgap": 0.02}),
    Case("edge-off", pj.DipoleEdge, {"h": 0.0, "e1": 0.0}),
    Case("edge-placed", pj.DipoleEdge, {"h": -0.6, "e1": 0.2, **PLACED, "tilt": 0.3}),
]

"""Elements of every kind and model with random parameters, and how near JuTrack's maps are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import pyjutrack as pj

PROTON = pj.Reference.from_kinetic("proton", 1e9)
ELECTRON = pj.Reference.from_total("electron", 3e9)
Make = Callable[[np.random.Generator], pj.Element]


def near(rng: np.random.Generator, size: float) -> float:
    """A number of either sign, and not near zero."""
    return float(rng.choice([-1, 1]) * rng.uniform(0.3, 1) * size)


def length(rng: np.random.Generator, most: float = 0.5) -> float:
    return float(rng.uniform(0.1, most))


def series(rng: np.random.Generator, *sizes: float) -> tuple[float, ...]:
    return tuple(near(rng, size) for size in sizes)


def choose(rng: np.random.Generator, *options: Any) -> Any:
    return options[rng.integers(len(options))]


def sets(rng: np.random.Generator) -> dict[str, Any]:
    """Normal and skew series as of errors."""
    return {"knl": series(rng, 1e-3, 0.1, 2.0, 20.0), "ksl": series(rng, 1e-3, 0.1, 2.0)}


def wave(rng: np.random.Generator) -> dict[str, float]:
    return {"frequency": float(rng.uniform(0.5, 5) * 1e8), "phase": float(rng.uniform(-3, 3))}


def placement(rng: np.random.Generator) -> dict[str, float]:
    sizes = {
        "tilt": 1,
        "dx": 1e-3,
        "dy": 1e-3,
        "dz": 2e-3,
        "x_rot": 3e-3,
        "y_rot": 3e-3,
        "z_rot": 1,
    }
    return {name: near(rng, size) for name, size in sizes.items()}


def bend(rng: np.random.Generator, model: str, **options: Any) -> pj.Element:
    kind = choose(rng, pj.SBend, pj.RBend)
    return kind(length(rng, 1.5), near(rng, 0.2), model=model, **options)


def faces(rng: np.random.Generator) -> dict[str, float]:
    return {"e1": near(rng, 0.1), "e2": near(rng, 0.1)}


def gap(rng: np.random.Generator) -> dict[str, float]:
    return {"fint": 0.5, "fintx": near(rng, 0.4), "hgap": near(rng, 0.02)}


#: the same map: to 1e-10 of any coordinate
EXACT: dict[str, Make] = {
    "drift": lambda r: pj.Drift(length(r)),
    "step back": lambda r: pj.Drift(-length(r)),
    "paraxial drift": lambda r: pj.Drift(length(r), model="paraxial"),
    "marker": lambda r: pj.Marker(),
    "monitor": lambda r: pj.Monitor(choose(r, 0.0, length(r))),
    "quadrupole": lambda r: pj.Quadrupole(length(r), near(r, 4)),
    "skew quadrupole": lambda r: pj.Quadrupole(
        length(r), choose(r, 0.0, near(r, 4)), k1s=near(r, 2)
    ),
    "quadrupole with errors": lambda r: pj.Quadrupole(length(r), near(r, 4), **sets(r)),
    "exact quadrupole": lambda r: pj.Quadrupole(
        length(r), near(r, 4), k1s=near(r, 1), model="exact", steps=choose(r, None, 3), **sets(r)
    ),
    "paraxial quadrupole": lambda r: pj.Quadrupole(
        length(r), near(r, 4), model="paraxial", order=choose(r, 2, 4, 6)
    ),
    "sextupole": lambda r: pj.Sextupole(length(r), near(r, 40), k2s=near(r, 9), **sets(r)),
    "paraxial sextupole": lambda r: pj.Sextupole(
        length(r), near(r, 40), model="paraxial", order=choose(r, 2, 4, 6)
    ),
    "octupole": lambda r: pj.Octupole(length(r), near(r, 500), k3s=near(r, 90), **sets(r)),
    "thick multipole": lambda r: pj.Multipole(length=length(r), **sets(r)),
    "thick decapole": lambda r: pj.Multipole(
        series(r, 1e-3, 0.1, 1, 9, 99, 999), length=length(r), order=choose(r, 2, 4, 6)
    ),
    "thin multipole": lambda r: pj.Multipole(
        series(r, 1e-3, 0.1, 1, 9, 99, 999), series(r, 1e-3, 1)
    ),
    "thin kicker": lambda r: pj.Kicker(hkick=near(r, 1e-3), vkick=near(r, 1e-3)),
    "kicker": lambda r: pj.Kicker(
        length(r), hkick=near(r, 1e-3), vkick=near(r, 1e-3), knl=series(r, 1e-3, 0.1)
    ),
    "paraxial kicker": lambda r: pj.Kicker(
        length(r), hkick=near(r, 1e-3), vkick=near(r, 1e-3), model="paraxial", order=choose(r, 2, 4)
    ),
    "linear bend": lambda r: bend(r, "linear", k1=near(r, 0.5), **faces(r), **gap(r)),
    "linear bend with exact edges": lambda r: bend(r, "linear", edges="exact", **faces(r)),
    "linear bend with errors": lambda r: bend(r, "linear", k1=near(r, 1), k2=near(r, 5), **sets(r)),
    "exact bend": lambda r: bend(r, "exact", **faces(r)),
    "exact bend with linear edges": lambda r: bend(
        r, "exact", edges="linear", **faces(r), **gap(r)
    ),
    "exact bend without edges": lambda r: bend(r, "exact", edges="none", e1=0.1, dk0=near(r, 0.02)),
    "exact bend with errors": lambda r: bend(
        r, "exact", k2=near(r, 5), dk0=near(r, 1e-2), knl=series(r, 1e-3), **faces(r)
    ),
    "exact bend of order 2": lambda r: bend(r, "exact", k2=near(r, 5), order=2),
    "paraxial bend with a field": lambda r: bend(
        r, "paraxial", dk0=near(r, 1e-2), k1=near(r, 0.5), steps=4, **faces(r), **gap(r)
    ),
    "paraxial bend of order 6": lambda r: bend(r, "paraxial", k1=near(r, 0.5), order=6, **sets(r)),
    "dipole edge": lambda r: pj.DipoleEdge(
        near(r, 0.2), near(r, 0.2), fint=0.5, hgap=near(r, 0.02)
    ),
    "thin bend": lambda r: pj.ThinBend(
        near(r, 0.1), h=near(r, 0.2), knl=(near(r, 1e-3), 0.0, near(r, 1)), ksl=series(r, 1e-3, 0.1)
    ),
    "cavity": lambda r: pj.RFCavity(choose(r, 0.0, length(r)), near(r, 1e6), **wave(r)),
    "crab cavity": lambda r: pj.CrabCavity(choose(r, 0.0, length(r)), near(r, 1e6), **wave(r)),
    "linear map": lambda r: pj.TaylorMap(
        np.eye(6) + 0.1 * r.normal(size=(6, 6)), kick=series(r, *[1e-3] * 6)
    ),
}

#: of lower order: how the difference goes with the amplitude
ORDERS: dict[str, tuple[int, Make]] = {
    "solenoid": (3, lambda r: pj.Solenoid(length(r), near(r, 1))),
    "fringe": (5, lambda r: pj.Quadrupole(length(r), near(r, 20), fringe="hard-edge")),
    "skew fringe": (
        5,
        lambda r: pj.Quadrupole(
            length(r), near(r, 20), k1s=near(r, 20), model="exact", fringe="hard-edge"
        ),
    ),
    "gradient in an exact bend": (2, lambda r: bend(r, "exact", k1=near(r, 0.5), **faces(r))),
    "gap in exact edges": (2, lambda r: bend(r, "exact", **faces(r), **gap(r))),
    "paraxial bend": (3, lambda r: bend(r, "paraxial", k1=near(r, 0.5), k2=near(r, 5), **faces(r))),
}


def beam(rng: np.random.Generator, reference: pj.Reference = PROTON, scale: float = 1.0) -> pj.Beam:
    """Particles within some mm and mrad."""
    sizes = np.array([2e-3, 1e-3, 2e-3, 1e-3, 1e-2, 1e-3])
    return pj.Beam.from_array(reference, scale * sizes * rng.uniform(-1, 1, (20, 6)))

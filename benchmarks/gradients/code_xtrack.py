"""xtrack: differences, and of tunes its truncated power series (TPSA)."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy import constants

import pyjutrack as pj

from ..case_optics import example
from ..peer import elsewhere, xsuite_context
from .figures import (
    AT,
    NODES,
    SLICES,
    Array,
    Found,
    Way,
    by_differences,
    cell,
    emittance,
    ring,
    versions_of,
)

#: of the box about the bunch, in its rms sizes at the start
_REACH = 7.0


@elsewhere()
def _cell(figure: str) -> Callable[[], Found]:
    import xfields
    import xtrack

    start, context = cell(), xsuite_context(0)
    reference = start.reference
    x, px, y, py, z, _ = start.coordinates.T.copy()
    before = emittance(x, px)
    half = _REACH * start.coordinates.std(0)[[0, 2, 4]]

    bunch = xtrack.Particles(
        _context=context,
        p0c=reference.p0c,
        mass0=reference.species.mass,
        q0=reference.species.charge,
        **{"x": x, "px": px, "y": y, "py": py, "zeta": z},
        weight=start.charge / constants.e / len(x),
    )

    def element(slices: int, quadrupole: bool) -> list[Any]:
        make = xtrack.Quadrupole if quadrupole else xtrack.Drift
        if figure == "size":
            return [make(length=1.0)]
        kick = xfields.SpaceCharge3D(
            _context=context,
            length=1.0,
            update_on_track=True,
            apply_z_kick=True,
            **{f"{u}_range": (-h, h) for u, h in zip("xyz", half, strict=True)},
            **dict.fromkeys(("nx", "ny", "nz"), NODES),
            solver="FFTSolver3D",
            gamma0=reference.gamma,
        )
        return [make(length=1.0), kick, make(length=1.0)] * slices

    parts = [element(s, bool(i % 2)) for i, s in enumerate(SLICES)]
    line = xtrack.Line(elements=[e for part in parts for e in part])
    line.build_tracker(_context=context)
    line.track(bunch.copy())  # compiles

    def value(knobs: Array) -> float:
        d1, q1, k1, d2, q2, k2, d3 = knobs
        strengths = (None, k1, None, k2, None)
        for part, length, k, slices in zip(
            parts, (d1, q1, d2, q2, d3), strengths, SLICES, strict=True
        ):
            for e in part[:3]:
                kick = isinstance(e, xfields.SpaceCharge3D)
                e.length = length if len(part) == 1 else length / slices / (1 if kick else 2)
                if k is not None and not kick:
                    e.k1 = k
        them = bunch.copy()  # a tenth of the time that making them anew takes
        line.track(them)
        if figure == "size":
            return float(np.std(them.x))
        return float(emittance(them.x, them.px)) / before - 1

    return lambda: by_differences(value, AT)


@elsewhere()
def _ring() -> tuple[Any, Array, list[str]]:
    import xsuite  # noqa: F401  # its compiled kernels

    lattice, reference, names = ring()
    peer = example("peer_xtrack")
    elements = [
        dataclasses.replace(e, voltage=0.0) if isinstance(e, pj.RFCavity) else e for e in lattice
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        line = peer.to_line(elements, reference)
    variables = []
    for place, element in zip(line.element_names, lattice, strict=True):
        if isinstance(element, pj.Quadrupole):
            variables.append(f"k_{len(variables)}")
            line.vars[variables[-1]] = float(element.k1)
            line.element_refs[place].k1 = line.vars[variables[-1]]
    at = np.array([line[name] for name in variables])
    assert len(at) == len(names)
    return line, at, variables


def _tunes_by_differences() -> Callable[[], Found]:
    line, at, variables = _ring()

    def value(knobs: Array) -> Array:
        for name, knob in zip(variables, knobs, strict=True):
            line.vars[name] = knob
        twiss = line.twiss(method="4d", at_elements=[0])
        return np.array([twiss.qx, twiss.qy]) % 1

    return lambda: by_differences(value, at, 1e-6)


def _tunes_by_tpsa() -> Callable[[], Found]:
    """One map of second order, of the coordinates and of the quadrupoles together."""
    import madng_tpsa
    from xtrack.tpsa import ParticlesTpsa
    from xtrack.tpsa._knobs import KnobParameters

    line, at, variables = _ring()
    particle = line.particle_ref
    given = {"mass0": particle.mass0, "q0": particle.q0, "p0c": float(particle.p0c[0])}
    count = len(variables)
    descriptor = madng_tpsa.Descriptor(6, 2, params=variables, param_order=1)
    knobs = KnobParameters(line, variables, descriptor)
    terms = {}
    for column in range(4):
        terms[column] = np.zeros((count, 6 + count), dtype=int)
        terms[column][:, column] = 1
        terms[column][np.arange(count), 6 + np.arange(count)] += 1

    def call() -> Found:
        knobs.apply(list(at))
        found = ParticlesTpsa(order=2, descriptor=descriptor, **given)
        line.track(found)
        matrix, tunes, slopes = found.jacobian(), [], []
        for i in (0, 2):
            block = matrix[i : i + 2, i : i + 2]
            half = block.trace() / 2
            angle = math.acos(half) * (1 if block[0, 1] > 0 else -1)
            by_knob = sum(np.asarray(found.coefficient(i + j, terms[i + j])) for j in (0, 1))
            tunes.append(angle / (2 * math.pi) % 1)
            slopes.append(-by_knob / (4 * math.pi * math.sin(angle)))
        knobs.teardown()
        return np.array(tunes), np.stack(slopes)

    return call


versions = partial(versions_of, "xtrack", "xfields", "madng-tpsa")
WAYS: dict[str, dict[str, Way]] = {
    "size": {"differences": partial(_cell, "size")},
    "bunch": {"differences, xfields": partial(_cell, "bunch")},
    "tunes": {"TPSA": _tunes_by_tpsa, "differences": _tunes_by_differences},
}

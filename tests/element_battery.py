"""The cases of the element battery: every kind and model, at regular and at singular parameters."""

from __future__ import annotations

import math

from bend_battery import BENDS
from element_cases import (
    EXACT,
    IN_TIME,
    PARAXIAL,
    PERCEPTRON,
    PLACED,
    SECOND,
    SPLINE,
    STRENGTHS,
    Case,
    drifting,
    expanded,
    in_solenoid,
    in_standing_wave,
    in_wave,
    kicked,
    mapped,
    multipoles,
    quadrupole,
    square_root,
)

import pyjutrack as pj

CAVITY = {"voltage": 2e7, "frequency": 3e8, "phase": 0.4}
UNENDED = {"ends": "none", "steps": 5}
CASES = [
    Case("drift", pj.Drift, {"length": 0.7}, {}, drifting(square_root)),
    kicked("spline", SPLINE),
    kicked("perceptron", PERCEPTRON),
    kicked("spline-placed", SPLINE, {"tilt": 0.1, **PLACED}),
    Case("drift-long", pj.Drift, {"length": 30.0}, {}, drifting(square_root)),
    Case("drift-back", pj.Drift, {"length": -0.7}, {}, drifting(square_root)),
    Case("drift-zero", pj.Drift, {"length": 0.0}, {}, drifting(square_root)),
    Case("drift-placed", pj.Drift, {"length": 0.7, **PLACED}, {}, drifting(square_root)),
    Case("paraxial", pj.Drift, {"length": 0.7}, PARAXIAL, drifting(expanded)),
    Case("paraxial-zero", pj.Drift, {"length": 0.0}, PARAXIAL, drifting(expanded)),
    quadrupole("quad", 0.1, 29.6),
    quadrupole("quad-negative", 0.1, -29.6),
    quadrupole("quad-strong", 1.1, 5.0),
    quadrupole("quad-off", 0.3, 0.0),
    quadrupole("quad-faint", 0.3, 1e-10),
    quadrupole("quad-zero", 0.0, 29.6),
    Case("quad-placed", pj.Quadrupole, {"length": 0.3, "k1": 4.0, "tilt": 0.1, **PLACED}),
    Case(
        "quad-skew",
        pj.Quadrupole,
        {"length": 0.3, "k1": 2.0, "k1s": 1.0},
        {"steps": 8, "order": 6},
        multipoles(expanded),
        1e-7,
    ),
    Case(
        "quad-errors",
        pj.Quadrupole,
        {"length": 0.3, "k1": 2.0, "knl0": 1e-4, "knl2": 0.3, "ksl1": 0.02},
    ),
    Case(
        "quad-fringe",
        pj.Quadrupole,
        {"length": 0.3, "k1": 4.0, "knl2": 0.3},
        {"fringe": "hard-edge"},
    ),
    Case(
        "quad-fringe-skew",
        pj.Quadrupole,
        {"length": 0.3, "k1": 4.0, "k1s": -3.0, "ksl1": 0.1, **PLACED, "tilt": 0.2},
        {"fringe": "hard-edge", **EXACT},
    ),
    Case("quad-fringe-zero", pj.Quadrupole, {"length": 0.0, "k1": 9.0}, {"fringe": "hard-edge"}),
    Case(
        "integrator",
        pj.Quadrupole,
        {"length": 0.1, "k1": 3.0},
        {**EXACT, "steps": 2},
        multipoles(square_root),
        1e-5,
    ),
    Case(
        "integrator-paraxial",
        pj.Quadrupole,
        {"length": 0.1, "k1": -3.0},
        {**PARAXIAL, "steps": 2},
        multipoles(expanded),
        1e-5,
    ),
    Case(
        "integrator-off",
        pj.Quadrupole,
        {"length": 0.3, "k1": 0.0},
        {**EXACT, "steps": 1},
        multipoles(square_root),
    ),
    Case("integrator-zero", pj.Quadrupole, {"length": 0.0, "k1": 3.0}, EXACT),
    Case(
        "sextupole",
        pj.Sextupole,
        {"length": 0.2, "k2": 300.0, "k2s": -100.0},
        {"steps": 4},
        multipoles(square_root),
        1e-6,
    ),
    Case(
        "sextupole-paraxial",
        pj.Sextupole,
        {"length": 0.2, "k2": 300.0, "knl0": 1e-4, "ksl1": 0.1, **PLACED, "tilt": 0.2},
        {**PARAXIAL, "order": 2},
    ),
    Case("sextupole-off", pj.Sextupole, {"length": 0.2, "k2": 0.0, "k2s": 0.0}),
    Case(
        "octupole",
        pj.Octupole,
        {"length": 0.2, "k3": 2e4, "k3s": -1e4},
        {"steps": 4},
        multipoles(square_root),
        1e-6,
    ),
    Case(
        "octupole-paraxial",
        pj.Octupole,
        {"length": 0.2, "k3": 2e4, "knl1": 0.1, "ksl0": 1e-4, **PLACED, "tilt": -0.2},
        {**PARAXIAL, "order": 6},
    ),
    Case("multipole", pj.Multipole, STRENGTHS),
    Case("multipole-off", pj.Multipole, dict.fromkeys(STRENGTHS, 0.0)),
    Case("multipole-none", pj.Multipole),
    Case("multipole-thick", pj.Multipole, {"length": 0.3, **STRENGTHS, **PLACED, "tilt": 0.1}),
    Case("multipole-paraxial", pj.Multipole, {"length": 0.3, **STRENGTHS}, PARAXIAL),
    Case("kicker", pj.Kicker, {"length": 0.0, "hkick": 2e-3, "vkick": -1e-3}),
    Case(
        "kicker-thick",
        pj.Kicker,
        {"length": 0.4, "hkick": 2e-3, "vkick": -1e-3, "knl1": 0.1, "ksl2": 3.0, **PLACED}
        | {"tilt": 0.3},
        PARAXIAL,
    ),
    *BENDS,
    *(
        Case(
            f"solenoid-{ks:g}",
            pj.Solenoid,
            {"length": 0.8, "ks": ks},
            {},
            in_solenoid,
            mirrored=lambda ks, **_: {"ks": -ks},
        )
        for ks in (0.6, -2.5, 0.0, 1e-9)
    ),
    Case(
        "solenoid-placed",
        pj.Solenoid,
        {"length": 0.8, "ks": 0.6, **PLACED, "tilt": 0.1},
        mirrored=lambda ks, **_: {"ks": -ks},
    ),
    *(
        Case(label, kind, parameters, mirrored=turned, divisible=not length)
        for kind, name, turned in (
            (pj.RFCavity, "cavity", lambda phase, **_: {"phase": -phase}),
            (pj.CrabCavity, "crab", lambda phase, **_: {"phase": math.pi - phase}),
        )
        for length, label, parameters in (
            (0.0, name, {"length": 0.0, **CAVITY}),
            (0.3, f"{name}-thick", {"length": 0.3, **CAVITY, **PLACED, "tilt": 0.5}),
            (0.0, f"{name}-off", {"length": 0.0, **CAVITY, "voltage": 0.0}),
            (0.0, f"{name}-static", {"length": 0.0, **CAVITY, "frequency": 0.0}),
        )
    ),
    *(
        Case(
            f"cavity-{label}",
            pj.RFCavity,
            {"length": 0.4, **CAVITY, **placed},
            {"focusing": focusing, **options},
            *solved,
            mirrored=lambda phase, **_: {"phase": -phase},
            divisible=focusing != "gap",
        )
        for label, focusing, options, placed, solved in (
            ("gap", "gap", {}, {}, ()),
            ("travelling", "travelling-wave", UNENDED, {}, (in_wave, 5e-7)),
            ("standing", "standing-wave", UNENDED, {}, (in_standing_wave, 5e-7)),
            ("standing-placed", "standing-wave", {"steps": 2}, {**PLACED, "tilt": 0.5}, ()),
            ("travelling-off", "travelling-wave", {"steps": 1}, {"voltage": 0.0}, ()),
            ("standing-static", "standing-wave", {"steps": 1}, {"frequency": 0.0}, ()),
        )
    ),
    Case("monitor", pj.Monitor, {"length": 0.0, **PLACED, "tilt": 0.1}),
    Case("monitor-long", pj.Monitor, {"length": 0.2}, {}, drifting(square_root)),
    Case("marker", pj.Marker),
    Case("marker-placed", pj.Marker, {**PLACED, "tilt": 0.1}),
    Case("patch-none", pj.Patch),
    Case("taylor-none", pj.TaylorMap),
    *(
        Case(f"aperture-{shape}", pj.Aperture, {**PLACED, "tilt": 0.1}, {"shape": shape, **size})
        for shape, size in (
            ("rectangle", {"half_width": 0.05, "half_height": 0.04}),
            ("ellipse", {"half_width": 0.05, "half_height": 0.04}),
            ("racetrack", {"half_width": 0.05, "half_height": 0.04, "corner_x": 0.02}),
            ("octagon", {"half_width": 0.05, "half_height": 0.04, "corner_x": 0.02}),
            ("rectellipse", {"half_width": 0.05, "half_height": 0.04, "radius_x": 0.05}),
            ("polygon", {"vertices": ((0.05, -0.04), (0.06, 0.06), (0.0, 0.04), (-0.1, -0.05))}),
        )
    ),
]

#: no motion mirrored in time leads back through the same kind
ONE_WAY = [
    mapped("taylor", {"kick1": 2e-3, "matrix1": 0.3, "matrix34": 0.1}, {}),
    mapped("taylor-off", {"kick1": 0.0, "matrix1": 0.0, "second12": 0.0}, SECOND),
    mapped("taylor-placed", {"matrix8": 0.2, **PLACED, "tilt": 0.1}, {"variables": "t pt"}),
    mapped("taylor-second", {"second7": 0.3, "second215": 0.2, "kick5": 1e-3}, SECOND),
    mapped("taylor-in-time", {"second7": 0.3, "second179": 0.2}, {**SECOND, "variables": "t pt"}),
    mapped("taylor-zeta", {"kick4": 1e-3, "matrix29": 0.1}, {"variables": "zeta pzeta"}),
    Case("patch", pj.Patch, {**PLACED, "tilt": 0.1}, divisible=False),
    kicked("perceptron-in-time", IN_TIME),
    *(
        Case(
            f"cavity-{end}",
            pj.RFCavity,
            {"length": 0.4, **CAVITY},
            {"focusing": "standing-wave", "ends": end, "steps": 2},
            divisible=False,
        )
        for end in ("entrance", "exit")
    ),
]

#: those that are programs: potentials that are learned are no operations
FUSED = [c for c in CASES + ONE_WAY if c.kind is not pj.HamiltonianKick or c.options is SPLINE]

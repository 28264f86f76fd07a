"""Calls of elements, beams, tracking and optics."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from public_inputs import (
    BEAM,
    CELL,
    ELECTRON,
    KICK,
    OPTICS,
    PROTON,
    RING,
    STORAGE_RING,
    TURN,
    Call,
    X,
)

import pyjutrack as pj


def element_calls() -> dict[str, Call]:
    place = {"tilt": 0.1, "dx": 1e-3, "x_rot": 1e-3}
    thick = {"model": "exact", "order": 4, "steps": 2, **place}
    own: dict[str, dict[str, Any]] = {
        "Aperture": {
            "half_width": 0.01,
            "half_height": 0.01,
            "shape": "rectangle",
            "smoothing": 0.0,
        },
        "CrabCavity": {"length": 0.1, "voltage": 1e5, "frequency": 1e8, "phase": 0.1},
        "DipoleEdge": {"h": 0.1, "e1": 0.2, "fint": 0.5, "hgap": 0.02},
        "Drift": {
            "length": 0.1,
            "model": "exact",
            **place,
            "dy": 1e-3,
            "dz": 1e-3,
            "y_rot": 1e-3,
            "z_rot": 1e-3,
        },
        "HamiltonianKick": {"potential": pj.elements.potentials.Spline(), "strength": 1.0},
        "Kicker": {"length": 0.1, "knl": (1e-3,), "ksl": (1e-3,), "hkick": 1e-3, "vkick": 1e-3},
        "Marker": {},
        "Monitor": {"length": 0.1},
        "Multipole": {"knl": (1e-3, 0.1), "ksl": (1e-3,)},
        "Octupole": {"length": 0.1, "k3": 1.0, "k3s": 1.0, **thick},
        "Patch": {"dx": 1e-3, "y_rot": 1e-3},
        "Placeholder": {"length": 0.1, "stands_for": "wire", "settings": {"current": 1.0}},
        "Quadrupole": {"length": 0.1, "k1": 1.0, "k1s": 0.1, "model": "linear", "fringe": "none"},
        "RBend": {
            "length": 0.5,
            "angle": 0.1,
            "fint": 0.5,
            "hgap": 0.01,
            "dk0": 1e-3,
            "e1": 0.05,
            "e2": 0.05,
            "fintx": 0.4,
            "k1": 0.1,
            "k2": 0.1,
        },
        "RFCavity": {
            "length": 0.1,
            "voltage": 1e5,
            "frequency": 1e8,
            "accelerate": False,
            "phase": 0.1,
            "focusing": "none",
            "ends": "both",
            "steps": 2,
        },
        "SBend": {
            "length": 0.5,
            "angle": 0.1,
            "k1": 0.1,
            "e1": 0.05,
            "fint": 0.5,
            "edges": "exact",
            **thick,
        },
        "Sextupole": {"length": 0.1, "k2": 1.0, **thick},
        "Solenoid": {"length": 0.1, "ks": 0.1},
        "TaylorMap": {
            "length": 0.1,
            "kick": [1e-3] * 6,
            "variables": "t pt",
            "matrix": np.eye(6),
            "second": np.zeros(216),
        },
        "ThinBend": {"angle": 0.1, "h": 0.2, "knl": (0.0, 0.1)},
    }
    return {k: Call(getattr(pj, k), {"name": "m", **given}) for k, given in own.items()}


def beam_calls() -> dict[str, Call]:
    drawn = {"reference": PROTON, "particles": 8, "twiss": OPTICS, "current": 1.0}
    drawn |= {"emittance": (1e-6, 1e-6), "sigma_z": 0.1, "sigma_delta": 1e-3, "quiet": True}
    drawn |= {"longitudinal": "parabolic", "world": BEAM.world}
    found = {f"distributions.{n}": Call(getattr(pj.distributions, n), drawn | {"seed": 1}) for n in
             ("gaussian", "kv", "waterbag", "uniform")}  # fmt: skip
    found["distributions.gaussian normalized"] = Call(
        pj.distributions.gaussian,
        {
            "reference": PROTON,
            "particles": 8,
            "twiss": OPTICS,
            "normalized_emittance": (1e-6, 1e-6),
            "charge": 1e-9,
            "sigma_z": 1e-3,
            "bucket": pj.optics.synchrotron_optics(RING, PROTON),
        },
    )
    for name in ("centroid", "covariance", "sizes", "survivors"):
        found[f"moments.{name}"] = Call(getattr(pj.moments, name), {"beam": BEAM})
    plane = {"plane": "x", "normalized": True}
    return found | {
        "Beam": Call(pj.Beam, {"reference": PROTON, "coordinates": X.new_zeros(4, 6),
                               "current": 1.0, "world": BEAM.world,
                               "weights": torch.ones(4, dtype=torch.float64),
                               "alive": torch.ones(4, dtype=torch.bool)}),
        "Beam.from_array": Call(pj.Beam.from_array, {"reference": PROTON, "current": 1.0,
                                                     "coordinates": np.zeros((4, 6))}),
        "Lattice": Call(pj.Lattice, {"elements": [pj.Drift(1.0, name="d")],
                                     "variables": {"l": 1.0}, "expressions": {"d.length": "l"}}),
        "Species": Call(pj.Species, {"name": "m", "mass": 1e6, "charge": 1.0}),
        "Species.from_name": Call(pj.Species.from_name, {"name": "proton"}),
        "Species.ion": Call(pj.Species.ion, {"mass_u": 12.0, "charge": 6.0, "name": "C"}),
        "Reference": Call(pj.Reference, {"species": PROTON.species, "p0c": 1e9}),
        **{f"Reference.{n}": Call(getattr(pj.Reference, n), {"species": "proton", k: 1e10})
           for n, k in (("from_p0c", "p0c"), ("from_kinetic", "kinetic_energy"),
                        ("from_total", "total_energy"))},
        "Twiss": Call(pj.optics.Twiss, {"beta_x": 1.0, "alpha_x": 0.0, "beta_y": 1.0,
                                        "alpha_y": 0.0, "tune_x": 0.1, "tune_y": 0.1,
                                        **dict.fromkeys(("dispersion_x", "dispersion_px",
                                                         "dispersion_y", "dispersion_py"), 0.1)}),
        "moments.mean": Call(pj.moments.mean, {"beam": BEAM, "values": X}),
        "moments.emittance": Call(pj.moments.emittance, {"beam": BEAM, **plane}),
        "observables.emittance": Call(pj.observables.emittance, plane),
        "observables.emittance_growth": Call(pj.observables.emittance_growth, {"plane": "x"}),
        "observables.size": Call(pj.observables.size, {"coordinate": "x"}),
        "observables.centroid": Call(pj.observables.centroid, {"coordinate": "x"}),
        "distributed.gather": Call(pj.distributed.gather, {"beam": BEAM}),
        "distributed.shard": Call(pj.distributed.shard, {"beam": BEAM, "world": BEAM.world}),
    }  # fmt: skip


def tracking_calls() -> dict[str, Call]:
    free = {"lattice": CELL, "beam": BEAM, "turns": 1}
    whole = {**free, "effects": [KICK]}
    figure = pj.observables.emittance_growth("x")
    slopes = {"objective": figure, **whole, "wrt": ["q1.k1", "beam.current"], "step": 1e-5}
    values = BEAM.coordinates[:, 0]
    return {
        "rms": Call(pj.moments.rms, {"beam": BEAM, "values": values}),
        "Store": Call(pj.adjoints.Store, {}),
        "Checkpoint": Call(pj.adjoints.Checkpoint, {"every": 3}),
        "Reversible": Call(pj.adjoints.Reversible, {"snapshots": 3}),
        "Auto": Call(pj.adjoints.Auto, {"memory": 2**20}),
        "track": Call(pj.track, {**whole, "engine": "native", "adjoint": "auto"}),
        "track free": Call(pj.track, free),
        "beams_at": Call(pj.beams_at, {"lattice": CELL, "beam": BEAM, "places": ["end"],
                                       "effects": [KICK], "adjoint": "auto"}),
        "loss_map": Call(pj.loss_map, whole),
        "jacobian": Call(pj.jacobian, {**whole, "at": [0.0] * 6, "method": "ad", "step": 1e-7,
                                       "engine": "native"}),
        "jacobian fd": Call(pj.jacobian, {**whole, "method": "fd", "step": 1e-7}),
        "jacobian_derivatives": Call(pj.jacobian_derivatives, {**whole, "wrt": ["q1.k1"],
                                     "at": [0.0] * 6, "engine": "native"}),
        "gradient": Call(pj.gradient, {**slopes, "mode": "reverse", "engine": "native",
                                       "adjoint": "auto"}),
        "gradient fd": Call(pj.gradient, {**slopes, "mode": "fd"}),
        "value_and_gradient": Call(pj.value_and_gradient, {**slopes, "mode": "forward",
                                                           "engine": "native",
                                                           "adjoint": "auto"}),
        "tune_slopes": Call(pj.optics.tune_slopes, {**whole, "wrt": ["q1.k1"], "engine": "native"}),
        "scan": Call(pj.distributed.scan, {"function": abs, "points": [1.0, -1.0], "executor": None,
                               "store": None, "threads": 1, "retry": False,
                               "stop_on_error": False, "progress": False}),
    }  # fmt: skip


def optics_calls() -> dict[str, Call]:
    ring = {"lattice": CELL, "reference": PROTON, "delta": 1e-4}
    line = {**ring, "initial": OPTICS, "chromatic": False}
    found = {n: Call(getattr(pj.optics, n), ring) for n in ("chromaticities", "twiss")}
    for name in ("closed_orbit", "transfer_matrices", "one_turn_matrix"):
        found[name] = Call(getattr(pj.optics, name), {**ring, "dimensions": 4})
    return found | {
        "tunes": Call(pj.tunes, {"matrix": TURN}),
        "synchrobetatron_tunes": Call(pj.optics.synchrobetatron_tunes,
                                      {"matrix": np.kron(np.eye(3), [[0.8, 0.6], [-0.6, 0.8]])}),
        "linear_optics": Call(pj.optics.linear_optics, {**line, "order": 2}),
        "twiss_table": Call(pj.twiss_table, {**line, "max_step": 0.2}),
        "radiation_integrals": Call(pj.optics.radiation_integrals,
                                    {"lattice": RING, "reference": PROTON}),
        "synchrotron_optics": Call(pj.optics.synchrotron_optics,
                                   {"lattice": RING, "reference": PROTON,
                                    "delta": 0.0, "order": 1}),
        "equilibrium": Call(pj.optics.equilibrium, {"lattice": STORAGE_RING, "reference": ELECTRON,
                                                    "delta": 0.0, "order": 1}),
        "taper": Call(pj.optics.taper, {"lattice": STORAGE_RING, "reference": ELECTRON,
                                        "rounds": 1}),
        "optics_gradient": Call(pj.optics.optics_gradient, {"objective": lambda t: t.tune_x, **line,
                                                     "wrt": ["q1.k1"]}),
        "Target": Call(pj.optics.Target, {"quantity": "beta_x", "value": 1.0, "at": "end",
                                          "weight": 1.0}),
        "Target limits": Call(pj.optics.Target, {"quantity": "beta_x", "below": 1.0, "above": 0.5}),
        "match": Call(pj.match, {"lattice": CELL, "reference": PROTON,
                                 "variables": ["q1.k1", "q2.k1"], "initial": None,
                                 "targets": {"tune_x": 0.24, "tune_y": 0.24},
                                 "delta": 0.0, "tolerance": 1e-9, "max_steps": 3}),
        "match limits": Call(pj.match, {"lattice": CELL, "reference": PROTON, "max_steps": 3,
                                        "variables": {"q1.k1": (20.0, 40.0)}, "initial": OPTICS,
                                        "targets": [pj.optics.Target("beta_x", 1.0, at="end")]}),
    }  # fmt: skip

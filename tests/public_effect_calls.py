"""Calls of collective effects, their solvers and networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from public_inputs import (
    ELECTRON,
    HERE,
    MESH,
    SOLVER,
    Call,
    X,
    Y,
)
from torch import Tensor

import pyjutrack as pj
from pyjutrack.collective import Grid


@dataclass(frozen=True)
class _Slope:
    """A wake model."""

    cells: int = 16
    window: float | None = None

    def solve(self, shares: Tensor, spacing: float) -> Tensor:
        return shares


_BUNCHES: dict[str, Any] = {
    "effect": pj.collective.Wake(pj.collective.Resonator(5e9, 1e4), cells=50, max_step=1.0),
    "bunches": pj.surrogate.Bunches((1e-2, 2e-2), 0.0, (1000, 2000)),
    "count": 2,
}
_SAMPLES = pj.surrogate.wake_samples(**_BUNCHES, cells=16)


def effect_calls() -> dict[str, Call]:
    sc, forms, box = pj.collective, pj.elements.potentials, (0.02, 0.02)
    flat = {"x": X, "y": Y}
    return {
        "SpaceCharge": Call(pj.SpaceCharge, {"potential": SOLVER, "max_step": 0.1,
                                             "perveance_scale": 1.0, "response": True}),
        "SpaceCharge steps": Call(pj.SpaceCharge, {"max_step": {"Drift": 0.1}}),
        "SpectralPoisson": Call(pj.SpectralPoisson, {"size": box, "shape": (16, 16),
                                                     "assignment": "bspline", "modes": (8, 8),
                                                     "damping": 1.0}),
        "SpaceCharge3D": Call(sc.SpaceCharge3D, {"nodes": (16, 16, 16), "max_step": 0.1,
                                                 "scale": 1.0, "margin": 0.02, "pipe": None,
                                                 "response": True, "balanced": False,
                                                 "assignment": "bspline"}),
        "SpaceCharge2p5D": Call(sc.SpaceCharge2p5D, {"potential": SOLVER, "cells": 16,
                                                     "max_step": 0.1, "scale": 1.0, "wall": 0.0,
                                                 "response": True, "balanced": False}),
        "FrozenGaussian": Call(sc.FrozenGaussian, {"sizes": (2e-3, 1e-3), "length": 0.5,
                                                   "potential": SOLVER, "max_step": 0.1,
                                                   "scale": 1.0, "wall": 0.0}),
        "Radiation": Call(sc.Radiation, {"mode": "quantum", "seed": 1, "bend_slices": 4,
                                         "magnet_slices": 1, "scale": 1.0}),
        "Resonator": Call(sc.Resonator, {"frequency": 5e9, "shunt": 1e4, "quality": 1.4}),
        "ResistiveWall": Call(sc.ResistiveWall, {"radius": 0.02, "conductivity": 1e6,
                                                 "length": 2.0}),
        "WakeTable": Call(sc.WakeTable, {"time": [0.0, 1e-9], "values": [1.0, 0.0]}),
        "WakeTable.from_impedance": Call(sc.WakeTable.from_impedance,
                                         {"frequencies": [0.0, 1e9, 1e10],
                                          "impedance": [0.0, 1.0, 0.0], "time": [0.0, 1e-9],
                                          "transverse": True}),
        "Wake": Call(sc.Wake, {"function": sc.Resonator(5e9, 1e4), "at": "gap",
                               "component": "dipole x", "cells": 50, "window": 0.1,
                               "period": 1e-6, "turns": 2, "scale": 1.0}),
        "Wake along lengths": Call(sc.Wake, {"function": sc.Resonator(5e9, 1e4), "max_step": 0.5}),
        "CSR": Call(sc.CSR, {"mode": "transient", "cells": 50, "smoothing": 1.0, "max_step": 0.1,
                             "reach": 1.0, "scale": 1.0}),
        "NeuralWake": Call(sc.NeuralWake, {"model": _Slope(), "at": "gap",
                                           "component": "longitudinal", "scale": 1.0}),
        "NeuralWake along lengths": Call(sc.NeuralWake, {"model": _Slope(), "max_step": 0.5}),
        "BeamBeam2D": Call(sc.BeamBeam2D, {"at": "ip", "charge": 1e-9, "sigma_x": 1e-3,
                                           "sigma_y": 1e-3, "x": 1e-4, "y": 1e-4, "beta": 1.0,
                                           "correlation": 0.1}),
        "BeamBeam": Call(sc.BeamBeam, {"at": "ip", "charge": 1e-9, "sigma_x": 1e-3,
                                       "sigma_y": 1e-3, "sigma_z": 0.1, "sigma_px": 1e-4,
                                       "sigma_py": 1e-4, "x": 1e-4, "slope_x": 1e-4, "y": 1e-4,
                                       "slope_y": 1e-4, "plane": 0.1,
                                       "angle": 0.01, "count": 3, "slicing": "gauss",
                                       "correlations": (0.1, 0.0, 0.0, 0.0, 0.0, 0.0)}),
        "Bunches": Call(pj.surrogate.Bunches, {"lengths": (1e-3, 1e-2), "offset": 0.0,
                                               "particles": (1000, 2000), "window": None}),
        "WakeDomain": Call(pj.surrogate.WakeDomain,
                           {"length": (1e-3, 1e-2), "offset": 0.1, "skewness": 0.1,
                            "roughness": 0.1, "particles": 100, "beta": 1.0}),
        "WakeRecipe": Call(pj.surrogate.WakeRecipe, {"cells": 16, "window": 0.1, "samples": 4,
                                                     "steps": 2, "batch": 2, "rate": 0.01,
                                                     "seed": 1, "architecture": "perceptron",
                                                     "hidden": (8,), "lengths": (1e-3, 1e-2),
                                                     "offset": 0.5, "particles": (1000, 2000),
                                                     "component": "longitudinal",
                                                     "reference": None, "element": None}),
        "WakeRecipe stretched": Call(pj.surrogate.WakeRecipe, {"power": -1.0}),
        "wake_samples": Call(pj.surrogate.wake_samples, {**_BUNCHES, "component": "longitudinal",
                                                         "cells": 16, "seed": 1,
                                                         "reference": ELECTRON,
                                                         "element": pj.Drift(1.0),
                                                         "progress": lambda: None}),
        "wake_error": Call(pj.surrogate.wake_error, {"wake": torch.ones(2, 20),
                                                     "samples": _SAMPLES}),
        "ImageCharges": Call(sc.ImageCharges, {"solver": SOLVER, "order": 4, "radius": 0.01,
                                             "weights": None}),
        "ResidualNetwork.small": Call(pj.surrogate.ResidualNetwork.small,
                                      {"solver": pj.SpectralPoisson(box, (32, 32)), "seed": 0,
                                       "channels": (2, 2, 2)}),
        "Grid": Call(Grid, {"size": box, "shape": (16, 16)}),
        "bassetti_erskine": Call(sc.bassetti_erskine, {**flat, "sigma_x": 2e-3, "sigma_y": 1e-3}),
        "gaussian_in_box": Call(sc.gaussian_in_box, {**flat, "sigma_x": 2e-3, "sigma_y": 1e-3,
                                "size": box, "modes": (8, 8), "offset": (0.0, 0.0)}),
        "gridless_potential": Call(sc.gridless_potential, {**flat, "weights": X.abs(), "at": (X, Y),
                                                           "size": box, "modes": (8, 8)}),
        "density": Call(sc.density, {"mesh": MESH, **flat}),
        "deposit": Call(sc.deposit, {"mesh": MESH, **flat, "active": HERE, "weights": X.abs()}),
        "interpolate": Call(sc.interpolate, {"mesh": MESH, **flat, "active": HERE,
                                             "values": torch.ones(20, 20, dtype=torch.float64)}),
        "own_field": Call(sc.own_field, {"potential": SOLVER, **flat}),
        "field_error": Call(sc.field_error, {"ours": (X, Y), "reference": (Y, X)}),
        "Spline": Call(forms.Spline, {"size": box, "shape": (8, 8), "unit": 1e-6}),
        "Perceptron": Call(forms.Perceptron, {"hidden": (4,), "scales": (5e-3, 5e-3),
                                              "unit": 1e-6, "seed": 0}),
        "record_of": Call(forms.record_of, {"form": forms.Spline()}),
        "form_from_record": Call(forms.form_from_record,
                                 {"data": forms.record_of(forms.Spline())}),
        "Recipe": Call(pj.surrogate.Recipe, {"architecture": "linear", "size": box, "samples": 10,
                                             "shape": (64, 64), "steps": 10, "batch": 2,
                                             "rate": 0.01, "seed": 1, "channels": None,
                                             "sizes": (0.03, 0.3), "aspect": 5.0, "offset": 0.3,
                                             "particles": (2000, 100_000), "pipe": (1.0, 1.0)}),
        "Domain": Call(pj.surrogate.Domain, {"size": (3e-4, 3e-3), "aspect": 5.0, "offset": 2e-3,
                                             "reach": (9e-3, 8e-3), "particles": 2000}),
        "Surrogate.load": Call(pj.Surrogate.load, {"source": "linear", "outside": "warn",
                                                   "dtype": torch.float64, "device": "cpu"}),
        "engine_of": Call(pj.engines.engine_of, {"engine": "native"}),
    }  # fmt: skip

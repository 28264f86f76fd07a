"""One valid call of every public function, for tests that spoil its arguments one by one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack import plotting
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
RING = pj.Lattice(
    [
        pj.Quadrupole(0.1, k1=8.0),
        pj.SBend(0.5, 0.3, name="b1"),
        pj.Quadrupole(0.1, k1=-8.0),
        pj.SBend(0.5, 0.3, name="b2"),
        pj.RFCavity(0.0, 1e5, frequency=1e7, phase=np.pi),
    ]
)
SOLVER = pj.SpectralPoisson((0.02, 0.02), (16, 16))
KICK = pj.SpaceCharge(SOLVER, max_step=0.5)
TURN = pj.optics.one_turn_matrix(CELL, PROTON)
AXIS = np.linspace(-4.75e-3, 4.75e-3, 20)
WIRE = dg.WireScanner("end", width=8e-3, bins=8, noise=0.1)
MESH = Mesh(Grid((0.02, 0.02), (16, 16)), BSPLINE)


def _beam(**changes: Any) -> pj.Beam:
    given = {"twiss": OPTICS, "emittance": (2e-6, 2e-6), "current": 1.0} | changes
    return pj.distributions.gaussian(PROTON, 16, seed=1, **given)


BEAM = _beam()
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
RETURNED = {
    "Calibration",
    "Diagnostic",
    "Distribution",
    "Element",
    "Engine",
    "Field",
    "Form",
    "GaussianProcess",
    "Instrument",
    "CollectiveEffect",
    "WakeFunction",
    "WakeModel",
    "WakeSamples",
    "MeshKick",
    "Place",
    "Architecture",
    "LatticeFile",
    "LatticeFormat",
    "LatticeSource",
    "lattice_formats",
    "known_architectures",
    "LossMap",
    "Match",
    "Note",
    "Potential",
    "Correction",
    "Radiation",
    "ScannedBeam",
    "Shape",
    "Equilibrium",
    "SynchrotronOptics",
    "Task",
    "TwissTable",
    "Validation",
    "storable",
    "Objective",
    "Outcome",
    "GaussianFit",
    "Mesh",
    "list_pretrained",
    "Footprint",
    "SliceMoments",
    "SpectralLines",
    "Spectrum",
    "TurnHistory",
}
#: need a run of minutes, files of another kind, or ranks, and have tests of their own
ELSEWHERE = {
    *(
        "train",
        "gaussian_process",
        "job",
        "Network",
        "Surrogate",
        "WakeSurrogate",
        "Communicator",
    ),
    *("register_format", "register_architecture"),
    *("check_diagnostic", "check_effect", "check_element", "check_format", "check_potential"),
}


def calls(folder: Path) -> dict[str, Call]:
    """Name to call; files that are read lie in a folder."""
    pj.write_beam(folder / "beam.npz", BEAM)
    pj.write_lattice(folder / "cell.json", CELL, PROTON)
    dg.write_profiles(folder / "profiles.csv", PROFILES)
    (folder / "wake.dat").write_text("0.5 1.0\n1.0 0.5\n")
    found = {**_elements(), **_beams(), **_tracking(), **_optics(), **_diagnostics()}
    found |= {**_files(folder), **_space_charge(), **_twins(), **_methods(), **_plotting()}
    return found


def _elements() -> dict[str, Call]:
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


def _beams() -> dict[str, Call]:
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


def _tracking() -> dict[str, Call]:
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


def _optics() -> dict[str, Call]:
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
        "twiss_table": Call(pj.twiss_table, line),
        "radiation_integrals": Call(pj.optics.radiation_integrals,
                                    {"lattice": RING, "reference": PROTON}),
        "synchrotron_optics": Call(pj.optics.synchrotron_optics,
                                   {"lattice": RING, "reference": PROTON,
                                    "delta": 0.0, "order": 1}),
        "equilibrium": Call(pj.optics.equilibrium, {"lattice": RING, "reference": ELECTRON,
                                                    "delta": 0.0, "order": 1}),
        "taper": Call(pj.optics.taper, {"lattice": RING, "reference": ELECTRON, "rounds": 1}),
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


def _diagnostics() -> dict[str, Call]:
    def scan(**changes: Any) -> dict[str, Any]:
        sizes = np.sqrt([1.2e-6, 1e-6, 1.1e-6, 1.5e-6])
        given = {"lattice": CELL, "reference": PROTON, "address": "q1.k1", "screen": "end",
                 "strengths": [26.0, 28.0, 30.0, 32.0], "sizes": sizes}  # fmt: skip
        return given | changes

    at = {"at": "end", "noise": 0.1, "name": "w"}
    signal = np.sin(np.arange(32.0))[:, None] * np.ones(2)
    rows = np.cos(np.arange(32.0))[:, None, None] * np.ones((2, 6))
    return {
        "track_turns": Call(dg.track_turns, {"lattice": CELL, "beam": BEAM, "turns": 2,
                                             "observables": {"x": pj.observables.centroid("x")},
                                             "at": "end", "every": 1, "effects": (KICK,),
                                             "adjoint": "auto", "memory": 2**20}),
        "live_coordinates": Call(dg.live_coordinates, {"beam": BEAM}),
        "find_lines": Call(dg.find_lines, {"signal": signal, "count": 2, "order": 2}),
        "spectrum": Call(dg.spectrum, {"signal": signal, "order": 1}),
        "tunes_by_turns": Call(dg.tunes_by_turns, {"coordinates": rows, "planes": ("x", "y"),
                                                   "twiss": OPTICS, "order": 2}),
        "footprint": Call(dg.footprint, {"lattice": CELL, "beam": BEAM, "turns": 32,
                                         "planes": ("x", "y"), "at": None, "effects": (),
                                         "twiss": None, "order": 2, "memory": 2**20}),
        "slice_moments": Call(dg.slice_moments, {"beam": BUNCH, "slices": 4, "equal": "charge",
                                                 "span": None}),
        "BeamPosition": Call(dg.BeamPosition, at),
        "BeamSize": Call(dg.BeamSize, at),
        "LossCount": Call(dg.LossCount, {**at, "opening": pj.Aperture(half_width=0.01),
                                         "smoothing": 1e-4}),
        "WireScanner": Call(dg.WireScanner, {**at, "plane": "x", "centre": 0.0, "width": 8e-3,
                                             "bins": 8, "resolution": 1e-4}),
        "Screen": Call(dg.Screen, {**at, "size": (8e-3, 8e-3), "shape": (8, 8),
                                   "centre": (0.0, 0.0), "resolution": 1e-4}),
        "Bins": Call(dg.Bins, {"centre": 0.0, "width": 8e-3, "count": 8, "resolution": 1e-4}),
        "add_noise": Call(dg.add_noise, {"reading": torch.ones(8), "diagnostic": WIRE, "seed": 1}),
        "Profiles": Call(dg.Profiles, {"values": PROFILES.values, "axes": (AXIS,), "labels": ("x",),
                                       "settings": PROFILES.settings, "name": "w",
                                       "mask": np.ones((2, 20), dtype=bool)}),
        "Profiles.rebin": Call(PROFILES.rebin, {"diagnostic": WIRE, "background": 0.0,
                                          "normalise": True}),
        "Profiles.knob": Call(PROFILES.knob, {"address": "q1.k1"}),
        "quadrupole_scan": Call(pj.optics.quadrupole_scan,
                                scan(plane="x", errors=None, resolution=0.0, delta=0.0)),
    }  # fmt: skip


def _files(folder: Path) -> dict[str, Call]:
    return {
        "read_lattice": Call(pj.read_lattice, {"path": folder / "cell.json", "format": None,
                                               "line": None, "reference": PROTON, "strict": False,
                                               "folder": None}),
        "write_lattice": Call(pj.write_lattice, {"path": folder / "new.json", "lattice": CELL,
                                                 "reference": PROTON, "format": None}),
        "read_beam": Call(pj.read_beam, {"path": folder / "beam.npz", "reference": None,
                                         "species": None, "duration": None}),
        "write_beam": Call(pj.write_beam, {"path": folder / "new.npz", "beam": BEAM,
                                           "duration": 1.0}),
        "read_profiles": Call(dg.read_profiles, {"path": folder / "profiles.csv", "record": None,
                                                 "settings": SETTINGS[:2], "needs": "q1.k1",
                                                 "saturated": "refuse"}),
        "write_profiles": Call(dg.write_profiles, {"path": folder / "new.csv",
                                                   "profiles": PROFILES, "format": None}),
        "read_wakes": Call(pj.collective.read_wakes, {"path": folder / "wake.dat", "start": [2.0],
                                                      "columns": ["time", "dipole x"]}),
    }  # fmt: skip


@dataclass(frozen=True)
class _Slope:
    """A wake model."""

    cells: int = 16
    window: float | None = None

    def solve(self, shares: Tensor, spacing: float) -> Tensor:
        return shares


_BUNCHES: dict[str, Any] = {
    "effect": pj.collective.Wake(pj.collective.Resonator(5e9, 1e4), cells=50),
    "bunches": pj.surrogate.Bunches((1e-2, 2e-2), 0.0, (1000, 2000)),
    "count": 2,
}
_SAMPLES = pj.surrogate.wake_samples(**_BUNCHES, cells=16)


def _space_charge() -> dict[str, Call]:
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
                                             "response": True, "balanced": False}),
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
                               "period": 1e-6, "turns": 2, "scale": 1.0, "max_step": 0.5}),
        "CSR": Call(sc.CSR, {"mode": "steady", "cells": 50, "smoothing": 1.0, "max_step": 0.1,
                             "reach": 1.0, "scale": 1.0}),
        "NeuralWake": Call(sc.NeuralWake, {"model": _Slope(), "at": "gap",
                                           "component": "longitudinal", "scale": 1.0,
                                           "max_step": 0.5}),
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


def _twins() -> dict[str, Call]:
    readings = {WIRE.name: np.stack([TWIN.predict(s)[WIRE.name] for s in SETTINGS])}
    data = pj.Measurements(SETTINGS, readings, {WIRE.name: 0.1})
    fitted = {"twin": TWIN, "data": data, "unknowns": [pj.Unknown("q2.k1", prior=1.0)]}
    return {
        "Twin": Call(pj.Twin, {"lattice": CELL, "beam": BEAM, "diagnostics": (WIRE,),
                               "effects": (KICK,), "unknowns": ()}),
        "Unknown": Call(pj.Unknown, {"address": "q1.k1", "prior": 1.0, "relative": False,
                                     "value": 0.1}),
        "Measurements": Call(pj.Measurements, {"settings": SETTINGS, "readings": readings,
                                               "sigma": {WIRE.name: 0.1}, "used": {},
                                               "scaled": ()}),
        "Measurements.from_profiles": Call(pj.Measurements.from_profiles,
                                           {"profiles": [PROFILES], "twin": TWIN,
                                            "background": 0.0, "sigma": None}),
        "Measurements.shots": Call(data.shots, {"which": [0, 1]}),
        "calibrate": Call(pj.calibrate, {**fitted, "held_out": 0.25, "loss": "huber",
                                         "method": "auto", "max_steps": 1, "tolerance": 1e-3,
                                         "patience": 2, "rate": 0.1, "shots": 2, "seed": 1,
                                         "slope_particles": None, "checkpoint": None}),
        "Twin.predict": Call(TWIN.predict, {"settings": {"q1.k1": 20.0}}),
        "Twin.diagnostic": Call(TWIN.diagnostic, {"name": WIRE.name}),
        "Twin.save": Call(TWIN.save, {"path": "twin.pjt"}),
    }  # fmt: skip


def _methods() -> dict[str, Call]:
    table = pj.twiss_table(CELL, PROTON)
    return {
        "Lattice[]": Call(lambda key: CELL[key], {"key": "q1"}),
        "Lattice.value": Call(CELL.value, {"address": "q1.k1"}),
        "Lattice.with_values": Call(
            lambda values: CELL.with_values(values), {"values": {"q1.k1": 1.0}}
        ),
        "Lattice.with_values one": Call(lambda k1: CELL.with_values({"q1.k1": k1}), {"k1": 1.0}),
        "Lattice.has_parameter": Call(CELL.has_parameter, {"address": "q1.k1"}),
        "Lattice.resolve": Call(CELL.resolve, {"address": "q1.k1"}),
        "Lattice.knobs": Call(CELL.knobs, {"pattern": "q*", "kind": None}),
        "Lattice.select": Call(CELL.select, {"kind": pj.Quadrupole, "name": "q*"}),
        "Lattice *": Call(lambda times: CELL * times, {"times": 2}),
        "Lattice +": Call(lambda other: CELL + other, {"other": CELL}),
        "Beam.coordinate": Call(BEAM.coordinate, {"name": "x"}),
        "Beam.replace": Call(BEAM.replace, {"current": 2.0}),
        "TwissTable[]": Call(lambda place: table[place], {"place": "end"}),
        "TwissTable.index": Call(table.index, {"place": 1}),
        "Reference.accelerate": Call(PROTON.accelerate, {"gain": 1e6}),
    }


def _plotting() -> dict[str, Call]:
    ax, table = Figure().subplots(), pj.twiss_table(CELL, PROTON)
    return {
        "plotting.plot_lattice": Call(plotting.plot_lattice, {"ax": ax, "lattice": CELL,
                                                              "legend": True}),
        "plotting.plot_optics": Call(plotting.plot_optics, {"table": table, "lattice": CELL,
                                                            "figure": Figure()}),
        "plotting.plot_orbit": Call(plotting.plot_orbit, {"ax": ax, "table": table}),
        "plotting.plot_phase_space": Call(plotting.plot_phase_space,
                                          {"ax": ax, "beam": BEAM, "plane": "x", "ellipse": True}),
        "plotting.plot_losses": Call(plotting.plot_losses,
                                     {"ax": ax, "losses": pj.loss_map(CELL, BEAM),
                                      "fraction": True}),
        "plotting.plot_footprint": Call(plotting.plot_footprint,
                                        {"ax": ax, "resonances": 3,
                                         "footprint": dg.footprint(CELL, BEAM, turns=32)}),
        "plotting.plot_density": Call(plotting.plot_density, {"ax": ax, "kick": KICK,
                                                              "beam": BEAM}),
    }  # fmt: skip


def public() -> set[str]:
    """Names of all that is public and can be called, without exceptions and warnings."""
    found = set()
    rooms = [pj, pj.elements.potentials, *(getattr(pj, n) for n in pj.__all__)]
    for room in filter(inspect.ismodule, rooms):
        for name in getattr(room, "__all__", ()):
            thing = getattr(room, name)
            kind = inspect.isclass(thing) and issubclass(thing, BaseException)
            if callable(thing) and not kind and not isinstance(thing, ModuleType):
                found.add(name)
    return found

"""One valid call of every public function, for tests that spoil its arguments one by one."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from public_effect_calls import effect_calls
from public_element_calls import beam_calls, element_calls, optics_calls, tracking_calls
from public_inputs import (
    AXIS,
    BEAM,
    BUNCH,
    CELL,
    KICK,
    OPTICS,
    PROFILES,
    PROTON,
    SETTINGS,
    TWIN,
    WIRE,
    Call,
)

import pyjutrack as pj
from pyjutrack import diagnostics as dg
from pyjutrack import plotting

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
    "Outcomes",
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
    *("evaluator", "gradient_generator", "slope_column"),  # of Xopt, with their tests
    "lume_model",  # of LUME, with its tests
    "JuTrackSpaceCharge",  # of the julia engine, with its tests
    *("require_charge", "require_current"),  # called by effects, with themselves
    *("check_diagnostic", "check_effect", "check_element", "check_format", "check_potential"),
}


def calls(folder: Path) -> dict[str, Call]:
    """Name to call; files that are read lie in a folder."""
    pj.write_beam(folder / "beam.npz", BEAM)
    pj.write_lattice(folder / "cell.json", CELL, PROTON)
    dg.write_profiles(folder / "profiles.csv", PROFILES)
    (folder / "wake.dat").write_text("0.5 1.0\n1.0 0.5\n")
    found = {
        **element_calls(),
        **beam_calls(),
        **tracking_calls(),
        **optics_calls(),
        **_diagnostics(),
    }
    found |= {**_files(folder), **effect_calls(), **_twins(), **_methods(), **_plotting()}
    return found


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
        "example": Call(pj.io.example, {"name": "ring.madx"}),
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
        "Lattice.with_errors": Call(
            CELL.with_errors,
            {
                "absolute": {"q1.dx": 1e-4},
                "relative": {"q1.k1": 1e-3},
                "count": 2,
                "seed": 1,
                "cut": 3.0,
                "kind": None,
                "shared": False,
            },
        ),
        "Lattice.with_errors one": Call(
            lambda rms: CELL.with_errors({"q1.dx": rms}, count=2, seed=1), {"rms": 1e-4}
        ),
        "Lattice.merged": Call(CELL.merged, {"reference": PROTON, "effects": [], "keep": ["q1"]}),
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
        "plotting.plot_envelope": Call(plotting.plot_envelope,
                                       {"ax": ax, "table": table, "plane": "x",
                                        "emittance": (1e-6, 1e-6), "sigma_delta": 1e-3,
                                        "sigmas": 3.0, "lattice": CELL}),
        "plotting.plot_held_out": Call(plotting.plot_held_out,
                                       {"ax": Figure().subplots(),
                                        "network": pj.Surrogate.load("linear")}),
        "plotting.plot_orbit": Call(plotting.plot_orbit, {"ax": ax, "table": table}),
        "plotting.plot_phase_space": Call(plotting.plot_phase_space,
                                          {"ax": ax, "beam": BEAM, "plane": "x", "ellipse": True}),
        "plotting.plot_losses": Call(plotting.plot_losses,
                                     {"ax": ax, "losses": pj.loss_map(CELL, BEAM),
                                      "fraction": True}),
        "plotting.plot_footprint": Call(plotting.plot_footprint,
                                        {"ax": ax, "resonances": 3, "labels": True,
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

"""CSR of the Berlin-Zeuthen chicane against ImpactX, where it is installed.

ImpactX has the steady state, in bends. It convolves along t, so that what a charge radiates reaches
those after it: with a bunch that has a tail, the tail gains energy and the head pays, other than E.
Saldin et al., NIM A 398 (1997) 373, eq. 28, which it cites. Losses are alike, and with a field that
is turned about in z so is everything else.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from claims import claim, share
from scipy.stats import norm, qmc

import pyjutrack as pj
from pyjutrack.collective import CSR

pytest.importorskip("impactx")

ELECTRON = pj.Reference.from_kinetic("electron", 5e9)
CHARGE = 1e-9
RADIUS, ARC, FACE = 10.3462283686195526, 0.500194828041958, 0.048345620280243
DRIFT = 5.0058489435
#: run by itself, as ImpactX keeps state in the process
THEIRS = """
import json, os, sys
import numpy as np
from impactx import ImpactX, amr, elements

folder, slices, bins, wake = sys.argv[1], *map(int, sys.argv[2:])
os.chdir(folder)
sim = ImpactX()
sim.particle_shape, sim.space_charge, sim.verbose = 2, False, 0
sim.csr, sim.csr_bins = bool(wake), bins
sim.diagnostics = sim.slice_step_diagnostics = False
sim.init_grids()
bunch = sim.particle_container()
reference = bunch.ref_particle()
reference.set_species("electron").set_kin_energy_MeV(5e3)

def vector(values):
    found = amr.PODVector_real_std()
    for value in values:
        found.push_back(float(value))
    return found

columns = np.load("start.npy").T
bunch.add_n_particles(*map(vector, columns), -1 / 0.51099895069e6, bunch_charge=1e-9)
layout = json.load(open("layout.json"))
for kind, options in layout:
    if kind == "ExactSbend":
        options["nslice"] = slices
    sim.lattice.append(getattr(elements, kind)(**options))
sim.track_particles()
table = bunch.to_df(local=True)
names = [f"{a}_{u}" for u in "xyt" for a in ("position", "momentum")]
np.save("end.npy", np.column_stack([table[name] for name in names]))
sim.finalize()
"""


class Turned(CSR):
    """The same field, turned about in z."""

    def field(self, beam: pj.Beam, state: Any, place: Any, memory: Any = None) -> Any:
        return super().field(beam, _turn(state), place, memory)

    def apply(self, state: Any, field: Any, place: Any) -> Any:
        return _turn(super().apply(_turn(state), field, place))


def _turn(state: Any) -> Any:
    x, px, y, py, z, delta = state.coordinates
    return state._replace(coordinates=(x, px, y, py, -z, delta))


@pytest.fixture(scope="module")
def bunch() -> pj.Beam:
    u = norm.ppf(np.clip(qmc.Sobol(6, seed=1).random(2**15), 1e-4, 1 - 1e-4))
    emittance = 1e-6 / (ELECTRON.beta * ELECTRON.gamma)
    rows = np.zeros_like(u)
    for plane, beta, alpha in ((0, 40.0, 2.6), (2, 13.0, 1.0)):
        rows[:, plane] = math.sqrt(emittance * beta) * u[:, plane]
        rows[:, plane + 1] = u[:, plane + 1] - alpha * u[:, plane]
        rows[:, plane + 1] *= math.sqrt(emittance / beta)
    rows[:, 4] = 200e-6 * u[:, 4]
    rows[:, 5] = 2e-6 * u[:, 5] - 36.0 * rows[:, 4]
    return pj.Beam(ELECTRON, rows, charge=CHARGE)


def chicane() -> pj.Lattice:
    angle = ARC / RADIUS

    def magnet(sign: int, entrance: float, exit_: float) -> pj.SBend:
        options: dict[str, Any] = {"model": "exact", "edges": "linear"}
        return pj.SBend(ARC, sign * angle, e1=sign * entrance, e2=sign * exit_, **options)

    outer, middle, end = pj.Drift(DRIFT), pj.Drift(1.0), pj.Drift(2.0)
    first, second = magnet(-1, 0.0, FACE), magnet(1, FACE, 0.0)
    third, fourth = magnet(1, 0.0, FACE), magnet(-1, FACE, 0.0)
    return pj.Lattice([first, outer, second, middle, third, outer, fourth, end])


def run_impactx(folder: Path, beam: pj.Beam, wake: bool, slices: int = 50) -> pj.Beam:
    reference = beam.reference
    p0 = reference.beta * reference.gamma
    x, px, y, py, z, delta = beam.numpy().T
    energy = np.sqrt(1 + (p0 * (1 + delta)) ** 2)
    start = [x, y, -z / reference.beta, px, py, (reference.gamma - energy) / p0]
    np.save(folder / "start.npy", np.column_stack(start))
    layout: list[tuple[str, dict[str, float]]] = []
    for element in chicane():
        if not element.bend_angle:
            layout.append(("ExactDrift", {"ds": float(element.length), "nslice": 1}))
            continue
        sign = math.copysign(1.0, float(element.bend_angle))
        faces = [(float(face) * sign, sign * RADIUS) for face in element.face_angles]
        parts: list[tuple[str, dict[str, float]]] = [
            ("DipEdge", {"psi": sign * face, "rc": radius, "g": 0.0, "K2": 0.0})
            for face, radius in faces
        ]
        degrees = math.degrees(float(element.bend_angle))
        parts.insert(1, ("ExactSbend", {"ds": ARC, "phi": degrees}))
        layout += parts
    (folder / "layout.json").write_text(json.dumps(layout))
    arguments = [str(folder), str(slices), "300", str(int(wake))]
    ran = subprocess.run(
        [sys.executable, "-c", THEIRS, *arguments], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    x, px, y, py, t, pt = np.load(folder / "end.npy").T
    momentum = np.sqrt((reference.gamma - p0 * pt) ** 2 - 1)
    rows = np.column_stack([x, px, y, py, -reference.beta * t, momentum / p0 - 1])
    return pj.Beam(reference, rows, charge=CHARGE)


def figures(beam: pj.Beam) -> dict[str, float]:
    delta = beam.coordinate("delta").numpy()
    return {
        "emittance": float(pj.moments.emittance(beam, "x")),
        "length": float(beam.coordinate("z").std()),
        "spread": float(delta.std()),
        "loss": -float(delta.mean()),
    }


@pytest.mark.filterwarnings("ignore:CSR in an arc:pyjutrack.errors.AccuracyWarning")
def test_the_berlin_zeuthen_chicane(tmp_path: Path, bunch: pj.Beam) -> None:
    optics = [figures(pj.track(chicane(), bunch)), figures(run_impactx(tmp_path, bunch, False))]
    for name in ("emittance", "length", "spread"):
        assert optics[1][name] == pytest.approx(optics[0][name], rel=1e-5)
    theirs = figures(run_impactx(tmp_path, bunch, True))
    steps = {"SBend": ARC / 50}
    right, turned = (
        figures(pj.track(chicane(), bunch, effects=[kind("steady", max_step=steps)]))
        for kind in (CSR, Turned)
    )
    start = optics[0]
    growth = [found["emittance"] / start["emittance"] - 1 for found in (theirs, turned, right)]
    changes = [found["spread"] - start["spread"] for found in (theirs, turned, right)]
    area, chicane_of = "Coherent synchrotron radiation", "the Berlin-Zeuthen chicane: "
    text = chicane_of + "growth of the emittance, of it, in the peer's sign of z"
    claim(area, text, "ImpactX", share(growth[1], growth[0]), 0.01)
    text = chicane_of + "energy spread, of it, in the peer's sign of z"
    claim(area, text, "ImpactX", share(turned["spread"], theirs["spread"]), 1e-3)
    assert changes[1] == pytest.approx(changes[0], rel=0.015)
    assert turned["length"] == pytest.approx(theirs["length"], rel=1e-3)
    for found in (turned, right):
        assert found["loss"] == pytest.approx(theirs["loss"], rel=0.02)
    # the head of the bunch has less energy, and gains some
    assert changes[2] < 0 < changes[0]

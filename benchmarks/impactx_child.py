"""ImpactX in a process of its own: makes a bunch, and kicks it once for every line that it reads.

The first line is JSON: what `peer_impactx_bunch` wants. AMReX prints as it likes, so that answers
go to what standard output was, and the rest to nowhere.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import numpy as np


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    wanted = json.loads(sys.stdin.readline())
    simulation = make(wanted)
    simulation.track_particles()
    np.save(wanted["kicks"], momenta(simulation.beam))
    print("made", file=answers)
    for _ in sys.stdin:
        simulation.track_particles()
        print("done", file=answers)


def make(wanted: dict[str, Any]) -> Any:
    """A simulation of one kick and one drift."""
    import impactx

    simulation = impactx.ImpactX()
    simulation.verbose = 0
    simulation.tiny_profiler = False
    simulation.diagnostics = False
    simulation.strang_split = False
    simulation.particle_shape = wanted["shape"]
    simulation.space_charge = wanted["model"]
    simulation.poisson_solver = "fft"
    simulation.dynamic_size = True
    simulation.prob_relative = [wanted["margin"]]
    nodes = simulation.n_cell = wanted["nodes"]
    for axis, count in zip("xyz", nodes, strict=True):
        power = count & -count  # the largest power of two that divides it
        setattr(simulation, f"blocking_factor_{axis}", [power])
        setattr(simulation, f"max_grid_size_{axis}", [count])
    simulation.space_charge_num_longitudinal_bins = nodes[2]
    simulation.space_charge_apply_longitudinal_kick = False
    simulation.init_grids()
    beam, places = simulation.beam, np.load(wanted["places"])
    reference = beam.ref
    reference.set_species(wanted["species"]).set_kin_energy_MeV(wanted["kinetic_energy"] / 1e6)
    x, y, z = places.T.copy()
    still = np.zeros(len(x))
    amount = {"bunch_charge": wanted["charge"]}
    beam.add_n_particles(
        x, y, -z / reference.beta, still, still, still, reference.qm_ratio_SI, **amount
    )
    simulation.lattice.append(impactx.elements.Drift(name="drift", ds=wanted["step"]))
    return simulation


def momenta(beam: Any) -> Any:
    """px, py and pt in the order in which they were made, (3, N)."""
    import impactx

    numbers, found = [], []
    for part in impactx.ImpactXParIter(beam, 0):
        soa = part.soa().to_numpy()
        numbers.append(np.array(soa.idcpu))
        found.append(np.stack([soa.real[f"momentum_{u}"] for u in "xyt"]))
    return np.concatenate(found, 1)[:, np.argsort(np.concatenate(numbers))]


if __name__ == "__main__":
    main()

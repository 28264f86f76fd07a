"""ImpactX (package impactx-noacc, one core): differences."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

from .figures import (
    AT,
    CELLS,
    NODES,
    SLICES,
    Array,
    Found,
    Way,
    by_differences,
    cell,
    emittance,
    versions_of,
)

#: of the box about the bunch
_MARGIN = 1.1
_MODELS = {"coasting": "2D", "bunch": "3D"}


def _cell(figure: str) -> Callable[[], Found]:
    import impactx

    start, model = cell(), _MODELS.get(figure)
    reference = start.reference
    x, px, y, py, z, _ = start.coordinates.T.copy()
    before, still = emittance(x, px), np.zeros(len(x))
    # of two dimensions what it calls the charge is the current
    charge = start.current if figure == "coasting" else start.charge
    cells = {"coasting": (CELLS, CELLS, 1), "bunch": (NODES,) * 3}.get(figure, (8, 8, 8))

    @cache
    def prepared() -> Any:
        """A simulation that is kept: its grids take longer than tracking without charge."""
        simulation = impactx.ImpactX()
        simulation.verbose = 0
        simulation.tiny_profiler = False
        simulation.diagnostics = False
        simulation.strang_split = True
        if model:
            simulation.space_charge = model
            simulation.poisson_solver = "fft"
            simulation.particle_shape = 2
            simulation.prob_relative = [_MARGIN]
        simulation.dynamic_size = True
        simulation.n_cell = cells
        for axis, count in zip("xyz", cells, strict=True):
            setattr(simulation, f"blocking_factor_{axis}", [count & -count])
            setattr(simulation, f"max_grid_size_{axis}", [count])
        simulation.init_grids()
        return simulation

    def value(knobs: Array) -> float:
        simulation = prepared()
        simulation.lattice.clear()
        simulation.beam.clear_particles()
        simulation.beam.ref.reset()
        ref = simulation.beam.ref.set_species("proton")
        ref.set_kin_energy_MeV((reference.gamma - 1) * reference.species.mass / 1e6)
        simulation.beam.add_n_particles(
            x, y, -z / reference.beta, px, py, still, ref.qm_ratio_SI, bunch_charge=charge
        )
        d1, q1, k1, d2, q2, k2, d3 = knobs
        parts = zip((d1, q1, d2, q2, d3), (None, k1, None, k2, None), SLICES, strict=True)
        for length, k, slices in parts:
            cut = {"nslice": slices if model else 1}
            simulation.lattice.append(
                impactx.elements.ExactDrift(ds=length, **cut)
                if k is None
                else impactx.elements.ChrQuad(ds=length, k=k, unit=0, **cut)
            )
        simulation.track_particles()
        final = simulation.beam.to_df(local=True)
        moved = final["position_x"].to_numpy(), final["momentum_x"].to_numpy()
        return (
            float(np.std(moved[0])) if figure == "size" else float(emittance(*moved)) / before - 1
        )

    return lambda: by_differences(value, AT)


versions = partial(versions_of, "impactx-noacc")
WAYS: dict[str, dict[str, Way]] = {
    figure: {
        "differences" + (f", {_MODELS[figure]}" if figure in _MODELS else ""): partial(
            _cell, figure
        )
    }
    for figure in ("size", "coasting", "bunch")
}

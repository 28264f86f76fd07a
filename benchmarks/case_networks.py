"""One kick of every network that ships, beside the spectral solver and the gridless mode sum."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch

import pyjutrack as pj
from pyjutrack.collective import gridless_potential
from pyjutrack.tracking.end import state_of

from .clock import in_turns
from .report import Row, Table
from .setup import HERE, paper_cell

#: modes in x and y of JuTrack's gridless sum
_MODES = (12, 12)


def run(particles: int, repeats: int, threads: int) -> Table:
    setup = paper_cell(particles)
    state = state_of(setup.beam.coordinates, setup.beam.alive)
    x, _, y, *_ = state.coordinates
    shares, grid = torch.full_like(x, 1 / particles), setup.kick.potential.mesh.grid

    def kick(potential: pj.collective.Potential) -> Callable[[], object]:
        used = dataclasses.replace(setup.kick, potential=potential)
        return lambda: used.apply(state, used.field(setup.beam, state, HERE), HERE)

    def gridless() -> object:
        return gridless_potential(x, y, shares, (x, y), grid.size, _MODES)

    contenders: dict[str, Callable[[], object]] = {"spectral": kick(setup.kick.potential)}
    for name in pj.surrogate.list_pretrained():
        for dtype in (torch.float64, torch.float32):
            precision = str(dtype).removeprefix("torch.")
            surrogate = pj.Surrogate.load(name, dtype=dtype)
            contenders[f"{name} U-Net, {precision}"] = kick(surrogate)
    contenders[f"gridless sum, {_MODES[0]} x {_MODES[1]} modes"] = gridless
    samples = in_turns(contenders, repeats)
    rows = [Row(n, s, s.over(samples["spectral"])) for n, s in samples.items()]
    return Table(
        f"One kick by network, {particles} particles, 128 x 128 grid",
        "time / time of the spectral solver",
        rows,
        [],
    )

"""Cost against particles, cells, kicks and knobs: curves and their exponents."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from time import perf_counter

import numpy as np

import pyjutrack as pj

from .clock import Samples, no_collection
from .report import Row, Table
from .setup import KNOBS, paper_cell

_PARTICLES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
_CELLS = (32, 64, 128, 256, 512, 1024)
_KICKS = (10, 100, 1_000, 10_000, 100_000)
_KNOBS = (1, 10, 100, 1_000)


def run(particles: int, repeats: int, threads: int) -> Table:
    rows: list[Row] = []
    for kind, unit, points in (
        ("track 4 kicks, by particles", "particles", _by_particles()),
        ("solve, by cells a side", "cells", _by_cells()),
        ("track 1 000 particles, by kicks", "effects", _by_kicks()),
        ("reverse gradient, 1 000 elements, 2 000 particles, by knobs", "knobs", _by_knobs()),
    ):
        measured = [(size, _time_call(call)) for size, call in points]
        sizes, times = (np.array(c) for c in zip(*measured, strict=True))
        upper = len(sizes) // 2
        slope = np.polyfit(np.log(sizes[upper - 1 :]), np.log(times[upper - 1 :]), 1)[0]
        for size, seconds in measured:
            last = size == sizes[-1]
            note = f"exponent {slope:.2f} over the upper half" if last else ""
            name = f"{kind}: {size} {unit}"
            rows.append(Row(name, Samples((seconds,)), seconds / times[0], note=note))
    return Table("Scaling", "time / time of the first point of a curve", rows)


def _time_call(call: Callable[[], object]) -> float:
    call()
    best = np.inf
    with no_collection():
        for _ in range(3):
            start = perf_counter()
            call()
            best = min(best, perf_counter() - start)
            if best > 2:
                break
    return float(best)


def _by_particles() -> Iterator[tuple[int, Callable[[], object]]]:
    setup = paper_cell(1_000)
    line, kick = pj.Lattice([pj.Drift(0.2)]), setup.kick
    for count in _PARTICLES:
        beam = paper_cell(count).beam
        yield count, lambda beam=beam: pj.track(line, beam, effects=[kick])  # type: ignore[misc]


def _by_cells() -> Iterator[tuple[int, Callable[[], object]]]:
    for cells in _CELLS:
        solver = pj.SpectralPoisson((0.02, 0.02), (cells, cells))
        density = paper_cell(1_000).beam.coordinates.new_ones(solver.mesh.grid.padded_shape)
        yield cells, lambda s=solver, d=density: s.solve(d)  # type: ignore[misc]


def _by_kicks() -> Iterator[tuple[int, Callable[[], object]]]:
    setup = paper_cell(1_000)
    line = pj.Lattice([pj.Drift(0.1), pj.Quadrupole(0.05, 20.0), pj.Drift(0.2)])
    line = pj.Lattice([line, pj.Quadrupole(0.05, -20.0), pj.Drift(0.1)])
    kick = dataclasses.replace(setup.kick, max_step=0.05)  # ten a turn
    for count in _KICKS:
        turns = count // 10
        yield count, lambda n=turns: pj.track(line, setup.beam, effects=[kick], turns=n)  # type: ignore[misc]


def _by_knobs() -> Iterator[tuple[int, Callable[[], object]]]:
    setup = paper_cell(2_000)
    line = pj.Lattice(
        dataclasses.replace(e, name=f"{e.name}_{n}") for n in range(200) for e in setup.lattice
    )
    kick = dataclasses.replace(setup.kick, max_step=0.5)  # one an element
    every = [f"{k.split('.')[0]}_{n}.{k.split('.')[1]}" for n in range(200) for k in KNOBS[:5]]
    figure = pj.observables.emittance_growth("x")
    for count in _KNOBS:
        wrt = every[:: len(every) // count][:count]
        yield (
            count,
            lambda w=wrt: pj.gradient(figure, line, setup.beam, wrt=w, effects=[kick]),  # type: ignore[misc]
        )

"""The julia engine beside the native one, and JuTrack by itself; needs a Julia."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np

import pyjutrack as pj
from pyjutrack.engines import engine_of
from pyjutrack.engines.julia import JuTrackSpaceCharge, border
from pyjutrack.optics import jutrack

from .clock import Samples, in_turns
from .report import Row, Table
from .setup import KNOBS, paper_cell

Contender = Callable[[], object]


def run(particles: int, repeats: int, threads: int) -> Table:
    julia = engine_of("julia")
    alone = julia.session.main.include(str(Path(__file__).with_name("jutrack.jl")))
    elements = alone.prepare()
    rows: list[Row] = []
    for name, contenders in (*_paper(particles, julia, alone), _spear3(julia, alone)):
        rows += _measure(name, contenders, repeats)
    return Table(
        f"Engines: the paper's cell with {particles} particles, 24 kicks; SPEAR3, {elements} "
        "elements, one particle",
        "time / time of the first row of each kind",
        rows,
        [
            "first call: with compilation. Gridless: JuTrack's sum of 12 x 12 modes.",
            "TPSA: JuTrack's own first-order power series, its elements, its emittance.",
        ],
    )


def _measure(kind: str, contenders: dict[str, Contender], repeats: int) -> list[Row]:
    first = {}
    for name, call in contenders.items():
        began = perf_counter()
        call()
        first[name] = perf_counter() - began
    samples: dict[str, Samples] = in_turns(contenders, repeats)
    reference = samples[next(iter(contenders))]
    return [
        Row(f"{kind}: {name}", s, s.over(reference), note=f"first call {first[name]:.1f} s")
        for name, s in samples.items()
    ]


def _paper(particles: int, julia, alone):
    setup = paper_cell(particles)
    network = pj.SpaceCharge(pj.Surrogate.load("linear"), setup.kick.max_step)
    own = JuTrackSpaceCharge((0.02, 0.02), (12, 12), setup.kick.max_step)
    fields = {"spectral": setup.kick, "U-Net": network}
    start = np.asfortranarray(border.coordinates(setup.beam))
    growth = pj.observables.emittance_growth("x")

    def track(kick, engine):
        return lambda: pj.track(setup.lattice, setup.beam, effects=[kick], engine=engine)

    def jacobian(kick, engine):
        return lambda: pj.jacobian(setup.lattice, setup.beam, effects=[kick], engine=engine)

    def seven(kick, engine, mode):
        return lambda: pj.gradient(
            growth, setup.lattice, setup.beam, wrt=KNOBS, effects=[kick], mode=mode, engine=engine
        )

    engines = {"native": "native", "julia": julia}
    for field, kick in fields.items():
        for kind, make in (("track", track), ("Jacobian", jacobian)):
            yield f"{kind}, {field}", {n: make(kick, e) for n, e in engines.items()}
        yield (
            f"7 gradients, {field}",
            {
                f"{n}, {mode}": seven(kick, e, mode)
                for n, e in engines.items()
                for mode in ("forward", "reverse")
            },
        )
    yield (
        "track, gridless",
        {"julia": track(own, julia), "JuTrack alone": lambda: alone.tracked(start)},
    )
    yield (
        "7 gradients, gridless",
        {
            "julia, forward": seven(own, julia, "forward"),
            "JuTrack alone, TPSA": lambda: alone.gradients(start),
        },
    )


def _spear3(julia, alone):
    """JuTrack's ring by itself, and as a lattice of ours by both engines."""
    reference = pj.Reference.from_kinetic(pj.Species.from_name("electron"), 1e9)
    ring = jutrack.from_jutrack(alone.ring(), reference)
    start = np.array([1e-3, 0.0, 1e-3, 0.0, 0.0, 0.0])

    def jacobian(engine):
        return lambda: pj.jacobian(ring, reference, at=start, engine=engine)

    return (
        "SPEAR3",
        {
            "6 x 6 Jacobian, native": jacobian("native"),
            "6 x 6 Jacobian, julia": jacobian(julia),
            "6 x 6 Jacobian, JuTrack alone, TPSA": alone.jacobian_tpsa,
            "6 x 6 Jacobian, JuTrack alone, Enzyme forward": alone.jacobian_enzyme,
            "one turn, JuTrack alone": alone.one_turn,
        },
    )

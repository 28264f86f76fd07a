"""`pyjutrack warmup`: compile what most calls need before they need it."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

EXAMPLES = ("", "--quiet && python my_study.py")


def add(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Track, differentiate and look for optics once; kernels that are compiled for it are kept."""
    from ..beam import observables
    from ..engines.derivatives import gradient, jacobian
    from ..engines.track import track
    from ..optics import twiss_table
    from ..surrogate import Surrogate
    from .paper import fodo

    cell, beam = fodo.cell(), fodo.beam(2000, seed=1)
    solver = [fodo.space_charge(fodo.solver())]
    network = [fodo.space_charge(Surrogate.load("linear"))]
    growth = observables.emittance_growth("x")
    knobs = ["q1.k1", "d1.length"]
    steps: dict[str, Callable[[], object]] = {
        "maps of elements": lambda: track(cell, beam),
        "optics": lambda: twiss_table(cell, beam.reference),
        "space charge of a solver": lambda: track(cell, beam, effects=solver),
        "space charge of a network": lambda: track(cell, beam, effects=network),
        "Jacobians": lambda: jacobian(cell, beam, effects=solver),
        "gradients, reverse": lambda: gradient(
            growth, cell, beam, wrt=knobs, effects=solver, mode="reverse"
        ),
        "gradients, forward": lambda: gradient(
            growth, cell, beam, wrt=knobs, effects=solver, mode="forward"
        ),
    }
    for what, call in steps.items():
        began = time.monotonic()
        call()
        if not options.quiet:
            print(f"{what:28} {time.monotonic() - began:6.1f} s", flush=True)
    return 0

"""Peak memory and time of one reverse pass; run by `case_adjoint` in a process of its own."""

from __future__ import annotations

import json
import sys
import time
from typing import Any
from unittest.mock import patch

import torch

import pyjutrack as pj
from pyjutrack.tracking import loop

from .child import Watch
from .setup import KNOBS, apart, paper_cell


def main() -> None:
    particles, turns, threads = map(int, sys.argv[1:4])
    compare = sys.argv[4]
    torch.set_num_threads(threads)
    setup = paper_cell(particles)
    common: dict[str, Any] = {"effects": [setup.kick]}

    def gradient(turns: int, adjoint: str, beam: pj.Beam) -> Any:
        wrt = [*KNOBS, "beam.current"]
        figure = pj.observables.emittance_growth("x")
        return pj.gradient(
            figure, setup.lattice, beam, wrt=wrt, turns=turns, adjoint=adjoint, **common
        )

    # few particles bring all code and no arrays into memory
    gradient(
        1, "reversible", setup.beam.replace(coordinates=setup.beam.coordinates[:100], alive=None)
    )
    pj.track(setup.lattice, setup.beam, **common)
    start = time.perf_counter()
    pj.track(setup.lattice, setup.beam, turns=turns, **common)
    plain = time.perf_counter() - start
    with Watch() as watch:
        start = time.perf_counter()
        found = gradient(turns, "reversible", setup.beam)
        seconds = time.perf_counter() - start
    out = {"plain": plain, "seconds": seconds, "peak": watch.peak - watch.before}
    out["resident"] = watch.peak
    if compare:
        expected = gradient(turns, compare, setup.beam)
        out["apart"] = apart(found, expected)
        # a forward pass step by step rounds differently, and in so many kicks that grows
        with patch.object(loop, "is_plain", lambda *_: False):
            out["rounding"] = apart(gradient(turns, "reversible", setup.beam), expected)
    print(json.dumps(out))


if __name__ == "__main__":
    main()

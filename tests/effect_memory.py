"""Peak memory of a reverse pass through many kicks of an effect; run in a process of its own.

Arguments: the name of an effect of `EFFECTS`, or "all", and the number of kicks.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import warnings

import torch
from effect_cases import EFFECTS, LATTICE, TOGETHER, bunch, strength_name

import pyjutrack as pj
from benchmarks.child import Watch
from pyjutrack.tracking.plan import Act, plan_of

#: of 48 kB a beam: thousands of them show
PARTICLES = 1000
#: of kicks: so little that particles stay for a thousand turns
WEAK = 1e-3


def main() -> None:
    name, kicks = sys.argv[1], int(sys.argv[2])
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", pj.errors.LossWarning)
    warnings.filterwarnings("ignore", ".*both space charge", pj.errors.AccuracyWarning)
    chosen = list(TOGETHER.values()) if name == "all" else [EFFECTS[name]]
    names = [strength_name(effect) for effect in chosen]
    effects = [
        dataclasses.replace(effect, **{name: WEAK * getattr(effect, name)})
        for name, effect in zip(names, chosen, strict=True)
    ]
    ring = pj.Lattice([e for e in LATTICE if not isinstance(e, pj.Aperture)])
    ops = plan_of(ring, effects).ops
    turns = -(-kicks // sum(isinstance(op, Act) for op in ops))

    def gradient(beam: pj.Beam, turns: int) -> None:
        wrt = ["qf.k1", "b.angle", "d.length", "beam.charge", f"effects[0].{names[0]}"]
        figure = pj.observables.emittance_growth("x")
        options = {"effects": effects, "turns": turns, "adjoint": "reversible"}
        slopes = pj.gradient(figure, ring, beam, wrt=wrt, **options)
        assert torch.isfinite(torch.as_tensor(slopes)).all(), slopes

    # few turns bring all code and what a turn needs into memory
    gradient(bunch(PARTICLES, lost=False), 2)
    with Watch() as watch:
        gradient(bunch(PARTICLES, lost=False), turns)
    found = {"peak": watch.peak, "before": watch.before, "turns": turns, "particles": PARTICLES}
    print(json.dumps(found))


if __name__ == "__main__":
    main()

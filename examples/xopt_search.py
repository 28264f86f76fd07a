"""Least emittance growth over four magnets in Xopt: by Bayesian optimisation, and by slopes.

    pip install xopt
    python examples/xopt_search.py

One evaluator serves both. It tracks the random points of the beginning in one pass; Xopt's Bayesian
generator then sees values alone, and ours the exact slopes by all four strengths as well.
Takes a minute.
"""

import argparse

import torch

import pyjutrack as pj
from pyjutrack.cli.paper import fodo

STRENGTHS = {"m1": 29.6, "m2": -29.6, "m3": 29.6, "m4": -29.6}  # [1/m^2]
#: of the strengths, by which they may change
REACH = 0.3


def channel(cells):
    """Two cells with magnets of their own, before a FODO channel."""
    own = []
    for first, second in (("m1", "m2"), ("m3", "m4")):
        drift, _, between, _, end = fodo.cell()
        own += [drift, pj.Quadrupole(0.1, k1=STRENGTHS[first], name=first)]
        own += [between, pj.Quadrupole(0.1, k1=STRENGTHS[second], name=second), end]
    return pj.Lattice(own) + fodo.cell() * cells


def growth(final, initial):
    """Growth of the emittance, mean of both planes."""
    both = [pj.observables.emittance_growth(plane)(final=final, initial=initial) for plane in "xy"]
    return sum(both) / 2


def problem():
    """Xopt's variables, with bounds, and objective."""
    from xopt import VOCS

    ends = {f"{name}.k1": (k * (1 - REACH), k * (1 + REACH)) for name, k in STRENGTHS.items()}
    variables = {name: sorted(both) for name, both in ends.items()}
    return VOCS(variables=variables, objectives={"growth": "MINIMIZE"})


def search(generator, evaluator, start, steps):
    """Xopt's table of what one generator tried, after the same few points."""
    from xopt import Xopt

    found = Xopt(generator=generator, evaluator=evaluator)
    found.add_data(start)
    for _ in range(steps):
        found.step()
    return found.data


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--particles", type=int, default=5000)
    parser.add_argument("--cells", type=int, default=6)
    parser.add_argument("--start", type=int, default=6, help="random points")
    parser.add_argument("--steps", type=int, default=18, help="steps of each generator")
    options = parser.parse_args(arguments)
    torch.manual_seed(1)
    beam = fodo.beam(options.particles, seed=1)
    kick = pj.SpaceCharge(pj.SpectralPoisson(size=fodo.BOX, shape=(96, 96)), max_step=0.1)
    outputs = {"growth": growth}
    evaluator = pj.xopt.evaluator(
        channel(options.cells), beam, outputs, effects=[kick], slopes=["growth"]
    )  # which asks for Xopt
    from xopt import Xopt
    from xopt.generators.bayesian import ExpectedImprovementGenerator

    vocs = problem()
    ours = pj.xopt.gradient_generator(vocs)
    start = Xopt(generator=ours, evaluator=evaluator).random_evaluate(options.start, seed=1)
    best = {"random": start["growth"].min()}
    generators = {"Bayesian": ExpectedImprovementGenerator(vocs=vocs), "gradients": ours}
    for name, generator in generators.items():
        data = search(generator, evaluator, start, options.steps)
        best[name] = data["growth"].min()
        row = data.loc[data["growth"].idxmin()]
        strengths = ", ".join(f"{row[variable]:.2f}" for variable in vocs.variable_names)
        print(f"{name:10} growth {best[name]:.3%} after {len(data)} points; k1 = {strengths}")
    print(f"{'random':10} growth {best['random']:.3%} after {len(start)}")
    return best


if __name__ == "__main__":
    main()

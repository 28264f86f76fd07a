"""Bayesian optimisation of where two magnets stand, around a gradient search of their strengths.

    pip install xopt
    python examples/xopt_outer_loop.py

Xopt (BoTorch) proposes two drift lengths before a FODO channel; for each of them a few steps of
L-BFGS with exact gradients find the strengths of least emittance growth. The outer loop sees only
the result: it may as well choose what has no gradient at all.
"""

import argparse

import numpy as np
import torch
from scipy.optimize import minimize

import pyjutrack as pj
from pyjutrack.cli.paper import fodo

KNOBS = ("m1.k1", "m2.k1")
REACH = (0.1, 0.5)  # [m]


def line(first, second, cells):
    """Two quadrupoles between drifts of these lengths, 1.4 m in all, before a FODO channel."""
    section = [
        pj.Drift(first),
        pj.Quadrupole(0.1, k1=29.6, name="m1"),
        pj.Drift(second),
        pj.Quadrupole(0.1, k1=-29.6, name="m2"),
        pj.Drift(1.2 - first - second),
    ]
    return pj.Lattice(section) + fodo.cell() * cells


def growth(final, initial):
    """Growth of the emittance, mean of both planes."""
    return (
        sum(pj.observables.emittance_growth(plane)(final=final, initial=initial) for plane in "xy")
        / 2
    )


def least_growth(lattice, beam, kick, steps):
    """The inner loop: least growth over the strengths, by exact gradients."""

    def function(strengths):
        knobbed = lattice.with_values(dict(zip(KNOBS, strengths, strict=True)))
        return pj.value_and_gradient(growth, knobbed, beam, wrt=KNOBS, effects=[kick])

    start = [float(lattice.value(k)) for k in KNOBS]
    bounds = [sorted((0.6 * k, 1.4 * k)) for k in start]
    found = minimize(
        function, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxfun": steps}
    )
    return float(found.fun), found.x


def outer(evaluate, proposals):
    """The outer loop: Xopt's table of what it tried.

    Raises:
        pj.errors.MissingPackageError: xopt is not installed.
    """
    try:
        from xopt import VOCS, Evaluator, Xopt
        from xopt.generators.bayesian import ExpectedImprovementGenerator
    except ImportError as error:
        raise pj.errors.MissingPackageError(
            "this example needs Xopt and BoTorch: pip install xopt"
        ) from error
    vocs = VOCS(
        variables={"first": list(REACH), "second": list(REACH)}, objectives={"growth": "MINIMIZE"}
    )
    search = Xopt(
        generator=ExpectedImprovementGenerator(vocs=vocs),
        evaluator=Evaluator(function=evaluate),
    )
    search.random_evaluate(4, seed=1)
    for _ in range(proposals):
        search.step()
    return search.data


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--particles", type=int, default=5000)
    parser.add_argument("--cells", type=int, default=6)
    parser.add_argument("--steps", type=int, default=12, help="inner calls of the gradient")
    parser.add_argument("--proposals", type=int, default=10, help="of the outer loop")
    options = parser.parse_args(arguments)
    torch.manual_seed(1)
    beam = fodo.beam(options.particles, seed=1)
    kick = pj.SpaceCharge(pj.SpectralPoisson(size=fodo.BOX, shape=(64, 64)), max_step=0.1)

    def evaluate(places):
        lattice = line(places["first"], places["second"], options.cells)
        value, strengths = least_growth(lattice, beam, kick, options.steps)
        return {"growth": value, **dict(zip(KNOBS, np.round(strengths, 3).tolist(), strict=True))}

    data = outer(evaluate, options.proposals)
    for i, row in enumerate(data.to_dict("records")):
        print(f"{i:3}: {row['first']:.3f} m, {row['second']:.3f} m: growth {row['growth']:.2%}")
    best = data.loc[data["growth"].idxmin()]
    print(f"best: {best['first']:.3f} m and {best['second']:.3f} m: growth {best['growth']:.2%}")
    print(f"with the inner search alone, at 0.2 m and 0.4 m: {evaluate_at(evaluate):.2%}")


def evaluate_at(evaluate):
    """The growth where the paper's cell has its magnets."""
    return evaluate({"first": 0.2, "second": 0.4})["growth"]


if __name__ == "__main__":
    main()

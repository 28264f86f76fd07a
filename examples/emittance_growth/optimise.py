"""Six quadrupoles lower the emittance growth of a beam that enters a channel mismatched.

    python examples/emittance_growth/optimise.py --out results

Prints the growth before and after on beams that the optimiser never saw, writes
emittance_growth.json and emittance_growth.png.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

import pyjutrack as pj
from pyjutrack import plotting
from pyjutrack.cli.paper import fodo
from pyjutrack.core.atomic import write_json, write_whole

#: three cells whose quadrupoles m1 to m6 are free
KNOBS = [f"m{i}.k1" for i in range(1, 7)]
START = np.array([29.6, -29.6] * 3)
#: 200 A shift the tune of the cell from 0.24 to about 0.09
CURRENT = 200.0


def channel(cells):
    """The matching section, all of it as in the paper's cell, before `cells` of these."""
    section = []
    for i in (1, 3, 5):
        section += [
            pj.Drift(0.2),
            pj.Quadrupole(0.1, k1=29.6, name=f"m{i}"),
            pj.Drift(0.4),
            pj.Quadrupole(0.1, k1=-29.6, name=f"m{i + 1}"),
            pj.Drift(0.2),
        ]
    return pj.Lattice(section) + fodo.cell() * cells


def space_charge(cells=128):
    """Kicks every 0.1 m, in the paper's box."""
    return pj.SpaceCharge(pj.SpectralPoisson(size=fodo.BOX, shape=(cells, cells)), max_step=0.1)


def growth(final, initial):
    """Growth of the emittance, mean of both planes."""
    return (
        sum(pj.observables.emittance_growth(plane)(final=final, initial=initial) for plane in "xy")
        / 2
    )


def optimise(lattice, beam, kick, steps=30):
    """Strengths of the knobs of least growth, and the growth after each call of the gradient."""
    history = []

    def function(strengths):
        knobbed = lattice.with_values(dict(zip(KNOBS, strengths, strict=True)))
        value, slope = pj.value_and_gradient(growth, knobbed, beam, wrt=KNOBS, effects=[kick])
        history.append(value)
        return value, slope

    bounds = [sorted((0.7 * k, 1.3 * k)) for k in START]
    found = minimize(
        function, START, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxfun": steps}
    )
    return found.x, history


def along(lattice, beam, kick):
    """s [m], and the growth in x and in y up to there, cell by cell."""
    first = [float(pj.moments.emittance(beam, plane)) for plane in "xy"]
    found, cell = [[0.0, 0.0]], 5
    for i in range(0, len(lattice), cell):
        beam = pj.track(pj.Lattice(lattice.elements[i : i + cell]), beam, effects=[kick])
        now = [float(pj.moments.emittance(beam, plane)) for plane in "xy"]
        found.append([a / b - 1 for a, b in zip(now, first, strict=True)])
    return np.array(found)


def draw(before, after, path):
    """Growth along the channel, seed by seed."""
    fig, axes = plotting.figure(2, width=5.0, height=3.6)
    for ax, plane, column in zip(axes, "xy", range(2), strict=True):
        for runs, colour, label in ((before, "tab:grey", "before"), (after, "tab:red", "after")):
            for n, run in enumerate(runs):
                name = label if n == 0 else ""
                ax.plot(100 * run[:, column], color=colour, alpha=0.8, label=name)
        ax.axvspan(0, 3, color="tab:blue", alpha=0.1, linewidth=0)
        ax.set(xlabel="s [m]", ylabel=f"growth of the emittance in {plane} [%]")
    axes[0].legend(frameon=False)
    write_whole(path, lambda p: fig.savefig(p, dpi=130, format="png"))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--particles", type=int, default=20_000)
    parser.add_argument("--cells", type=int, default=12, help="cells after the matching section")
    parser.add_argument("--grid", type=int, default=128, help="cells a side")
    parser.add_argument("--steps", type=int, default=30, help="calls of the gradient, at most")
    parser.add_argument("--seeds", type=int, default=5, help="fresh beams to check on")
    parser.add_argument("--out", type=Path, default=Path("results"))
    options = parser.parse_args(arguments)

    lattice, kick = channel(options.cells), space_charge(options.grid)
    trained = fodo.beam(options.particles, seed=1, current=CURRENT)
    strengths, history = optimise(lattice, trained, kick, options.steps)
    better = lattice.with_values(dict(zip(KNOBS, strengths, strict=True)))
    print(f"growth of the beam optimised on: {history[0]:.2%} before, {min(history):.2%} after, ")
    print(f"{len(history)} calls of the gradient; k1 = {np.round(strengths, 2).tolist()} 1/m^2")

    fresh = [fodo.beam(options.particles, s, CURRENT) for s in range(100, 100 + options.seeds)]
    before, after = ([along(one, beam, kick) for beam in fresh] for one in (lattice, better))
    print(f"{options.seeds} fresh beams, mean and standard deviation at the end:")
    for name, runs in (("before", before), ("after", after)):
        ends = np.array([run[-1] for run in runs])
        ends = np.column_stack([ends, ends.mean(1)])
        shown = zip(("x", "y", "mean"), ends.mean(0), ends.std(0), strict=True)
        print(f"  {name:7}" + "; ".join(f"{p} {m:.2%} +- {d:.2%}" for p, m, d in shown))
    write_json(
        options.out / "emittance_growth.json",
        {
            "knobs": dict(zip(KNOBS, strengths.tolist(), strict=True)),
            "history": history,
            "before": [run.tolist() for run in before],
            "after": [run.tolist() for run in after],
        },
    )
    draw(before, after, options.out / "emittance_growth.png")
    print(f"wrote {options.out / 'emittance_growth.png'}")


if __name__ == "__main__":
    main()

"""A bunch compressor whose coherent radiation costs less emittance, found by gradients.

    python examples/csr_chicane/compress.py --out results

Prints emittance growth and length before and after, of bunches that the optimiser never saw, and
writes csr_chicane.json and csr_chicane.png.
"""

import argparse
import warnings
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.stats import norm, qmc

import pyjutrack as pj
from pyjutrack import plotting
from pyjutrack.core.atomic import write_json, write_whole

REFERENCE = pj.Reference.from_total("electron", 5e9)
CHARGE, LENGTH, CHIRP, EMITTANCE = 1e-9, 200e-6, -36.0, 1e-6
#: at the first bend: beta [m] and alpha, horizontal and vertical
TWISS = (40.0, 2.6), (13.0, 1.0)
#: rms length after the chicane [m]
SHORT = 20e-6
#: what is free: R56 [m] of the chicane, and strengths of the quadrupoles before it
KNOBS = ["r56", "q1.k1", "q2.k1", "q3.k1"]
START = np.array([0.025, 0.0, 0.0, 0.0])
#: sizes of usual steps, and bounds
SCALES = np.array([1e-4, 0.03, 0.03, 0.03])
BOUNDS = np.array([(0.02, 0.03), *[(-1.0, 1.0)] * 3])
#: particles of a slice that is drawn
FEW = 100
#: angle of the bends, by R56 = -2 angle^2 (drift + 2/3 bend)
ANGLE = "sqrt(r56 / 2 / (5 + 0.5 * 2 / 3))"


def chicane():
    """Three quadrupoles, and a chicane as in the benchmark of Berlin and Zeuthen."""
    line, expressions = [], {}
    for number in (1, 2, 3):
        line += [pj.Quadrupole(0.2, k1=0.0, name=f"q{number}"), pj.Drift(0.8)]
    magnets = (("b1", "-", "e2", 5.0), ("b2", "", "e1", 1.0), ("b3", "", "e2", 5.0))
    for name, sign, face, drift in (*magnets, ("b4", "-", "e1", 2.0)):
        line += [pj.SBend(0.5, float(f"{sign}0.05"), name=name), pj.Drift(drift)]
        expressions |= {f"{name}.{knob}": f"{sign}{ANGLE}" for knob in ("angle", face)}
    return pj.Lattice(line, variables={"r56": float(START[0])}, expressions=expressions)


def bunch(particles, seed, *, quiet=False):
    """A chirped Gaussian bunch at the entrance; without noise, of points that fill space evenly."""
    if quiet:
        u = qmc.Sobol(6, seed=seed).random(particles)
    else:
        u = np.random.default_rng(seed).random((particles, 6))
    u = norm.ppf(np.clip(u, 1e-4, 1 - 1e-4))
    rows = np.zeros((particles, 6))
    for column, (beta, alpha) in zip((0, 2), TWISS, strict=True):
        size = (EMITTANCE / (REFERENCE.beta * REFERENCE.gamma) / beta) ** 0.5
        rows[:, column] = size * beta * u[:, column]
        rows[:, column + 1] = size * (u[:, column + 1] - alpha * u[:, column])
    rows[:, 4] = LENGTH * u[:, 4]
    rows[:, 5] = 2e-6 * u[:, 5]
    at_bend = pj.Beam(REFERENCE, rows, charge=CHARGE)
    rows = pj.track(pj.Lattice([pj.Drift(-3.0)]), at_bend).numpy()
    rows[:, 5] += CHIRP * rows[:, 4]
    return pj.Beam(REFERENCE, rows, charge=CHARGE)


def radiation(cells=96):
    """Kicks every 50 mm in bends, and every 0.25 m downstream of them."""
    steps = {"SBend": 0.05, "Drift": 0.25, "Quadrupole": 0.2}
    return pj.collective.CSR(cells=cells, max_step=steps)


def growth(final, initial):
    """Growth of the horizontal emittance."""
    return pj.observables.emittance_growth("x")(final=final, initial=initial)


def cost(final, initial):
    """The growth, with the length held by a penalty: 1 % off costs 1 % of growth."""
    length = pj.moments.rms(final, final.coordinate("z"))
    return growth(final, initial) + 100 * (length / SHORT - 1) ** 2


def optimise(lattice, beam, effect, steps):
    """Values of the knobs of least cost, and the cost after each call of the gradient."""
    history = []

    def function(moved):
        values = dict(zip(KNOBS, START + SCALES * moved, strict=True))
        at = lattice.with_values(values)
        value, slopes = pj.value_and_gradient(cost, at, beam, wrt=KNOBS, effects=[effect])
        history.append(value)
        return value, slopes * SCALES

    bounds = (BOUNDS - START[:, None]) / SCALES[:, None]
    options = {"maxfun": steps}
    found = minimize(
        function, np.zeros(len(START)), jac=True, method="L-BFGS-B", bounds=bounds, options=options
    )
    return START + SCALES * found.x, history


def slices(end, start, count=40):
    """Middles of slices in z [um], current [kA], mean loss of delta, and mean x and px, normalised.

    x and px are in rms sizes of the whole beam, so that their distance from the middle is what the
    slice adds to the emittance.
    """
    rows, lost = end.numpy(), (start.coordinate("delta") - end.coordinate("delta")).numpy()
    z = rows[:, 4] - rows[:, 4].mean()
    edges = np.linspace(-3, 3, count + 1) * z.std()
    x, px = (rows[:, n] - rows[:, n].mean() for n in (0, 1))
    width = x.std()
    across = px - x * (x @ px) / (x @ x)
    number = np.digitize(z, edges)
    found = []
    for n in range(1, count + 1):
        here = number == n
        if here.sum() < FEW:
            continue
        current = CHARGE * here.mean() * 299_792_458.0 / (edges[1] - edges[0])
        middle = (edges[n - 1] + edges[n]) / 2
        means = x[here].mean() / width, across[here].mean() / across.std()
        found.append([1e6 * middle, current / 1e3, lost[here].mean(), *means])
    return np.array(found)


def draw(before, after, path):
    """Current, energy that was lost, and centroids of the slices in phase space.

    The beam before is drawn wide where it is nearly the same after, so that both are seen.
    """
    fig, axes = plotting.figure(3, width=3.8, height=3.6)
    for run, colour, width, label in (
        (before, "darkgrey", 6.0, "before"),
        (after, "tab:red", 1.2, "after"),
    ):
        axes[0].plot(run[:, 0], run[:, 1], color=colour, linewidth=width, label=label)
        axes[1].plot(run[:, 0], -1e3 * run[:, 2], color=colour, linewidth=width)
        axes[2].plot(run[:, 3], run[:, 4], ".-", color=colour)
    axes[0].set(xlabel="z [um]", ylabel="current [kA]")
    axes[1].set(xlabel="z [um]", ylabel="change of delta by CSR [1e-3]")
    axes[2].set(xlabel="mean x [rms]", ylabel="mean px beside x [rms]")
    axes[0].legend(frameon=False)
    write_whole(path, lambda p: fig.savefig(p, dpi=130, format="png"))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--particles", type=int, default=2048, help="particles of the optimiser")
    parser.add_argument("--fresh", type=int, default=50_000, help="particles of a fresh bunch")
    parser.add_argument("--steps", type=int, default=25, help="calls of the gradient, at most")
    parser.add_argument("--seeds", type=int, default=3, help="fresh bunches to check on")
    parser.add_argument("--out", type=Path, default=Path("results"))
    options = parser.parse_args(arguments)
    # the bunch is as wide in the last bend as a line of charge may be: see README.md
    warnings.filterwarnings("ignore", "CSR in an arc", pj.errors.AccuracyWarning)

    lattice, effect = chicane(), radiation()
    even = bunch(options.particles, 1, quiet=True)
    values, history = optimise(lattice, even, effect, options.steps)
    better = lattice.with_values(dict(zip(KNOBS, values, strict=True)))
    print(f"cost {history[0]:.3f} before, {min(history):.3f} after {len(history)} gradients")
    print(", ".join(f"{k} = {v:.4f}" for k, v in zip(KNOBS, values, strict=True)))
    print(f"{options.seeds} fresh bunches, CSR on 256 cells, mean and standard deviation:")
    shown, kept = [], {}
    for name, line in (("before", lattice), ("after", better)):
        ends = []
        for seed in range(100, 100 + options.seeds):
            start = bunch(options.fresh, seed)
            end = pj.track(line, start, effects=[radiation(256)])
            lost = start.coordinate("delta").mean() - end.coordinate("delta").mean()
            ends.append([float(growth(end, start)), float(end.coordinate("z").std()), float(lost)])
        shown.append(slices(end, start))
        mean, error = np.mean(ends, 0), np.std(ends, 0)
        print(
            f"  {name:6} emittance {mean[0]:+.1%} +- {error[0]:.1%}; length {1e6 * mean[1]:.2f} "
            f"+- {1e6 * error[1]:.2f} um; loss {1e3 * mean[2]:.3f}e-3"
        )
        kept[name] = ends
    write_json(
        options.out / "csr_chicane.json",
        {"knobs": dict(zip(KNOBS, values.tolist(), strict=True)), "history": history, **kept},
    )
    draw(*shown, options.out / "csr_chicane.png")
    print(f"wrote {options.out / 'csr_chicane.png'}")


if __name__ == "__main__":
    main()

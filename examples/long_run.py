"""A thousand FODO cells with the space charge of networks, and with that of the solver.

    python examples/long_run.py --out results

Writes long_run.json and long_run.png: the emittances cell by cell, 10 000 particles at 100 A. The
solver runs a second time from coordinates that differ by one part in 1e9: so far a beam of so many
particles says what a single emittance will be. Takes five minutes.
"""

import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

import pyjutrack as pj
from pyjutrack import plotting
from pyjutrack.cli.paper import fodo
from pyjutrack.core.atomic import write_json, write_whole

SOLVER, NUDGED = "spectral solver", "spectral solver, nudged"
PLANES = ("x", "y", "x and y, mean")


def growth(name, potential, particles, cells, current):
    """Growth of the emittances in x and y and of their mean, (cells + 1, 3); particles lost."""
    cell, beam = fodo.cell(), fodo.beam(particles, seed=1, current=current)
    if name == NUDGED:
        beam = beam.replace(coordinates=beam.coordinates * (1 + 1e-9))
    effects = [fodo.space_charge(potential)]
    found = [[float(pj.moments.emittance(beam, plane)) for plane in "xy"]]
    for _ in tqdm(range(cells), desc=name, unit="cell"):
        beam = pj.track(cell, beam, effects=effects)
        found.append([float(pj.moments.emittance(beam, plane)) for plane in "xy"])
    each = np.array(found) / found[0] - 1
    return np.column_stack([each, each.mean(1)]), int((~beam.alive).sum())


def draw(runs, path):
    """The growth of each run, plane by plane."""
    fig, axes = plotting.figure(3, width=4.6)
    for ax, plane, column in zip(axes, PLANES, range(3), strict=True):
        for name, found in runs.items():
            ax.plot(100 * found[:, column], label=name, linewidth=1)
        ax.set_xlabel("cells")
        ax.set_ylabel(f"growth of the emittance, {plane} [%]")
    axes[-1].legend(frameon=False)
    write_whole(path, lambda p: fig.savefig(p, dpi=130, format="png"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", nargs="+", default=["linear"])
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--particles", type=int, default=10_000)
    parser.add_argument("--current", type=float, default=100.0, help="current of the beam [A]")
    parser.add_argument("--out", type=Path, default=Path("results"))
    options = parser.parse_args()

    potentials = {SOLVER: fodo.solver(), NUDGED: fodo.solver()}
    potentials.update({f"{n} U-Net": pj.Surrogate.load(n) for n in options.network})
    runs, lost = {}, {}
    for name, potential in potentials.items():
        runs[name], lost[name] = growth(
            name, potential, options.particles, options.cells, options.current
        )
    late = options.cells // 2
    print(f"growth of the emittance, {', '.join(PLANES)}: at the end; mean over the second half")
    for name, found in runs.items():
        end, mean = (
            ", ".join(f"{v:.2%}" for v in row) for row in (found[-1], found[late:].mean(0))
        )
        ratio = found[-1, 2] / runs[SOLVER][-1, 2]
        print(f"{name:>24}: {end}; {mean}; mean over the solver's {ratio:.3f}; {lost[name]} lost")
    write_json(
        options.out / "long_run.json",
        {
            "particles": options.particles,
            "current": options.current,
            "planes": PLANES,
            "growth": {name: found.tolist() for name, found in runs.items()},
            "lost": lost,
        },
    )
    draw(runs, options.out / "long_run.png")
    print(f"wrote {options.out / 'long_run.png'}")


if __name__ == "__main__":
    main()

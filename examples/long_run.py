"""A thousand FODO cells with the space charge of a network, and with that of the solver.

    python examples/long_run.py --out results

Writes long_run.json and long_run.png: the emittances cell by cell, 10 000 particles at 100 A.
"""

import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

import pyjutrack as pj
from pyjutrack import plotting
from pyjutrack.files import write_json, write_whole
from pyjutrack.reproduce import fodo


def emittances(potential, particles, cells, current):
    """Emittance over that of the first beam, (cells + 1, 2), and the particles lost."""
    cell, beam = fodo.cell(), fodo.beam(particles, seed=1, current=current)
    kicks = [fodo.space_charge(potential)]
    found = [[float(pj.emittance(beam, plane)) for plane in "xy"]]
    for _ in tqdm(range(cells), desc=type(potential).__name__, unit="cell"):
        beam = pj.track(cell, beam, kicks=kicks)
        found.append([float(pj.emittance(beam, plane)) for plane in "xy"])
    return np.array(found) / found[0], int((~beam.alive).sum())


def draw(runs, path):
    """Growth in x and y of each run."""
    fig, axes = plotting.figure(2, width=5.0)
    for ax, plane, column in zip(axes, "xy", (0, 1), strict=True):
        for name, growth in runs.items():
            ax.plot(100 * (growth[:, column] - 1), label=name, linewidth=1)
        ax.set_xlabel("cells")
        ax.set_ylabel(f"growth of the emittance in {plane} [%]")
        ax.legend(frameon=False)
    write_whole(path, lambda p: fig.savefig(p, dpi=130, format="png"))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", nargs="+", default=["linear"])
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--particles", type=int, default=10_000)
    parser.add_argument("--current", type=float, default=100.0, help="[A]")
    parser.add_argument("--out", type=Path, default=Path("results"))
    options = parser.parse_args()

    potentials = {"spectral solver": fodo.solver()}
    potentials.update({f"{n} U-Net": pj.Surrogate.load(n) for n in options.network})
    runs, lost = {}, {}
    for name, potential in potentials.items():
        runs[name], lost[name] = emittances(
            potential, options.particles, options.cells, options.current
        )
    reference = runs["spectral solver"][-1] - 1
    for name, growth in runs.items():
        ends = growth[-1] - 1
        print(
            f"{name:>20}: growth {ends[0]:.4%} in x, {ends[1]:.4%} in y; over the solver's "
            f"{ends[0] / reference[0]:.3f}, {ends[1] / reference[1]:.3f}; {lost[name]} lost"
        )
    write_json(
        options.out / "long_run.json",
        {
            "particles": options.particles,
            "current": options.current,
            "growth": {name: (g - 1).tolist() for name, g in runs.items()},
            "lost": lost,
        },
    )
    draw(runs, options.out / "long_run.png")
    print(f"wrote {options.out / 'long_run.png'}")


if __name__ == "__main__":
    main()

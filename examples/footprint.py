"""A tune footprint of a small ring with sextupoles and octupoles, and what histories cost.

    python examples/footprint.py --out results

Writes footprint.png: the tunes of particles on a grid of amplitudes, coloured by their diffusion,
with resonances up to sixth order, and the amplitudes at which they were. Prints what it costs to
read the centroid and sizes in each of 1 000 turns, and to find lines. Takes a minute or two.
"""

import argparse
import time
from pathlib import Path

import numpy as np

import pyjutrack as pj
from pyjutrack import plotting
from pyjutrack.core.atomic import write_whole

PROTON = pj.Reference.from_kinetic("proton", kinetic_energy=1e9)


def ring(cells=8):
    """FODO cells, one sextupole and one octupole."""
    cell = [
        pj.Quadrupole(0.3, k1=1.5, name="qf"),
        pj.Drift(1.0),
        pj.Quadrupole(0.3, k1=-1.6, name="qd"),
        pj.Drift(1.3),
    ]
    kicks = pj.Multipole(knl=(0.0, 0.0, 12.0, 1000.0), name="kicks")
    return pj.Lattice([pj.Marker(name="start"), *cell * cells, kicks])


def grid(lattice, side, action=2e-5):
    """Particles at the largest x and y of actions up to one, evenly in amplitude [m rad]."""
    optics = pj.twiss(lattice, PROTON)
    a = np.linspace(0.02, 1, side) * np.sqrt(2 * action)
    rows = np.zeros((side * side, 6))
    for column, plane, amplitude in zip((0, 2), "xy", np.meshgrid(a, a), strict=True):
        beta, alpha = (getattr(optics, f"{name}_{plane}") for name in ("beta", "alpha"))
        rows[:, column] = amplitude.ravel() * np.sqrt(beta)
        rows[:, column + 1] = -alpha / np.sqrt(beta) * amplitude.ravel()
    return pj.Beam.from_array(PROTON, rows)


def draw(found, start, path):
    """The footprint, and the diffusion at the amplitudes of the start."""
    fig, (left, right) = plotting.figure(2, width=5.4)
    plotting.plot_footprint(left, found, resonances=6)
    x, y = start.numpy()[:, 0] * 1e3, start.numpy()[:, 2] * 1e3
    values = np.maximum(found.diffusion, -12)
    right.scatter(x, y, s=7, marker="s", color="0.8", linewidths=0, label="lost")
    right.scatter(x, y, s=7, marker="s", c=values, linewidths=0)
    right.set(xlabel="x at the start [mm]", ylabel="y at the start [mm]")
    right.legend(loc="upper right", markerscale=2)
    write_whole(path, lambda p: fig.savefig(p, dpi=110, format="png"))


def cost(particles=1000, turns=1000, repeats=3):
    """Print what reading costs: CPU time, the least of runs in turns."""
    moments = {"centroid": pj.moments.centroid}
    both = {**moments, "sizes": pj.moments.sizes}
    for cells in (8, 250):
        lattice = ring(cells)
        beam = pj.distributions.gaussian(
            PROTON, particles, twiss=pj.twiss(lattice, PROTON), emittance=(1e-8, 1e-8), seed=1
        )
        best = np.full(3, np.inf)
        for _ in range(repeats + 1):  # the first compiles
            for n, read in enumerate((None, moments, both)):
                start = time.process_time()
                if read is None:
                    pj.track(lattice, beam, turns=turns)
                else:
                    pj.diagnostics.track_turns(lattice, beam, read, turns=turns)
                best[n] = min(best[n], time.process_time() - start)
        print(
            f"{particles} particles, {turns} turns of {len(lattice)} elements: {best[0]:.2f} s; "
            f"with the centroid each turn x {best[1] / best[0]:.2f}, with sizes too "
            f"x {best[2] / best[0]:.2f}"
        )
    tunes = np.linspace(0.1, 0.4, 1000)
    signals = np.exp(2j * np.pi * tunes * np.arange(1000)[:, None])
    start = time.process_time()
    error = np.abs(pj.diagnostics.find_lines(signals).tunes[0] - tunes).max()
    print(f"tunes of 1000 signals of 1000 turns: {time.process_time() - start:.2f} s, {error:.0e}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=2000)
    parser.add_argument("--side", type=int, default=70, help="side of the grid of particles")
    parser.add_argument("--no-cost", action="store_true", help="draw the picture alone")
    parser.add_argument("--out", type=Path, default=Path("results"))
    options = parser.parse_args()

    lattice = ring()
    tunes = pj.tunes(pj.optics.one_turn_matrix(lattice, PROTON))
    beam = grid(lattice, options.side)
    found = pj.diagnostics.footprint(lattice, beam, turns=options.turns)
    print(f"tunes of optics {tunes}, of the smallest amplitudes {found.tunes[0]}")
    print(f"{found}, {found.beam.lost} lost")
    options.out.mkdir(parents=True, exist_ok=True)
    draw(found, beam, options.out / "footprint.png")
    print(f"wrote {options.out / 'footprint.png'}")
    if not options.no_cost:
        cost()


if __name__ == "__main__":
    main()

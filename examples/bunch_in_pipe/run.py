"""A bunch with space charge in a rectangular pipe, and what its size at the end depends on.

    python examples/bunch_in_pipe/run.py --out results

Prints what the horizontal size at the end owes to the charge and to each quadrupole, writes
bunch_in_pipe.json and bunch_in_pipe.png.
"""

import argparse
from pathlib import Path

import numpy as np

import pyjutrack as pj
from pyjutrack import plotting
from pyjutrack.collective import SpaceCharge3D
from pyjutrack.core.atomic import write_json, write_whole

PROTON = pj.Reference.from_kinetic("proton", 1e7)
#: full width and height [m]
PIPE = 0.024, 0.02
CHARGE = 6e-11
QUADRUPOLES = [f"q{n}" for n in range(1, 7)]
KNOBS = ["beam.charge", *(f"{name}.k1" for name in QUADRUPOLES)]


def line():
    """Three FODO cells of 0.8 m."""
    elements = []
    for n in (1, 3, 5):
        elements += [
            pj.Drift(0.15, name=f"d{n}"),
            pj.Quadrupole(0.1, k1=22.0, name=f"q{n}"),
            pj.Drift(0.3, name=f"e{n}"),
            pj.Quadrupole(0.1, k1=-22.0, name=f"q{n + 1}"),
            pj.Drift(0.15, name=f"f{n}"),
        ]
    return pj.Lattice(elements)


def bunch(particles, charge=CHARGE):
    """Matched as if it had no charge."""
    return pj.distributions.waterbag(
        PROTON,
        particles,
        twiss=pj.twiss(line(), PROTON),
        emittance=(2e-6, 2e-6),
        charge=charge,
        sigma_z=6e-3,
        sigma_delta=1e-3,
        longitudinal="waterbag",
        quiet=True,
    )


def space_charge(nodes=48, pipe=PIPE):
    """Kicks every 5 cm, between conducting walls."""
    return SpaceCharge3D((nodes, nodes, nodes // 2), max_step=0.05, pipe=pipe)


def slopes(beam, effect):
    """The horizontal rms size at the end [m], and its slopes by KNOBS, in one reverse pass."""
    return pj.value_and_gradient(
        pj.observables.size("x"), line(), beam, wrt=KNOBS, effects=[effect]
    )


def sizes_along(beam, effect):
    """s [m], and the rms sizes in x, y and z there [m], (N, 4)."""
    rows, s = [], 0.0
    for element in (None, *line()):
        if element is not None:
            beam = pj.track(pj.Lattice([element]), beam, effects=[effect])
            s += element.length
        rows.append([s, *(float(pj.observables.size(u)(final=beam)) for u in "xyz")])
    return np.array(rows)


def draw(along, scan, found, path):
    """The bunch along the line; its size by the charge; slopes by quadrupoles."""
    fig, (first, second, third) = plotting.figure(3, width=4.3, height=3.8)
    for column, (u, colour) in enumerate(zip("xyz", ("C0", "C1", "C2"), strict=True), 1):
        for rows, style in zip(along, ("-", "--"), strict=True):
            label = u if style == "-" else None
            first.plot(rows[:, 0], 1e3 * rows[:, column], style, color=colour, label=label)
    first.plot([], [], "k-", label=f"{1e12 * CHARGE:.0f} pC")
    first.plot([], [], "k--", label="no charge")
    first.set(xlabel="s [m]", ylabel="rms size [mm]", ylim=(0, None))
    first.legend(frameon=False, ncols=2, loc="upper left")
    first.set_ylim(0, 1.35 * first.get_ylim()[1])

    charges, sizes = np.array(scan)[:, :2].T
    second.plot(1e12 * charges, 1e3 * sizes, "o", color="C0", label="tracked")
    step = 0.35 * (charges[1] - charges[0])
    for n, (q, size, slope) in enumerate(scan):
        ends = np.array([-step, step])
        label = None if n else "slope of the reverse pass"
        second.plot(1e12 * (q + ends), 1e3 * (size + slope * ends), color="C3", label=label)
    second.set(xlabel="charge [pC]", ylabel="rms x at the end [mm]")
    second.legend(frameon=False)

    # of the size, for 1 % more of each strength
    relative = [0.01 * k * s / found[0] for k, s in zip(found[2], found[1][1:], strict=True)]
    third.bar(QUADRUPOLES, 100 * np.array(relative), color="C0")
    third.axhline(0, color="black", linewidth=0.8)
    third.set(ylabel="change of rms x for 1 % of k1 [%]", xlabel="quadrupole")
    write_whole(path, lambda p: fig.savefig(p, dpi=130, format="png"))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--particles", type=int, default=8_000)
    parser.add_argument("--nodes", type=int, default=48, help="nodes of the grid across")
    parser.add_argument("--out", type=Path, default=Path("results"))
    options = parser.parse_args(arguments)

    effect, beam = space_charge(options.nodes), bunch(options.particles)
    size, found = slopes(beam, effect)
    free = pj.track(line(), beam, effects=[space_charge(options.nodes, pipe=None)])
    without = float(pj.observables.size("x")(final=free))
    print(f"rms x at the end: {1e3 * size:.4f} mm; {1e3 * without:.4f} mm without walls")
    print(f"by the charge: {1e3 * found[0] * 1e-12:+.3e} mm/pC")
    for name, slope in zip(QUADRUPOLES, found[1:], strict=True):
        print(f"by {name}.k1: {1e3 * slope:+.4f} mm m^2")

    charges = np.linspace(0, 2 * CHARGE, 5)
    scan = []
    for charge in charges:
        value, by = slopes(bunch(options.particles, charge), effect)
        scan.append((charge, value, by[0]))
    along = [sizes_along(bunch(options.particles, q), effect) for q in (CHARGE, 0.0)]
    strengths = [line().value(f"{name}.k1") for name in QUADRUPOLES]
    write_json(
        options.out / "bunch_in_pipe.json",
        {
            "size": size,
            "slopes": dict(zip(KNOBS, found.tolist(), strict=True)),
            "scan": [list(map(float, row)) for row in scan],
        },
    )
    draw(along, scan, (size, found, strengths), options.out / "bunch_in_pipe.png")
    print(f"wrote {options.out / 'bunch_in_pipe.png'}")


if __name__ == "__main__":
    main()

"""The equilibrium of an electron ring: by its envelope, by tracking with photons, and its slopes.

    python examples/electron_ring/run.py --out results

Prints emittance and energy spread of both, and how they depend on quadrupoles and bends; writes
electron_ring.json and electron_ring.png.
"""

import argparse
import math
from pathlib import Path

import numpy as np
import torch

import pyjutrack as pj
from pyjutrack import plotting
from pyjutrack.collective import Radiation
from pyjutrack.core.atomic import write_json, write_whole

#: so high an energy that the beam is damped in some hundred turns
ELECTRON = pj.Reference.from_total("electron", 6e9)
KNOBS = ["qf.k1", "qd.k1", "c.k1"]
CELLS = 8
SPEED = ELECTRON.beta * 299_792_458.0


def ring():
    """Eight cells of two bends, and a cavity."""
    cell = [
        pj.Quadrupole(0.3, 1.8, name="qf"),
        pj.Drift(0.6),
        pj.SBend(1.5, math.pi / CELLS, name="b", model="linear"),
        pj.Drift(0.5),
        pj.Quadrupole(0.2, -1.5, name="qd"),
        pj.Drift(0.5),
        pj.SBend(1.5, math.pi / CELLS, k1=-0.05, name="c", model="linear"),
        pj.Drift(0.6),
    ]
    length = CELLS * sum(float(e.length) for e in cell)
    gap = pj.RFCavity(voltage=6e7, frequency=20 * SPEED / length, phase=math.pi, name="rf")
    return pj.Lattice([*cell * CELLS, gap])


def emittance(lattice):
    """The horizontal emittance of the equilibrium [m rad], a tensor."""
    return pj.optics.equilibrium(lattice, ELECTRON).emittances[0]


def slopes(lattice):
    """The emittance, and its slopes by KNOBS, exact."""
    strengths = [
        torch.tensor(lattice.value(k), dtype=torch.float64, requires_grad=True) for k in KNOBS
    ]
    value = emittance(lattice.with_values(dict(zip(KNOBS, strengths, strict=True))))
    found = torch.autograd.grad(value, strengths)
    return float(value.detach()), [float(g) for g in found]


def differences(lattice, step=1e-4):
    """The slopes by rings that are built anew."""
    found = []
    for knob in KNOBS:
        at = lattice.value(knob)
        ends = [float(emittance(lattice.with_values({knob: at + d}))) for d in (step, -step)]
        found.append((ends[0] - ends[1]) / (2 * step))
    return found


def grow(lattice, expected, particles, times, seed=1):
    """Track a bunch that starts as a point, with photons, for some damping times of x.

    Returns:
        Turns, emittances in x of the tracked covariance [m rad], and energy spreads.
    """
    every = max(1, int(float(expected.damping_times[0]) * SPEED / lattice.length / 10))
    beam = pj.Beam(ELECTRON, expected.orbit[:1].detach().expand(particles, 6).clone())
    rows = [(0, 0.0, 0.0)]
    for n in range(int(10 * times)):
        # each call counts turns from 0: another seed has other photons
        effects = [Radiation("quantum", seed=seed + n, bend_slices=6, magnet_slices=1)]
        beam = pj.track(lattice, beam, effects=effects, turns=every)
        covariance = np.cov(beam.coordinates.numpy().T)
        rows.append(((n + 1) * every, invariant(covariance), covariance[5, 5] ** 0.5))
    return [np.array(column) for column in zip(*rows, strict=True)]


def invariant(covariance):
    """The emittance of the mode next to x: what does not change along the ring [m rad]."""
    form = np.kron(np.eye(3), [[0, 1], [-1, 0]])
    return float(np.sort(np.linalg.eigvals(covariance @ form).imag)[-2])


def scan(lattice, span=0.04, points=7):
    """The emittance by qf.k1, with its slope at each."""
    at = lattice.value("qf.k1")
    rows = []
    for k1 in np.linspace(at * (1 - span), at * (1 + span), points):
        value, found = slopes(lattice.with_values({"qf.k1": float(k1)}))
        rows.append((float(k1), value, found[0]))
    return rows


def draw(grown, expected, rows, path):
    """Emittance and energy spread by turns, and the emittance by a quadrupole."""
    fig, (first, second, third) = plotting.figure(3, width=4.3, height=3.8)
    turns, emittances, spreads = grown
    sides = [
        (first, 1e6 * emittances, 1e6 * float(expected.emittances[0]), "emittance in x [µm rad]"),
        (second, 1e3 * spreads, 1e3 * float(expected.energy_spread), "energy spread [0.001]"),
    ]
    for ax, tracked, limit, label in sides:
        ax.plot(turns, tracked, color="C0", label="tracked with photons")
        ax.axhline(limit, color="C3", linestyle="--", label="envelope")
        ax.set(xlabel="turn", ylabel=label, ylim=(0, 1.25 * limit))
        ax.legend(frameon=False, loc="lower right")
    k1, values = np.array(rows)[:, :2].T
    third.plot(k1, 1e6 * values, "o", color="C0", label="envelope")
    step = 0.35 * (k1[1] - k1[0])
    for n, (at, value, slope) in enumerate(rows):
        ends = np.array([-step, step])
        label = None if n else "its exact slope"
        third.plot(at + ends, 1e6 * (value + slope * ends), color="C3", label=label)
    third.set(xlabel="qf.k1 [1/m$^2$]", ylabel="emittance in x [µm rad]")
    third.legend(frameon=False)
    write_whole(path, lambda p: fig.savefig(p, dpi=130, format="png"))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--particles", type=int, default=1_000)
    parser.add_argument("--times", type=float, default=6.0, help="damping times to track")
    parser.add_argument("--out", type=Path, default=Path("results"))
    options = parser.parse_args(arguments)

    lattice = ring()
    expected = pj.optics.equilibrium(lattice, ELECTRON)
    grown = grow(lattice, expected, options.particles, options.times)
    late = grown[0] > grown[0][-1] / 2
    means = [float(column[late].mean()) for column in grown[1:]]
    print("                envelope   tracked")
    print(
        f"emittance in x  {1e6 * float(expected.emittances[0]):8.3f} {1e6 * means[0]:9.3f} µm rad"
    )
    print(
        f"energy spread   {1e3 * float(expected.energy_spread):8.4f} {1e3 * means[1]:9.4f} / 1000"
    )

    value, exact = slopes(lattice)
    rebuilt = differences(lattice)
    for knob, slope, other in zip(KNOBS, exact, rebuilt, strict=True):
        print(
            f"d emittance / d {knob:6} {1e6 * slope:+9.3f} µm rad m^2, apart from rebuilt rings: "
            f"{abs(slope / other - 1):.0e}"
        )
    write_json(
        options.out / "electron_ring.json",
        {
            "emittance": {"envelope": value, "tracked": means[0]},
            "energy_spread": {"envelope": float(expected.energy_spread), "tracked": means[1]},
            "slopes": dict(zip(KNOBS, exact, strict=True)),
            "differences": dict(zip(KNOBS, rebuilt, strict=True)),
        },
    )
    draw(grown, expected, scan(lattice), options.out / "electron_ring.png")
    print(f"wrote {options.out / 'electron_ring.png'}")


if __name__ == "__main__":
    main()

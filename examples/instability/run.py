"""The growth rate of mode coupling, and its slope by the impedance.

    python examples/instability/run.py --out results

Prints growth rates and their slopes, beside differences of runs with another impedance; writes
instability.json and instability.png.
"""

import argparse
import math
from pathlib import Path

import numpy as np
import torch

import pyjutrack as pj
from pyjutrack import plotting
from pyjutrack.collective import Resonator, Wake
from pyjutrack.core.atomic import write_json, write_whole
from pyjutrack.diagnostics import track_turns

PROTON = pj.Reference.from_kinetic("proton", 25e9)
#: of the smooth ring: beta [m], tunes, rms length [m] and energy spread of the bunch
BETA, TUNES, SIGMA_Z, SIGMA_DELTA = 30.0, (0.28, 0.31, 0.02), 0.2, 1e-3
FREQUENCY = 5e8  # Hz
#: of the broad-band resonator [ohm/m]: below, near and above the threshold
SHUNTS = (6e6, 9e6, 1.2e7)


def ring():
    """One turn as a matrix, and the place of the impedance."""

    def rotation(tune, scale):
        c, s = math.cos(2 * math.pi * tune), math.sin(2 * math.pi * tune)
        return [[c, s * scale], [-s / scale, c]]

    turn = np.zeros((6, 6))
    for plane, (tune, scale) in enumerate(
        zip(TUNES, (BETA, BETA, SIGMA_Z / SIGMA_DELTA), strict=True)
    ):
        rows = slice(2 * plane, 2 * plane + 2)
        turn[rows, rows] = rotation(tune, scale)
    return pj.Lattice([pj.TaylorMap(turn), pj.Marker(name="impedance")])


def bunch(particles):
    """A quiet bunch without transverse size, a little off the axis."""
    optics = pj.optics.Twiss(beta_x=BETA, alpha_x=0.0, beta_y=BETA, alpha_y=0.0)
    beam = pj.distributions.gaussian(
        PROTON,
        particles,
        twiss=optics,
        emittance=(0.0, 0.0),
        charge=5e-8,
        sigma_z=SIGMA_Z,
        sigma_delta=SIGMA_DELTA,
        longitudinal="parabolic",
        quiet=True,
    )
    return beam.replace(coordinates=beam.coordinates + 1e-9 * torch.eye(6)[0])


def wake(shunt, frequency=FREQUENCY):
    return Wake(Resonator(frequency, shunt, 1.0), "impedance", "dipole x", cells=64)


def square(beam):
    """Mean square of the amplitudes of the particles [m^2]."""
    return (beam.coordinate("x") ** 2 + (BETA * beam.coordinate("px")) ** 2).mean()


def growth(final, initial):
    """Logarithm of the growth of the amplitude."""
    return (square(final) / square(initial)).log() / 2


def rate_and_slopes(shunt, beam, turns):
    """The growth rate a turn, and its slopes by the shunt impedance and by its frequency."""
    wrt = ["effects[0].function.shunt", "effects[0].function.frequency"]
    value, slopes = pj.value_and_gradient(
        growth, ring(), beam, effects=[wake(shunt)], turns=turns, mode="forward", wrt=wrt
    )
    return float(value) / turns, [float(s) / turns for s in slopes]


def slopes_by_differences(shunt, beam, turns, part=1e-4):
    """The same slopes by runs with another impedance."""

    def rate(**numbers):
        effects = [wake(**{"shunt": shunt, "frequency": FREQUENCY, **numbers})]
        return float(growth(pj.track(ring(), beam, effects=effects, turns=turns), beam)) / turns

    found = {}
    for name, number in (("shunt", shunt), ("frequency", FREQUENCY)):
        ends = [rate(**{name: number * (1 + sign * part)}) for sign in (1, -1)]
        found[name] = (ends[0] - ends[1]) / (2 * part * number)
    return found


def amplitudes(shunt, beam, turns):
    """The rms amplitude in each turn, in units of the first."""
    found = track_turns(ring(), beam, {"square": square}, turns=turns, effects=[wake(shunt)])
    squares = found["square"].numpy()
    return np.sqrt(squares / squares[0])


def scan(beam, turns, points=9):
    """Growth rates, and their slopes by the shunt impedance."""
    return [(r, *rate_and_slopes(r, beam, turns)) for r in np.linspace(1e6, SHUNTS[-1], points)]


def draw(histories, rows, path):
    """Amplitudes by turns, and growth rates by the impedance."""
    fig, (first, second) = plotting.figure(2, width=4.6, height=3.8)
    for n, (shunt, amplitude) in enumerate(histories.items()):
        first.semilogy(amplitude, color=f"C{n}", label=f"{1e-6 * shunt:g} MΩ/m")
    first.set(xlabel="turn", ylabel="rms amplitude / the first")
    first.legend(frameon=False, title="shunt impedance")
    shunts, rates, slopes = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    second.plot(1e-6 * shunts, 1e3 * rates, "o", color="C0", label="tracked")
    step = 0.35 * (shunts[1] - shunts[0])
    for n, (at, rate, slope) in enumerate(zip(shunts, rates, slopes, strict=True)):
        ends = np.array([-step, step])
        label = None if n else "its exact slope"
        second.plot(1e-6 * (at + ends), 1e3 * (rate + slope * ends), color="C3", label=label)
    second.set(xlabel="shunt impedance [MΩ/m]", ylabel="growth rate [0.001 / turn]")
    second.legend(frameon=False)
    write_whole(path, lambda p: fig.savefig(p, dpi=130, format="png"))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--particles", type=int, default=300)
    parser.add_argument("--turns", type=int, default=400)
    parser.add_argument("--out", type=Path, default=Path("results"))
    options = parser.parse_args(arguments)

    beam, turns = bunch(options.particles), options.turns
    rows = scan(beam, turns)
    shunt, rate, (by_shunt, by_frequency) = rows[-1]
    print(f"{1e-6 * shunt:.0f} MΩ/m: e-folds in {1 / rate:.1f} turns")
    differences = slopes_by_differences(shunt, beam, turns)
    numbers = {"shunt": shunt, "frequency": FREQUENCY}
    for (name, number), slope in zip(numbers.items(), (by_shunt, by_frequency), strict=True):
        print(
            f"1 % more {name}: {0.01 * slope * number / rate:+.2%} of the rate; apart from runs "
            f"with another: {abs(slope / differences[name] - 1):.0e}"
        )
    write_json(
        options.out / "instability.json",
        {
            "shunt": [float(r[0]) for r in rows],
            "rate": [r[1] for r in rows],
            "slopes": [r[2] for r in rows],
            "differences": differences,
        },
    )
    histories = {r: amplitudes(r, beam, turns) for r in SHUNTS}
    draw(histories, [(r, v, s[0]) for r, v, s in rows], options.out / "instability.png")
    print(f"wrote {options.out / 'instability.png'}")


if __name__ == "__main__":
    main()

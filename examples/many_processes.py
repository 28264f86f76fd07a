"""A beam on as many processes as there are: the same numbers, digit by digit.

    python examples/many_processes.py
    mpirun -n 2 python examples/many_processes.py
    torchrun --standalone --nproc-per-node 2 examples/many_processes.py

Prints the emittance growth of the paper's cell, its gradient, and the tunes of a test particle.
Takes some seconds.
"""

import argparse

import pyjutrack as pj
from pyjutrack.cli.paper import fodo

KNOBS = ["d1.length", "q1.k1", "q2.k1", "beam.current"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--particles", type=int, default=100_000)
    options = parser.parse_args()

    proton = pj.Reference.from_kinetic("proton", 1e9)
    cell = fodo.cell()
    kick = pj.SpaceCharge(max_step={"Drift": 0.05, "Quadrupole": 0.025})
    with pj.distributed.job() as world:
        beam = pj.distributions.gaussian(
            proton,
            options.particles,
            twiss=pj.twiss(cell, proton),
            normalized_emittance=(1e-6, 1e-6),
            current=200.0,
            seed=1,
            world=world,
        )
        growth, slopes = pj.value_and_gradient(
            pj.observables.emittance_growth("x"), cell, beam, wrt=KNOBS, effects=[kick]
        )
        tunes = pj.tunes(pj.jacobian(cell, beam, effects=[kick]))
        if world.rank == 0:
            print(f"emittance growth {growth:.9f}")
            for knob, slope in zip(KNOBS, slopes, strict=True):
                print(f"  by {knob:13} {slope:+.9e}")
            print(f"tunes {tunes[0]:.9f} {tunes[1]:.9f}")


if __name__ == "__main__":
    main()

"""Symplecticity of the map of a beam on itself, with the solver and with each network.

    python examples/symplecticity.py

A kick in a given field is symplectic whatever the network says. That the field moves with the beam
asks for more: the response of the potential to the density has to be symmetric.
Takes half a minute.
"""

import argparse
import dataclasses

import torch

import pyjutrack as pj
from pyjutrack.cli.paper import fodo


def departure(potential, particles=20, current=200.0):
    """Largest entry of M^T S M - S, M the Jacobian by all (x, px, y, py) of all particles.

    Particles move through one quadrupole and one drift of the paper's cell, four kicks in all.
    """
    beam = fodo.beam(particles, seed=1, current=current)
    if isinstance(potential, pj.Surrogate):
        potential = potential.replace(outside="ignore")  # it was trained on far more particles
    lattice = pj.Lattice([pj.Quadrupole(0.1, k1=29.6), pj.Drift(0.1)])
    effects = [dataclasses.replace(fodo.space_charge(potential), max_step=0.05)]

    def tracked(plane):
        coordinates = torch.cat([plane.reshape(particles, 4), beam.coordinates[:, 4:]], 1)
        moved = beam.replace(coordinates=coordinates)
        return pj.track(lattice, moved, effects=effects).coordinates[:, :4].flatten()

    matrix = torch.func.jacfwd(tracked)(beam.coordinates[:, :4].flatten())
    pair = torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=torch.float64)
    form = torch.block_diag(*[pair] * (2 * particles))
    return float((matrix.T @ form @ matrix - form).abs().max())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--particles", type=int, default=20)
    options = parser.parse_args()
    print(f"{options.particles} particles at 200 A, four kicks: largest entry of M^T S M - S")
    print(f"{'spectral solver':>20}: {departure(fodo.solver(), options.particles):.1e}")
    for name in pj.surrogate.list_pretrained():
        found = departure(pj.Surrogate.load(name), options.particles)
        print(f"{name + ' U-Net':>20}: {found:.1e}")


if __name__ == "__main__":
    main()

"""A torch optimiser over knobs: tensors stand wherever floats do, so any of PyTorch's loops goes.

    python examples/torch_optim.py

Two quadrupoles of a FODO cell make a round, small beam at its end, in the beam's own space charge.
Takes a quarter of a minute.
"""

import argparse

import torch

import pyjutrack as pj
from pyjutrack.cli.paper import fodo

KNOBS = ("q1.k1", "q2.k1")


def spot(beam):
    """rms sizes in x and y at the end, in mm, squared and summed."""
    sizes = 1e3 * pj.moments.sizes(beam)
    return sizes[0] ** 2 + sizes[2] ** 2


def optimise(beam, effects, steps, rate=1.0):
    """Strengths [1/m^2] after the steps of Adam, and the figure at each."""
    cell = fodo.cell()
    strengths = torch.tensor([float(cell.value(k)) for k in KNOBS], dtype=torch.float64)
    strengths.requires_grad_()
    optimiser = torch.optim.Adam([strengths], lr=rate)
    history = []
    for _ in range(steps):
        optimiser.zero_grad()
        knobbed = cell.with_values(dict(zip(KNOBS, strengths, strict=True)))
        loss = spot(pj.track(knobbed, beam, effects=effects))
        loss.backward()
        optimiser.step()
        history.append(float(loss.detach()))
    return strengths.detach(), history


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--particles", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=60)
    options = parser.parse_args(arguments)
    beam = fodo.beam(options.particles, seed=1)
    effects = [fodo.space_charge(fodo.solver())]
    strengths, history = optimise(beam, effects, options.steps)
    for step in range(0, options.steps, 10):
        print(f"step {step:3}: {history[step]:.4f} mm^2")
    found = ", ".join(
        f"{name} = {value:.2f}" for name, value in zip(KNOBS, strengths.tolist(), strict=True)
    )
    print(f"at the end: {history[-1]:.4f} mm^2 with {found} 1/m^2")


if __name__ == "__main__":
    main()

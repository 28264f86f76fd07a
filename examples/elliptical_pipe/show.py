"""An off-centre beam in the elliptical pipe: solver, network, and what simpler walls would say.

    python examples/elliptical_pipe/show.py

Prints errors, times and gradients, and draws field.png.
"""

from __future__ import annotations

import argparse
import timeit
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.colors import LogNorm
from matplotlib.patches import Ellipse
from solver import EllipticalPipe
from torch import Tensor
from train import recipe

import pyjutrack as pj
from pyjutrack import plotting
from pyjutrack.cli.paper import fodo
from pyjutrack.collective import Potential, density, field_error, interpolate, own_field
from pyjutrack.core.atomic import write_whole
from pyjutrack.surrogate.training.held_out import held_out_errors

HERE = Path(__file__).parent
#: of the beam from the axis of the pipe [m]
OFFSET = (1.8e-3, 0.9e-3)


def off_centre(particles: int) -> pj.Beam:
    """The paper's beam, beside the axis."""
    beam = fodo.beam(particles, seed=1)
    shift = torch.zeros(6, dtype=torch.float64)
    shift[[0, 2]] = torch.tensor(OFFSET, dtype=torch.float64)
    return beam.replace(coordinates=beam.coordinates + shift)


def positions(beam: pj.Beam) -> tuple[Tensor, Tensor]:
    return beam.coordinate("x"), beam.coordinate("y")


def field_at(potential: Potential, beam: pj.Beam, x: Tensor, y: Tensor) -> list[Tensor]:
    """H, dH/dx and dH/dy of a beam at any positions."""
    h = potential.solve(density(potential.mesh, *positions(beam)))
    everywhere = torch.ones_like(x, dtype=torch.bool)
    return list(interpolate(potential.mesh, x, y, everywhere, h))


def print_held_out(pipe: EllipticalPipe, network: pj.Surrogate, count: int) -> None:
    unguarded = network.replace(outside="ignore")
    errors, _ = held_out_errors(unguarded, pipe, recipe(pipe).beams, count)
    print(f"\nfield error of the network against its teacher on {count} beams it never saw:")
    print(f"  mean {errors.mean():.2%}, worst {errors.max():.2%}")


def print_walls(models: dict[str, Potential], pipe: EllipticalPipe, beam: pj.Beam) -> None:
    """Field, and force on the beam as a whole, which is all from the images in the wall."""
    reference = own_field(pipe, *positions(beam))
    print(f"\na beam at {OFFSET} m, against the finite differences in the pipe:")
    print(f"  {'':22}{'field error':>14}{'mean dH/dx':>14}{'mean dH/dy [1/m]':>18}")
    for name, potential in models.items():
        field = own_field(potential, *positions(beam))
        mean = [float(f.mean()) for f in field]
        error = field_error(field, reference)
        print(f"  {name:22}{error:14.2%}{mean[0]:14.3f}{mean[1]:18.3f}")


def print_times(models: dict[str, Potential], beam: pj.Beam) -> None:
    torch.set_num_threads(1)  # as tracking does: its own threads are for the particles
    print("\none solve on one core, the best of 20:")
    for name, potential in models.items():
        solve = partial(potential.solve, density(potential.mesh, *positions(beam)))
        solve()  # factorises
        times = timeit.repeat(solve, number=1, repeat=20)
        print(f"  {name:22}{min(times) * 1e3:8.1f} ms")


def print_gradients(models: dict[str, Potential], beam: pj.Beam) -> None:
    """Print how current and a quadrupole move the beam, through 24 kicks of the paper's cell."""
    knobs = ["beam.current", "q1.k1"]
    print("\nd(mean x)/d(current) [m/A] and d(mean x)/d(k1) [m^3] after one cell:")
    for name, potential in models.items():
        effects = [fodo.space_charge(potential)]
        for mode in ("reverse", "forward", "fd"):
            slope = pj.gradient(
                pj.observables.centroid("x"),
                fodo.cell(),
                beam,
                effects=effects,
                wrt=knobs,
                mode=mode,
            )
            print(f"  {name:22}{mode:>10}{slope[0]:16.8e}{slope[1]:16.8e}")


def draw(pipe: EllipticalPipe, others: dict[str, Potential], beam: pj.Beam, path: Path) -> None:
    """H in the pipe, and how far off the fields of the others are."""
    nodes = [torch.from_numpy(pipe.mesh.grid.nodes(axis)) for axis in (0, 1)]
    x, y = torch.meshgrid(*nodes, indexing="ij")
    within = pipe.contains(x, y)
    h, *reference = field_at(pipe, beam, x[within], y[within])
    largest = torch.hypot(*reference).max()

    fig, axes = plotting.figure(1 + len(others), width=4.4, height=4.2)
    edges = [1e3 * side / 2 for side in pipe.size]

    def show(ax: Any, values: Tensor, title: str, label: str, **options: Any) -> None:
        full = np.full(x.shape, np.nan)
        full[within.numpy()] = values.numpy()
        extent = (-edges[0], edges[0], -edges[1], edges[1])
        image = ax.imshow(full.T, origin="lower", extent=extent, **options)
        fig.colorbar(image, ax=ax, label=label, location="bottom")
        width, height = (2e3 * a for a in pipe.semi_axes)
        ax.add_patch(Ellipse((0, 0), width, height, fill=False, linewidth=1.2))
        ax.set(title=title, xlabel="x [mm]", ylabel="y [mm]")
        ax.set(xlim=(-0.55 * width, 0.55 * width), ylim=(-0.55 * height, 0.55 * height))

    show(axes[0], h, "H, by finite differences", "H")
    scale = LogNorm(1e-2, 10)
    for ax, (name, potential) in zip(axes[1:], others.items(), strict=True):
        _, *field = field_at(potential, beam, x[within], y[within])
        off = torch.hypot(*(a - b for a, b in zip(field, reference, strict=True))) / largest
        percent = (100 * off).clamp(min=1e-2)
        show(
            ax, percent, f"error of the field: {name}", "% of the largest", norm=scale, cmap="magma"
        )
    write_whole(path, lambda p: fig.savefig(p, dpi=130, format="png"))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", type=Path, default=HERE / "elliptical_pipe.safetensors")
    parser.add_argument("--particles", type=int, default=20_000)
    parser.add_argument("--held-out", type=int, default=50, help="beams to compare on")
    parser.add_argument("--out", type=Path, default=Path("results/field.png"))
    options = parser.parse_args(arguments)

    pipe, network = EllipticalPipe(), pj.Surrogate.load(options.network)
    a, b = pipe.semi_axes
    rectangle = pj.SpectralPoisson(size=(2 * a, 2 * b), shape=(128, 80))
    far_away = pj.SpectralPoisson(size=(0.2, 0.2), shape=(1280, 1280))
    beam = off_centre(options.particles)
    ours: dict[str, Potential] = {"finite differences": pipe, "network": network}
    walls = {**ours, "rectangle around it": rectangle, "walls far away": far_away}

    print_held_out(pipe, network, options.held_out)
    print_walls(walls, pipe, beam)
    single = {"network, float32": network.to(torch.float32)}
    print_times({**ours, **single, "rectangle, spectral": rectangle}, beam)
    print_gradients(ours, beam)
    draw(pipe, {"network": network, "rectangle around it": rectangle}, beam, options.out)
    print(f"\nwrote {options.out}")


if __name__ == "__main__":
    main()

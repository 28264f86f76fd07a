"""`pyjutrack track`: a beam through a lattice."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..core.errors import InvalidValueError
from . import machine
from .arguments import positive


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    machine.add(parser)
    parser.add_argument("--turns", type=positive, default=1, help="how often to pass the lattice")
    parser.add_argument("--beam", type=Path, help="openPMD file of the beam to track; or")
    parser.add_argument("--particles", type=positive, default=1000, help="of a matched Gaussian,")
    parser.add_argument(
        "--emittance", type=float, nargs=2, default=(1e-9, 1e-9), help="its rms ones [m rad],"
    )
    parser.add_argument("--sigma-z", type=float, default=0.0, help="its length [m]")
    parser.add_argument("--sigma-delta", type=float, default=0.0, help="and momentum spread")
    parser.add_argument("--seed", type=int, default=1, help="of its particles")
    parser.add_argument("--save", type=Path, help="openPMD file for the beam at the end")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Track, print the beam at the end, draw it."""
    import numpy as np

    from ..core.atomic import write_whole
    from ..io import read_beam, write_beam
    from ..plotting import figure, plot_losses, plot_phase_space
    from ..tracking.loss_map import loss_map

    found, reference, out = machine.read(options)
    beam = read_beam(options.beam) if options.beam else _match(found.lattice, reference, options)
    if beam.reference.species != reference.species:
        raise InvalidValueError(
            f"the beam is of {beam.reference.species.name}s, the lattice for "
            f"{reference.species.name}s"
        )
    losses = loss_map(found.lattice, beam, turns=options.turns)
    end = losses.beam
    print(f"{found.lattice!r}, {options.turns} turns\nstart: {beam!r}\nend:   {end!r}")
    _print(beam, end)
    if options.save:
        write_beam(options.save, end)
        print(f"wrote {options.save}")
    planes = "xy" if bool(end.alive.any()) else ""
    fig, axes = figure(len(planes) + 1, width=4.2, height=3.6)
    panels = np.ravel(axes)
    for ax, plane in zip(panels[:-1], planes, strict=True):
        plot_phase_space(ax, end, plane)
    plot_losses(panels[-1], losses)
    write_whole(out / "track.png", lambda path: fig.savefig(path, dpi=150))
    print(f"wrote {out / 'track.png'}")
    return 0


def _match(lattice, reference, options):  # type: ignore[no-untyped-def]
    from ..optics import distributions, twiss_table

    return distributions.gaussian(
        reference,
        options.particles,
        twiss=twiss_table(lattice, reference)[0],
        emittance=tuple(options.emittance),
        sigma_z=options.sigma_z,
        sigma_delta=options.sigma_delta,
        seed=options.seed,
    )


def _print(beam, end):  # type: ignore[no-untyped-def]
    from ..beam.beam import COORDINATES
    from ..beam.moments import centroid, sizes

    print(f"{'':6} {'mean':>14} {'rms':>14} {'mean':>14} {'rms':>14}")
    columns = [centroid(beam), sizes(beam)]
    columns += [centroid(end), sizes(end)] if bool(end.alive.any()) else []
    for i, name in enumerate(COORDINATES):
        print(f"{name:6} " + " ".join(f"{float(c[i]):14.6g}" for c in columns))

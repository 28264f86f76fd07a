"""`pyjutrack track`: a beam through a machine."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import InvalidValueError
from . import machine
from .arguments import positive
from .showing import add_json, progress, show

if TYPE_CHECKING:
    from ..beam.beam import Beam
    from ..beam.reference import Reference
    from ..collective import CollectiveEffect
    from ..lattice.lattice import Lattice

EXAMPLES = (
    "ring.mat --turns 100 --emittance 1e-9 1e-11 --sigma-delta 1e-3",
    "cell.madx --current 10 --space-charge 0.05 0.05 --step 0.1 --particles 50000",
    "line.seq --start 10 0 5 0 --save end.h5",
    "ring.json --beam start.h5 --json",
)


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    machine.add(parser)
    parser.add_argument(
        "--turns", type=positive, default=1, help="number of turns, %(default)s by default"
    )
    parser.add_argument(
        "--save", type=Path, metavar="FILE", help="write the beam at the end to an openPMD file"
    )
    add_json(parser)
    _add_beam(parser.add_argument_group("beam"))
    machine.add_start(parser)
    field = parser.add_argument_group("space charge of a coasting beam")
    field.add_argument(
        "--space-charge",
        type=float,
        nargs=2,
        metavar=("WIDTH", "HEIGHT"),
        help="add space charge, in a conducting box of this width and height [m] about the axis",
    )
    field.add_argument(
        "--cells", type=positive, nargs=2, default=(128, 128), metavar=("NX", "NY"),
        help="cells of the box, 128 128 by default",
    )  # fmt: skip
    field.add_argument(
        "--step",
        type=float,
        default=0.05,
        help="longest distance between kicks [m], %(default)s by default",
    )
    parser.set_defaults(run=run)


def _add_beam(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--beam",
        type=Path,
        metavar="FILE",
        help="read the beam from an openPMD file; else one is made",
    )
    group.add_argument(
        "--particles",
        type=positive,
        default=1000,
        help="macroparticles of a Gaussian beam that is matched to the optics, 1000 by default",
    )
    group.add_argument(
        "--emittance",
        type=float,
        nargs=2,
        default=(1e-9, 1e-9),
        metavar=("EX", "EY"),
        help="geometric rms emittances [m rad], 1e-9 1e-9 by default",
    )
    group.add_argument("--sigma-z", type=float, default=0.0, help="rms of z [m], 0 by default")
    group.add_argument("--sigma-delta", type=float, default=0.0, help="rms of delta, 0 by default")
    group.add_argument("--current", type=float, help="current of a coasting beam [A]")
    group.add_argument("--seed", type=int, default=1, help="seed of the particles, 1 by default")


def run(options: argparse.Namespace) -> int:
    """Track, print the beam at the end, draw it."""
    from ..io import write_beam
    from ..tracking.loss_map import loss_map

    found, reference, out = machine.read(options)
    lattice = found.lattice
    effects = _effects(options)
    with progress(options, "making the beam"):
        beam = _read(options, reference) if options.beam else _match(lattice, reference, options)
    turns = "1 turn" if options.turns == 1 else f"{options.turns} turns"
    with progress(options, f"tracking {len(beam)} particles for {turns}"):
        losses = loss_map(lattice, beam, effects=effects, turns=options.turns)
    end = losses.beam
    if options.save:
        write_beam(options.save, end)
    picture = out / "track.png"
    _draw(picture, losses)
    record = {
        "turns": options.turns,
        "particles": len(beam),
        "lost": end.lost - beam.lost,
        "start": _figures(beam),
        "end": _figures(end),
        "picture": str(picture),
        "beam": options.save and str(options.save),
    }
    rows = [f"{lattice!r}, {turns}", f"start: {beam!r}", f"end:   {end!r}"]
    rows += _text(record)
    rows += [f"wrote {file}" for file in (options.save, picture) if file]
    show(options, record, "\n".join(rows))
    return 0


def _read(options: argparse.Namespace, reference: Reference) -> Beam:
    from ..io import read_beam

    if options.current is not None:
        raise InvalidValueError(
            "--current is for a beam that is made here; the one of --beam has its own"
        )
    beam = read_beam(options.beam)
    if beam.reference.species != reference.species:
        raise InvalidValueError(
            f"the beam is of {beam.reference.species.name}s, the lattice for "
            f"{reference.species.name}s"
        )
    return beam


def _match(lattice: Lattice, reference: Reference, options: argparse.Namespace) -> Beam:
    from ..optics import distributions, twiss_table

    start = machine.read_start(options)
    return distributions.gaussian(
        reference,
        options.particles,
        twiss=start or twiss_table(lattice, reference)[0],
        emittance=tuple(options.emittance),
        sigma_z=options.sigma_z,
        sigma_delta=options.sigma_delta,
        **({} if options.current is None else {"current": options.current}),
        seed=options.seed,
    )


def _effects(options: argparse.Namespace) -> list[CollectiveEffect]:
    from ..collective import SpaceCharge, SpectralPoisson

    if options.space_charge is None:
        return []
    if options.current is None and options.beam is None:
        raise InvalidValueError("--space-charge goes with --current, or with --beam")
    solver = SpectralPoisson(size=tuple(options.space_charge), shape=tuple(options.cells))
    return [SpaceCharge(solver, max_step=options.step)]


def _draw(path: Path, losses: Any) -> None:
    import numpy as np

    from ..core.atomic import write_whole
    from ..plotting import figure, plot_losses, plot_phase_space

    beam, lost = losses.beam, bool(losses.counts.any())
    planes = ""
    if bool(beam.alive.any()):
        kept = beam.coordinates[beam.alive]
        planes = "xyz" if bool((kept[:, 4:] != kept[0, 4:]).any()) else "xy"
    fig, axes = figure(max(1, len(planes) + lost), width=4.2, height=3.6)
    panels = np.ravel(axes)
    for ax, plane in zip(panels, planes, strict=False):
        plot_phase_space(ax, beam, plane, ellipse=True)
    if lost or not planes:
        plot_losses(panels[-1], losses)
    write_whole(path, lambda file: fig.savefig(file, dpi=150))


def _figures(beam: Beam) -> dict[str, dict[str, float]] | None:
    """Mean and rms of each coordinate; None if no particle is left."""
    from ..beam.beam import COORDINATES
    from ..beam.moments import centroid, sizes

    if not bool(beam.alive.any()):
        return None
    both = zip(COORDINATES, centroid(beam), sizes(beam), strict=True)
    return {name: {"mean": float(mean), "rms": float(rms)} for name, mean, rms in both}


def _text(record: dict[str, Any]) -> list[str]:
    tables = [record[when] for when in ("start", "end") if record[when]]
    rows = [" ".join([" " * 6, *[f"{'mean':>14} {'rms':>14}"] * len(tables)])]
    for name in tables[0] if tables else ():
        numbers = [f"{each[name]['mean']:14.6g} {each[name]['rms']:14.6g}" for each in tables]
        rows.append(" ".join([f"{name:6}", *numbers]))
    return rows

"""`pyjutrack twiss`: optics of a ring."""

from __future__ import annotations

import argparse

from . import machine


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    machine.add(parser)
    parser.add_argument("--delta", type=float, default=0.0, help="momentum deviation")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the figures of the ring, write the table and a picture."""
    from ..core.atomic import write_text, write_whole
    from ..optics import chromaticities, twiss_table
    from ..plotting import plot_optics, sheet

    found, reference, out = machine.read(options)
    lattice = found.lattice
    table = twiss_table(lattice, reference, delta=options.delta)
    chromatic = chromaticities(lattice, reference, delta=options.delta)
    print(f"{lattice!r}\n{reference.species.name}, p0c {reference.p0c:.9g} eV")
    for label, x, y in (
        ("tune", table.tune_x, table.tune_y),
        ("chromaticity", *chromatic),
        ("largest beta, at ends [m]", table.beta_x.max(), table.beta_y.max()),
        ("largest |dispersion| [m]", abs(table.dispersion_x).max(), abs(table.dispersion_y).max()),
    ):
        print(f"{label:26} {x:16.9g} {y:16.9g}")
    print(f"{'momentum compaction':26} {table.momentum_compaction:16.9g}")
    write_text(out / "twiss.csv", table.csv())
    picture = sheet()
    plot_optics(table, lattice, figure=picture)
    write_whole(out / "twiss.png", lambda path: picture.savefig(path, dpi=150))
    print(f"wrote {out / 'twiss.csv'} and {out / 'twiss.png'}")
    return 0

"""`pyjutrack twiss`: optics of a ring or a line."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from . import machine
from .showing import add_json, progress, show

if TYPE_CHECKING:
    from ..beam.reference import Reference
    from ..optics import TwissTable

EXAMPLES = (
    "ring.madx",
    "ring.mat --delta 0.001 --max-step 0.1 --json",
    "line.seq --start 10 0 5 0 --start-dispersion 0.1 0 0 0 --out optics",
)


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    machine.add(parser)
    parser.add_argument("--delta", type=float, default=0.0, help="momentum deviation, 0 by default")
    parser.add_argument(
        "--max-step",
        type=float,
        metavar="M",
        help="rows within elements too, no further apart [m]; of entrances alone by default",
    )
    add_json(parser)
    machine.add_start(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the figures of the machine, write the table and a picture."""
    from ..core.atomic import write_text, write_whole
    from ..optics import twiss_table
    from ..plotting import plot_optics, sheet

    found, reference, out = machine.read(options)
    lattice = found.lattice
    start = machine.read_start(options)
    with progress(options, f"optics of {len(lattice)} elements"):
        table = twiss_table(
            lattice,
            reference,
            delta=options.delta,
            initial=start,
            chromatic=True,
            max_step=options.max_step,
        )
    files = {"table": out / "twiss.csv", "picture": out / "twiss.png"}
    write_text(files["table"], table.csv())
    picture = sheet()
    plot_optics(table, lattice, figure=picture)
    write_whole(files["picture"], lambda path: picture.savefig(path, dpi=150))
    record = _record(table, reference) | {name: str(file) for name, file in files.items()}
    at = "at ends" if options.max_step is None else f"in steps of {options.max_step:g} m"
    rows = [repr(lattice), *_text(record, start is None, at)]
    show(options, record, "\n".join([*rows, f"wrote {files['table']} and {files['picture']}"]))
    return 0


def _record(table: TwissTable, reference: Reference) -> dict[str, Any]:
    return {
        "species": reference.species.name,
        "p0c": float(reference.p0c),
        "length": float(table.s[-1]),
        "tunes": [table.tune_x, table.tune_y],
        "chromaticities": [table.chromaticity_x, table.chromaticity_y],
        "largest_beta": [table.beta_x.max(), table.beta_y.max()],
        "largest_dispersion": [abs(table.dispersion_x).max(), abs(table.dispersion_y).max()],
        "end_beta": [table.beta_x[-1], table.beta_y[-1]],
        "end_alpha": [table.alpha_x[-1], table.alpha_y[-1]],
        "end_dispersion": [table.dispersion_x[-1], table.dispersion_y[-1]],
        "momentum_compaction": table.momentum_compaction,
    }


def _text(record: dict[str, Any], ring: bool, at: str) -> list[str]:
    rows = [("tune" if ring else "phase advance [2 pi]", "tunes")]
    rows += [("chromaticity", "chromaticities"), (f"largest beta, {at} [m]", "largest_beta")]
    rows += [("largest |dispersion| [m]", "largest_dispersion")]
    if not ring:
        rows += [("beta at the end [m]", "end_beta"), ("alpha at the end", "end_alpha")]
        rows += [("dispersion at the end [m]", "end_dispersion")]
    said = [f"{record['species']}, p0c {record['p0c']:.9g} eV"]
    width = max(26, *(len(label) for label, _ in rows))
    for label, key in rows:
        x, y = record[key]
        said.append(f"{label:{width}} {x:16.9g} {y:16.9g}")
    if ring:
        said.append(f"{'momentum compaction':{width}} {record['momentum_compaction']:16.9g}")
    return said

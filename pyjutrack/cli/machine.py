"""Arguments of all commands on lattice files: the file, its particle, notes, the output."""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

from ..beam.reference import Reference
from ..core.errors import InvalidValueError
from ..io import LatticeFile, read_lattice
from ..optics import Twiss
from .showing import progress

_DISPERSION = ("dispersion_x", "dispersion_px", "dispersion_y", "dispersion_py")


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments that say which machine, and where results go."""
    add_file(parser)
    parser.add_argument(
        "--out", type=Path, help="folder of the results; by default FILE without its suffix"
    )


def add_file(parser: argparse.ArgumentParser) -> None:
    """The arguments that say which machine."""
    parser.add_argument(
        "file", type=Path, help="lattice file; `pyjutrack formats` lists what is read"
    )
    parser.add_argument("--format", help="format of the file, if suffix and content do not show it")
    parser.add_argument("--line", help="line or sequence to read, if the file has several")
    parser.add_argument(
        "--strict", action="store_true", help="refuse a file with anything that is not modelled"
    )
    particle = parser.add_argument_group("reference particle, if the file names none")
    particle.add_argument("--species", help="species, such as proton or electron")
    energy = particle.add_mutually_exclusive_group()
    energy.add_argument("--kinetic", type=float, metavar="EV", help="kinetic energy [eV]")
    energy.add_argument("--total", type=float, metavar="EV", help="total energy [eV]")
    energy.add_argument("--p0c", type=float, metavar="EV", help="momentum times c [eV]")


def add_start(parser: argparse.ArgumentParser) -> None:
    """The arguments of the optics at the start of a line."""
    start = parser.add_argument_group("optics at the start, for a line that is no ring")
    start.add_argument(
        "--start",
        type=float,
        nargs=4,
        metavar=("BETX", "ALFX", "BETY", "ALFY"),
        help="beta [m] and alpha in x and in y; without them the machine is a ring",
    )
    start.add_argument(
        "--start-dispersion",
        type=float,
        nargs=4,
        metavar=("DX", "DPX", "DY", "DPY"),
        help="dispersion at the start [m, 1, m, 1]; zero by default",
    )


def read_start(options: argparse.Namespace) -> Twiss | None:
    """What the arguments of `add_start` say; None of a ring."""
    if options.start is None:
        if options.start_dispersion is not None:
            raise InvalidValueError("--start-dispersion goes with --start")
        return None
    dispersion = dict(zip(_DISPERSION, options.start_dispersion or (0.0,) * 4, strict=True))
    return Twiss(*options.start, **dispersion)


def read(options: argparse.Namespace) -> tuple[LatticeFile, Reference, Path]:
    """The lattice, its reference particle, and the folder to write to.

    What the file holds and pyjutrack lacks is listed on stderr.
    """
    found = read_file(options)
    show_notes(found)
    if found.reference is None:
        raise InvalidValueError(
            f"{options.file} names no particle; give --species with --kinetic, --total or --p0c"
        )
    return found, found.reference, options.out or Path(options.file.stem)


def read_file(options: argparse.Namespace) -> LatticeFile:
    """What the arguments of `add_file` say; notes are not shown."""
    return read_source(options, options.file, options.format, _reference(options))


def read_source(
    options: argparse.Namespace,
    source: Path | str,
    format: str | None,
    reference: Reference | None = None,
) -> LatticeFile:
    """A file of a lattice, of which it is told if it takes long; notes are not shown."""
    with progress(options, f"reading {source}"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the notes say the same, element by element
        return read_lattice(
            source,
            format=format,
            line=options.line,
            reference=reference,
            strict=options.strict or None,
        )


def show_notes(found: LatticeFile) -> None:
    """List what a file holds and pyjutrack lacks on stderr."""
    for note in found.notes:
        print(f"pyjutrack: {note}", file=sys.stderr)


def _reference(options: argparse.Namespace) -> Reference | None:
    ways = {
        "kinetic": Reference.from_kinetic,
        "total": Reference.from_total,
        "p0c": Reference.from_p0c,
    }
    chosen = {name: getattr(options, name) for name in ways if getattr(options, name) is not None}
    if not chosen and options.species is None:
        return None
    if not chosen or options.species is None:
        raise InvalidValueError("--species goes with --kinetic, --total or --p0c")
    ((name, energy),) = chosen.items()
    return ways[name](options.species, energy)

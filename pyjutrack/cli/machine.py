"""Arguments of all commands on lattice files: the file, its particle, notes, the output."""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

from ..beam.reference import Reference
from ..core.errors import InvalidValueError
from ..io import LatticeFile, read_lattice


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments that say which machine, and where results go."""
    add_file(parser)
    parser.add_argument("--out", type=Path, help="folder of the results; NAME of the file if left")


def add_file(parser: argparse.ArgumentParser) -> None:
    """The arguments that say which machine."""
    parser.add_argument("file", type=Path, help="lattice; `pyjutrack formats` lists what is read")
    parser.add_argument("--format", help="of the file, if its suffix and content do not show it")
    parser.add_argument("--line", help="which line of the file, if it holds several")
    parser.add_argument("--species", help="particle, if the file does not say it")
    energy = parser.add_mutually_exclusive_group()
    energy.add_argument("--kinetic", type=float, help="kinetic energy [eV]")
    energy.add_argument("--total", type=float, help="total energy [eV]")
    energy.add_argument("--p0c", type=float, help="momentum [eV]")
    parser.add_argument("--strict", action="store_true", help="refuse what cannot be represented")


def read(options: argparse.Namespace) -> tuple[LatticeFile, Reference, Path]:
    """The lattice, its reference particle, and the folder to write to.

    What the file holds and pyjutrack lacks is listed on stderr.
    """
    found = read_file(options)
    for note in found.notes:
        print(f"pyjutrack: {note}", file=sys.stderr)
    if found.reference is None:
        raise InvalidValueError(
            f"{options.file} names no particle; give --species with --kinetic, --total or --p0c"
        )
    return found, found.reference, options.out or Path(options.file.stem)


def read_file(options: argparse.Namespace) -> LatticeFile:
    """What the arguments of `add_file` say; notes are not shown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the notes say the same, element by element
        return read_lattice(
            options.file,
            format=options.format,
            line=options.line,
            reference=_reference(options),
            strict=options.strict or None,
        )


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

"""`pyjutrack convert`: lattices and networks between formats."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import machine
from .arguments import positive

EXAMPLES = (
    "ring.madx ring.json",
    "ring.seq ring.mat --line ring --strict",
    "linear linear.onnx",
    "theirs.onnx ours.safetensors --jutrack --size 0.02 0.02",
)


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", help="a lattice file, a network of the package, or a network's file in any format"
    )
    parser.add_argument(
        "out",
        type=Path,
        help="the lattice file to write, or NAME.safetensors, NAME.onnx or NAME.nnlib",
    )
    lattices = parser.add_argument_group("for lattices")
    lattices.add_argument("--line", help="line or sequence to read, if the file has several")
    lattices.add_argument(
        "--from", dest="origin", help="format of the source, if suffix and content do not show it"
    )
    lattices.add_argument("--to", help="format to write, if the suffix does not show it")
    lattices.add_argument("--strict", action="store_true", help="refuse what is not modelled")
    parser.add_argument(
        "--dtype",
        choices=("float32", "float64"),
        help="precision of an NNlib file; by default that of the network",
    )
    foreign = parser.add_argument_group("for ONNX files of other programs")
    standard = foreign.add_mutually_exclusive_group()
    standard.add_argument(
        "--jutrack", action="store_true", help="standardise and smooth as JuTrack's generator does"
    )
    standard.add_argument(
        "--standardise",
        type=float,
        nargs=4,
        metavar=("MEAN_IN", "STD_IN", "MEAN_OUT", "STD_OUT"),
        help="means and standard deviations of the maps that the network was trained on",
    )
    foreign.add_argument("--size", type=float, nargs=2, help="width and height of the box [m]")
    foreign.add_argument(
        "--shape", type=positive, nargs=2, help="cells in x and y, if the file leaves them open"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Convert a lattice where the result is one by its suffix or format, else a network."""
    from ..core.errors import InvalidValueError
    from ..io import lattice_formats

    formats = lattice_formats().values()
    suffixes = {s for format in formats for s in format.suffixes}
    if options.to or options.out.suffix.lower() in suffixes:
        return _convert_lattice(options)
    if options.origin or options.line or Path(options.source).suffix.lower() in suffixes:
        known = sorted({s for format in formats if format.write for s in format.suffixes})
        raise InvalidValueError(
            f"{options.source} is a lattice, and {options.out} has none of the suffixes that "
            f"lattices are written with, {', '.join(known)}; take one, or name a format by --to"
        )
    return _convert_network(options)


def _convert_lattice(options: argparse.Namespace) -> int:
    from ..core.errors import InvalidValueError
    from ..io import write_lattice

    if Path(options.source).resolve() == options.out.resolve():
        raise InvalidValueError(f"{options.out} would be written over itself; name another file")
    found = machine.read_source(options, options.source, options.origin)
    machine.show_notes(found)
    write_lattice(options.out, found.lattice, found.reference, format=options.to)
    print(f"wrote {options.out}: {found.lattice!r}")
    return 0


def _convert_network(options: argparse.Namespace) -> int:
    from ..interop import networks as conversion

    standardisation, smoothing = None, None
    if options.jutrack:
        standardisation, smoothing = conversion.JUTRACK, (2.0, 5)
    elif options.standardise:
        standardisation = conversion.Standardisation(*options.standardise)
    foreign = {
        "size": tuple(options.size) if options.size else None,
        "shape": tuple(options.shape) if options.shape else None,
        "standardisation": standardisation,
        "smoothing": smoothing,
    }
    surrogate = conversion.read(options.source, **foreign)
    conversion.write(surrogate, options.out, dtype=options.dtype)
    print(f"wrote {options.out}")
    return 0

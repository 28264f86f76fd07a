"""`pyjutrack convert`: networks between formats."""

from __future__ import annotations

import argparse
from pathlib import Path

from .arguments import positive


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", help="a network that ships, or a file in any of the formats")
    parser.add_argument("out", type=Path, help="NAME.safetensors, NAME.onnx or NAME.nnlib")
    parser.add_argument("--dtype", choices=("float32", "float64"), help="of NNlib arrays")
    foreign = parser.add_argument_group("for ONNX files of others")
    standard = foreign.add_mutually_exclusive_group()
    standard.add_argument(
        "--jutrack", action="store_true", help="standardised and smoothed as JuTrack's generator"
    )
    standard.add_argument(
        "--standardise",
        type=float,
        nargs=4,
        metavar=("MEAN_IN", "STD_IN", "MEAN_OUT", "STD_OUT"),
        help="of the maps that the network was trained on",
    )
    foreign.add_argument("--size", type=float, nargs=2, help="of the box [m]")
    foreign.add_argument(
        "--shape", type=positive, nargs=2, help="cells, if the file leaves them open"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
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

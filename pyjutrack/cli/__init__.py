"""The command line: a module for each command, with `add(parser)` and `run(options)`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from types import ModuleType

from ..core.errors import PyJuTrackError
from ..core.version import __version__
from . import convert, formats, info, julia, reproduce, track, train, twiss

COMMANDS: dict[str, tuple[str, ModuleType]] = {
    "reproduce": ("the paper's tables and figures beside the published numbers", reproduce),
    "info": ("what is read of a machine's file", info),
    "twiss": ("optics of a ring from a lattice file", twiss),
    "track": ("a beam through a lattice from a file", track),
    "formats": ("the formats of lattice files that are known", formats),
    "train": ("a network for the space charge", train),
    "convert": ("a lattice or a network to another format", convert),
    "julia": ("the julia engine: install it, or see what is there", julia),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="pyjutrack", description="Hybrid beam tracking with automatic differentiation."
    )
    parser.add_argument("--version", action="version", version=f"pyjutrack {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (summary, command) in COMMANDS.items():
        layout = argparse.ArgumentDefaultsHelpFormatter
        command.add(commands.add_parser(name, help=summary, formatter_class=layout))
    options = parser.parse_args(arguments)
    options.typed = sys.argv[1:] if arguments is None else list(arguments)
    try:
        status: int = options.run(options)
    except (PyJuTrackError, OSError) as error:
        print(f"pyjutrack: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("pyjutrack: interrupted", file=sys.stderr)
        return 130
    return status

"""The command line: a module for each command, with `EXAMPLES`, `add(parser)`, `run(options)`."""

from __future__ import annotations

import argparse
import logging
import sys
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from ..core.errors import PyJuTrackError
from ..core.version import __version__
from . import completion, convert, formats, info, julia, reproduce, track, train, twiss, warmup

COMMANDS: dict[str, tuple[str, ModuleType]] = {
    "reproduce": (
        "compute the paper's tables and figures beside the published ones",
        reproduce,
    ),
    "info": ("show what is read of a machine's file", info),
    "twiss": ("compute the optics of a ring, or of a line from those at its start", twiss),
    "track": ("track a beam through a machine, with space charge if asked for", track),
    "formats": ("list the formats of lattice files that are read and written", formats),
    "train": ("train a network to solve for space charge in a box", train),
    "convert": ("convert a lattice or a network to another format", convert),
    "julia": ("install the julia engine, or show what is installed", julia),
    "warmup": ("compile the kernels that most calls need, once for all", warmup),
    "completion": ("print a script that completes these commands in a shell", completion),
}

_STATUS = "exit status: 0 done; 1 failed, for the reason that one line on stderr gives; "
_STATUS += "2 wrong arguments; 130 interrupted"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    options = parser().parse_args(arguments)
    options.typed = sys.argv[1:] if arguments is None else list(arguments)
    logger = logging.getLogger("pyjutrack")
    level = logger.level
    if options.quiet:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _say
            status: int = options.run(options)
    except (PyJuTrackError, OSError) as error:
        if options.traceback:
            raise
        print(f"pyjutrack: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        if options.traceback:
            raise
        print("pyjutrack: interrupted", file=sys.stderr)
        return 130
    finally:
        logger.setLevel(level)
    return status


def _say(message: Warning | str, *place: Any, **more: Any) -> None:
    """Print a warning in one line, in the place of `warnings.showwarning`."""
    print(f"pyjutrack: {message}", file=sys.stderr)


def parser() -> argparse.ArgumentParser:
    """The arguments of all commands."""
    layout = argparse.RawDescriptionHelpFormatter
    whole = argparse.ArgumentParser(
        prog="pyjutrack",
        description="Beam tracking with collective effects and automatic differentiation.",
        epilog=f"{_STATUS}\n`pyjutrack COMMAND --help` shows examples of a command",
        formatter_class=layout,
    )
    whole.add_argument("--version", action="version", version=f"pyjutrack {__version__}")
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (summary, command) in COMMANDS.items():
        examples = "\n".join(f"  pyjutrack {name} {line}".rstrip() for line in command.EXAMPLES)
        one = commands.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=f"examples:\n{examples}\n\n{_STATUS}",
            formatter_class=layout,
        )
        command.add(one)
        always = one.add_argument_group("options of every command")
        always.add_argument("--quiet", action="store_true", help="print no progress")
        always.add_argument(
            "--traceback", action="store_true", help="show where an error was raised"
        )
    return whole

"""The command line: `pyjutrack reproduce`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from . import __version__
from .errors import PyJuTrackError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="pyjutrack", description="Hybrid beam tracking with automatic differentiation."
    )
    parser.add_argument("--version", action="version", version=f"pyjutrack {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    _reproduce_arguments(
        commands.add_parser(
            "reproduce",
            help="the paper's tables and figures beside the published numbers",
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
    )
    options = parser.parse_args(arguments)
    try:
        status: int = options.run(options)
    except (PyJuTrackError, OSError) as error:
        print(f"pyjutrack: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("pyjutrack: interrupted", file=sys.stderr)
        return 130
    return status


def _reproduce_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--table", type=int, nargs="+", choices=(1, 2, 3), help="only these")
    parser.add_argument("--figure", type=int, nargs="+", choices=(2, 3), help="only these")
    parser.add_argument("--particles", type=_positive, default=50_000, help="macroparticles")
    parser.add_argument("--seeds", type=_positive, default=5, help="beams to average over")
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder of the files")
    parser.set_defaults(run=_reproduce)


def _reproduce(options: argparse.Namespace) -> int:
    # heavy imports only for the command that needs them
    from tqdm import tqdm

    from .files import write_json
    from .reproduce import figures, study, tables

    chosen = options.table is not None or options.figure is not None
    which_tables = tuple(sorted(set(options.table or ()))) if chosen else (1, 2, 3)
    which_figures = tuple(sorted(set(options.figure or ()))) if chosen else (2, 3)
    total = study.steps(which_tables, which_figures, options.seeds)
    with tqdm(total=total, desc="reproduce", unit="part", file=sys.stderr) as bar:
        results = study.run(
            which_tables, which_figures, options.particles, options.seeds, lambda: bar.update()
        )
    if which_tables:
        print(tables.text(results, which_tables))
    if "field" in results:
        print(f"\n{tables.field_text(results['field'])}\n")
    write_json(options.out / "results.json", results)
    for path in figures.draw(results, options.out):
        print(f"wrote {path}")
    print(f"wrote {options.out / 'results.json'} ({results['wall_time']:.0f} s)")
    return 0


def _positive(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive whole number")
    return value


if __name__ == "__main__":
    sys.exit(main())

"""`pyjutrack julia`: the julia engine's installation."""

from __future__ import annotations

import argparse


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        choices=("setup", "status"),
        help="install and precompile, or say what is found and what is missing",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from ..engines.julia import installing

    if options.action == "setup":
        installing.setup()
    lines, ready = installing.status()
    print("\n".join(lines))
    return 0 if ready else 1

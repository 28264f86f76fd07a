"""`pyjutrack julia`: the julia engine's installation."""

from __future__ import annotations

import argparse

EXAMPLES = ("status", "setup", "sysimage")


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        choices=("setup", "status", "sysimage"),
        help="install and precompile, say what is found and what is missing, or build a system "
        "image, with which Julia starts faster",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from ..engines.julia import installing

    if options.action == "setup":
        installing.setup()
    elif options.action == "sysimage":
        installing.build_image()
    lines, ready = installing.status()
    print("\n".join(lines))
    return 0 if ready else 1

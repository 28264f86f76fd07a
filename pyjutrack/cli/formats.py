"""`pyjutrack formats`: the formats of lattice files that are known, with those of packages."""

from __future__ import annotations

import argparse


def add(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from ..io import lattice_formats

    for format in lattice_formats().values():
        access = "read, written" if format.write else "read"
        suffixes = " ".join(format.suffixes)
        print(f"{format.name:10} {format.description:24} {suffixes:18} {access}")
    return 0

"""`pyjutrack formats`: the formats of lattice files that are known, with those of packages."""

from __future__ import annotations

import argparse

from .showing import add_json, show

EXAMPLES = ("", "--json")


def add(parser: argparse.ArgumentParser) -> None:
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from ..io import lattice_formats

    found, rows = {}, []
    for format in lattice_formats().values():
        access = "read, written" if format.write else "read"
        suffixes = " ".join(format.suffixes)
        rows.append(f"{format.name:10} {format.description:24} {suffixes:18} {access}")
        found[format.name] = {
            "description": format.description,
            "suffixes": list(format.suffixes),
            "written": format.write is not None,
        }
    show(options, found, "\n".join(rows))
    return 0

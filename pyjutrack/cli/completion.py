"""`pyjutrack completion`: what completes these commands in a shell."""

from __future__ import annotations

import argparse

from ..core.errors import MissingPackageError

EXAMPLES = (
    "bash > ~/.local/share/bash-completion/completions/pyjutrack",
    "zsh > ~/.zfunc/_pyjutrack",
)


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"), help="which shell")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    try:
        import shtab
    except ImportError as error:
        raise MissingPackageError(
            "completion needs the package shtab: in a clone of pyjutrack, "
            'pip install ".[completion]"'
        ) from error
    from . import parser

    print(shtab.complete(parser(), options.shell))
    return 0

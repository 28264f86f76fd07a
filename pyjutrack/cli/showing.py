"""What commands print: results as text or as JSON on stdout, progress on stderr."""

from __future__ import annotations

import argparse
import json
import math
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

#: what takes longer is told of [s]
_LONG = 2.0


def add_json(parser: argparse.ArgumentParser) -> None:
    """The argument of commands that print numbers."""
    parser.add_argument("--json", action="store_true", help="print results as one JSON object")


def show(options: argparse.Namespace, found: dict[str, Any], text: str) -> None:
    """Print what was found: as text, or as JSON with `null` for what is no finite number."""
    print(json.dumps(_plain(found), indent=1, allow_nan=False) if options.json else text)


@contextmanager
def progress(options: argparse.Namespace, what: str) -> Iterator[None]:
    """Say what takes longer than two seconds, while it does, and at its end how long it took."""
    said = threading.Event()

    def say() -> None:
        said.set()
        print(f"pyjutrack: {what} ...", file=sys.stderr, flush=True)

    timer = threading.Timer(_LONG, say)
    timer.daemon = True
    began = time.monotonic()
    if not options.quiet:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if said.is_set():
            print(f"pyjutrack: {what}: {time.monotonic() - began:.0f} s", file=sys.stderr)


def _plain(value: Any) -> Any:
    """A value of the kinds that JSON has."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, (str, bool, int)):
        return value
    number = float(value)
    return number if math.isfinite(number) else None

"""Reads PALS files from text."""

from __future__ import annotations

import pytest

from pyjutrack.io.pals.read import read_pals

yaml = pytest.importorskip("yaml")
HEAD = "PALS:\n  facility:\n"


def line_of(read, *definitions, reference=None):
    """What a line of one element `e` gives."""
    text = HEAD + "    - e: {" + ", ".join(definitions) + "}\n"
    return read(text + "    - line: {kind: BeamLine, line: [e]}\n", reference=reference)


def reader(folder):
    """Return a function that writes text to a file in a folder and reads that."""

    def read(text, **options):
        path = folder / "file.pals.yaml"
        path.write_text(text, encoding="utf-8")
        return read_pals(path, **options)

    return read

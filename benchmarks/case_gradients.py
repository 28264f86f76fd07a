"""The same figures and gradients by every code that has them, each in a process of its own."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from typing import Any

import numpy as np

from .child import megabytes
from .clock import Samples
from .gradients.figures import TITLES
from .report import Row, Table

CODES = ("pyjutrack", "cheetah", "xtrack", "pyat", "impactx", "jutrack")


def run(particles: int, repeats: int, threads: int) -> Table:
    rows: list[Row] = []
    remarks = []
    for figure, title in TITLES.items():
        remarks.append(f"{figure}: {title}")
        reference: dict[str, Any] | None = None
        for code in CODES:
            ways = importlib.import_module(f"{__package__}.gradients.code_{code}").WAYS
            for way in ways.get(figure, ()):
                found = _measure(code, figure, way, repeats)
                if "missing" in found:
                    remarks.append(f"{figure}, {code}, {way}: not there: {found['missing']}")
                    continue
                reference = reference or found
                rows.append(_row(f"{figure}: {code}, {way}", found, reference))
    return Table(
        "Gradients by every code", "time / time of the first row of a figure", rows, remarks
    )


def _measure(code: str, figure: str, way: str, repeats: int) -> dict[str, Any]:
    argv = [sys.executable, "-m", f"{__package__}.gradients.child", code, figure, way, str(repeats)]
    done = subprocess.run(argv, capture_output=True, text=True, env=os.environ)
    if done.returncode:
        raise RuntimeError(f"{code}, {figure}, {way}: {done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _row(name: str, found: dict[str, Any], reference: dict[str, Any]) -> Row:
    value = ", ".join(f"{v:.6g}" for v in found["value"])
    here, there = np.array(found["gradient"]), np.array(reference["gradient"])
    apart = np.linalg.norm(here - there) / np.linalg.norm(there)
    samples = Samples(tuple(found["seconds"]))
    note = f"value {value}; gradient off by {apart:.1e}; first call {found['first']:.1f} s; "
    note += f"memory {megabytes(found['memory'])}"
    return Row(
        name, samples, samples.median / Samples(tuple(reference["seconds"])).median, "", note
    )

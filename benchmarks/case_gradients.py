"""The same figures and gradients by every code that has them, each in a process of its own."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import subprocess
import sys
from typing import Any

import numpy as np

from . import gradients
from .child import megabytes
from .clock import Samples
from .gradients.figures import TITLES
from .report import Row, Table

#: ours first, to which ratios are, and every other that has a file
CODES = sorted(
    (m.name[5:] for m in pkgutil.iter_modules(gradients.__path__) if m.name.startswith("code_")),
    key=lambda code: (code != "pyjutrack", code),
)
#: what any of them reads of threads: some have no more than one
_ONE = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
_ONE_CORE = {**dict.fromkeys(_ONE, "1"), "JULIA_NUM_THREADS": "1"}


def run(particles: int, repeats: int, threads: int) -> Table:
    """Measure every code on one core, whatever the threads: the packages of some have no more."""
    rows: list[Row] = []
    remarks: list[str] = []
    versions: dict[str, str] = {}
    for figure, title in TITLES.items():
        remarks.append(f"{figure}: {title}")
        reference: dict[str, Any] | None = None
        for code in CODES:
            ways = importlib.import_module(f"{__package__}.gradients.code_{code}").WAYS
            for way in ways.get(figure, ()):
                found = _measure(code, figure, way, repeats)
                if "missing" in found:
                    remarks.append(f"{figure}, {code}, {way}: not measured: {found['missing']}")
                    continue
                versions |= found["versions"]
                reference = reference or found
                rows.append(_row(f"{figure}: {code}, {way}", found, reference))
    remarks.append("one core each; " + ", ".join(f"{n} {v}" for n, v in versions.items()))
    remarks.append(
        "differences are central ones, of 15 values by 7 knobs and 577 by 288; one-sided ones are "
        "less exact, and take little more than half the time"
    )
    return Table(
        "Gradients by every code", "time / time of the first row of a figure", rows, remarks
    )


def _measure(code: str, figure: str, way: str, repeats: int) -> dict[str, Any]:
    argv = [sys.executable, "-m", f"{__package__}.gradients.child", code, figure, way, str(repeats)]
    done = subprocess.run(argv, capture_output=True, text=True, env={**os.environ, **_ONE_CORE})
    if done.returncode:  # the others' measurements stand
        last = done.stderr.strip().splitlines()[-1:]
        return {"missing": f"ended with {done.returncode}: {''.join(last)}"}
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

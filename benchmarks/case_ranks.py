"""Two processes beside one: the paper's cell with a beam shared between ranks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from .clock import Samples
from .report import Row, Table

#: so many that there is something to share, whatever the other cases take
PARTICLES = 1_000_000
RANKS = 2


def run(particles: int, repeats: int, threads: int) -> Table:
    del particles, threads
    cores = len(os.sched_getaffinity(0))
    if cores < RANKS:
        raise SystemExit(f"the case needs {RANKS} cores, and there are {cores}")
    with tempfile.TemporaryDirectory() as folder:
        found = _measure(Path(folder), repeats)
    rows = []
    for what in ("track", "7 gradients, reverse"):
        one, two = (Samples(tuple(found[f"{what}, {n}"])) for n in ("one", "two"))
        rows += [
            Row(f"{what}: one process", one),
            Row(
                f"{what}: {RANKS} processes",
                two,
                one.over(two),
                ">= 1.7",
                f"of the shortest times: {one.min / two.min:.2f}",
            ),
        ]
    differs = f"coordinates differ by {found['difference']:.1e} of the largest"
    return Table(
        f"Ranks: the paper's cell, {PARTICLES} particles, 24 kicks, one thread a process",
        "time of one process / time of all together",
        rows,
        [differs, f"sum of a density over the ranks: {found['sum'] * 1e3:.2f} ms, median"],
    )


def _measure(folder: Path, repeats: int) -> dict:
    """Read what rank 0 of a job of `ranks.py` has written."""
    out = folder / "found.json"
    started = [
        subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.ranks", str(folder), str(out), str(repeats)],
            env=os.environ
            | {
                "RANK": str(rank),
                "WORLD_SIZE": str(RANKS),
                "GLOO_SOCKET_IFNAME": os.environ.get("GLOO_SOCKET_IFNAME", "lo"),
                "OMP_NUM_THREADS": "1",
                "MKL_NUM_THREADS": "1",
                "OPENBLAS_NUM_THREADS": "1",
            },
            stdout=subprocess.DEVNULL,
        )
        for rank in range(RANKS)
    ]
    codes = [process.wait() for process in started]
    if any(codes):
        raise SystemExit(f"the ranks of the job ended with {codes}")
    return json.loads(out.read_text())

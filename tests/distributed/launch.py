"""Jobs of a few ranks on this machine, without a launcher: loopback only, no ports to choose."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

HERE = Path(__file__).parent
# as in the tests of one process
_WARNINGS = ("-W", "error", "-W", "ignore:`torch.jit.script`:DeprecationWarning")


@dataclass(frozen=True)
class Ended:
    """What became of one rank."""

    code: int | None
    said: str


def start(script: str, ranks: int, folder: Path, *args: str) -> list[subprocess.Popen[str]]:
    """Start the ranks of a script beside this file; it gets a folder of its own as argument."""
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

"""Measurements in a process of its own, whose memory has seen nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path


class Watch:
    """The largest resident set while it is on, sampled every few milliseconds [byte]."""

    def __enter__(self) -> Watch:
        self.before = self.peak = _resident()
        self._on = True
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._on = False
        self._thread.join()

    def _sample(self) -> None:
        while self._on:
            self.peak = max(self.peak, _resident())
            time.sleep(0.005)


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def measure(module: str, *arguments: object) -> dict[str, float]:
    """Run a module of this package; returns the JSON of its last line."""
    argv = [sys.executable, "-m", f"{__package__}.{module}", *map(str, arguments)]
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def megabytes(size: float) -> str:
    return f"{size / 2**20:.0f} MiB"

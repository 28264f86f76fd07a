"""A Julia for tests, by juliacall's own environment variables."""

import os
import subprocess
from pathlib import Path

import pytest

_SOURCE = Path(__file__).parents[1] / "julia" / "src"


def run_julia(code, *arguments):
    """Run a program with the package in `julia/`; skips, saying so, where there is no Julia."""
    executable, project = (
        os.environ.get(f"PYTHON_JULIACALL_{name}") for name in ("EXE", "PROJECT")
    )
    if not (executable and project):
        pytest.skip("no Julia: set PYTHON_JULIACALL_EXE and PYTHON_JULIACALL_PROJECT to have one")
    # an empty last entry keeps what Julia would look through anyway
    path = os.pathsep.join([str(_SOURCE), os.environ.get("JULIA_LOAD_PATH", "")])
    done = subprocess.run(
        [executable, f"--project={project}", "-e", code, *map(str, arguments)],
        env={**os.environ, "JULIA_LOAD_PATH": path},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout

"""The example prints the same numbers from one process and from two; the page's example runs."""

import os
import re
import subprocess
import sys

import launch
import numpy as np
import pytest
from examples_loader import EXAMPLES, load_example

PAGE = EXAMPLES.parent / "docs" / "many_processes.md"
ARGUMENTS = ["--particles", "20000"]


def numbers(text):
    return np.array(re.findall(r"-?\d+\.\d+(?:e[-+]\d+)?", text), dtype=float)


def by_torchrun(script):
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    done = subprocess.run(
        [*torchrun, "--nproc-per-node", "2", str(script), *ARGUMENTS],
        env=os.environ | {"GLOO_SOCKET_IFNAME": "lo" if sys.platform == "linux" else "lo0"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def by_mpirun(script):
    ended = launch.run_by_mpi(script, 2, *ARGUMENTS, limit=300.0)
    assert ended.code == 0, ended.said
    return ended.said


@pytest.mark.parametrize("run", [by_torchrun, pytest.param(by_mpirun, marks=launch.needs_mpi)])
def test_one_and_two_processes_print_the_same(monkeypatch, capfd, run):
    for variable in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(sys, "argv", ["many_processes.py", *ARGUMENTS])
    load_example("many_processes").main()
    alone = capfd.readouterr().out
    shared = run(EXAMPLES / "many_processes.py")
    shared = shared[shared.index("emittance growth") :]
    assert len(numbers(alone)) == 7
    np.testing.assert_allclose(numbers(shared), numbers(alone), rtol=1e-8)

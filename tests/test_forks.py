"""In a process made by a fork every call ends, with the numbers of its parent, or says why not."""

from __future__ import annotations

import os
import subprocess
import sys

import fork_script
import pytest


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_every_call_ends_in_a_forked_process() -> None:
    done = subprocess.run(
        [sys.executable, fork_script.__file__],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, *others = done.stdout.splitlines()
    assert first == "centre 1 None"
    assert [line.split(":")[0] for line in others] == [
        "centre 2 InvalidValueError",
        "threaded 1 InvalidValueError",
        "averaged 1 InvalidValueError",
    ]
    assert all("set_num_threads(1)" in line and '"spawn"' in line for line in others)

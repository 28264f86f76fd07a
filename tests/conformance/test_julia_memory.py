"""Reverse mode of the julia engine keeps nothing of the way."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("line", ["straight", "bends", "gaps"])
def test_memory_of_reverse_mode_is_flat(julia, line):
    """Ten times the kicks take no more memory; storing 480 kB an operation would take a GB."""
    script = Path(__file__).with_name("reverse_memory.py")
    done = subprocess.run([sys.executable, script, line], capture_output=True, text=True)
    assert not done.returncode, done.stderr
    few, many = map(int, done.stdout.split()[-2:])
    assert many <= 0.3 * max(few, 2**28)

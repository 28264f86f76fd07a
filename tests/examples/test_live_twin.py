"""The example serves channels of EPICS: written and read by another program, over a network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from examples_loader import EXAMPLES
from live_cases import small

HERE = Path(__file__).parent
ALONE = {"EPICS_PVA_ADDR_LIST": "127.0.0.1", "EPICS_PVA_AUTO_ADDR_LIST": "NO"}


def test_channels_of_a_twin(tmp_path: Path) -> None:
    """In a network of its own, whose only interface is the loopback: its names are heard there."""
    pytest.importorskip("lume_pva")
    alone = ["unshare", "--map-root-user", "--net"]
    try:
        subprocess.run([*alone, "ip", "link", "set", "lo", "up"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no network of its own can be made here: {error}")
    file = tmp_path / "twin.safetensors"
    small().save(file)
    script = [sys.executable, str(HERE / "channels_script.py")]
    done = subprocess.run(
        [*alone, *script, str(EXAMPLES / "live_twin.py"), str(file)],
        capture_output=True,
        text=True,
        timeout=180,
        env=os.environ | ALONE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("refused:") == 2, done.stdout


def test_what_cannot_be_served_is_told(tmp_path: Path) -> None:
    example = [sys.executable, str(EXAMPLES / "live_twin.py")]
    done = subprocess.run(
        [*example, str(tmp_path / "none.safetensors"), "q1.k1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("live_twin: ")
    assert "Traceback" not in done.stderr

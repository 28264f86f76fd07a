"""Damaged and hostile files of every format end in an error that names them, and in nothing else.

PYJUTRACK_DAMAGED sets how many copies of each sample are read (300).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import damaged_copies
import pytest

from pyjutrack.io import lattice_formats


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    count = os.environ.get("PYJUTRACK_DAMAGED", "300")
    folder = tmp_path_factory.mktemp("damaged")
    run = subprocess.run(
        [sys.executable, damaged_copies.__file__, str(folder), count],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, f"the process was lost:\n{run.stderr[-3000:]}"
    assert not (folder / "canary").exists()
    return json.loads(run.stdout.splitlines()[-1])


@pytest.mark.parametrize("format", damaged_copies.FORMATS)
def test_a_damaged_file_is_refused_by_name(report: dict[str, Any], format: str) -> None:
    assert report[format]["faults"] == []


def test_every_format_is_damaged() -> None:
    assert set(damaged_copies.FORMATS) == set(lattice_formats())

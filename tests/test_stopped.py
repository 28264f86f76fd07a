"""A kill or Ctrl-C while a file is written: it is whole, and the next run goes on from it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import stopped


def launched(folder: Path, *names: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, stopped.__file__, str(folder), *names],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


@pytest.fixture(scope="module")
def stops(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    """What the jobs have left that were stopped, and their exit codes.

    Training is a process of its own, which has all threads; the others are forked by one.
    """
    folder = tmp_path_factory.mktemp("stopped")
    forked = [f"{job}-{how.name}" for job in stopped.JOBS if job != "train" for how in stopped.HOW]
    done = launched(folder, *forked)
    assert done.returncode == 0, done.stderr
    codes = json.loads(done.stdout)
    for how in stopped.HOW:
        name = f"train-{how.name}"
        codes[name] = launched(folder, name).returncode
    return folder, codes


@cache
def whole(job: str) -> np.ndarray:
    return stopped.JOBS[job](None)


@pytest.mark.parametrize("job", stopped.JOBS)
@pytest.mark.parametrize("how", stopped.HOW, ids=lambda s: s.name)
def test_a_job_that_is_stopped_goes_on(
    job: str,
    how: signal.Signals,
    stops: tuple[Path, dict[str, int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("STOP", raising=False)
    monkeypatch.setattr("pyjutrack.surrogate.training.fit.SAVE_EVERY", 1)
    folder, codes = stops
    own = folder / f"{job}-{how.name}"
    said = own.with_suffix(".txt").read_text()
    assert codes[own.name] == -how, said
    if how == signal.SIGINT:
        assert "KeyboardInterrupt" in said
        assert [p.name for p in own.iterdir()] == ["state"], "nothing half-written is left"
    path = own / "state"
    before = path.read_bytes()
    assert before
    resumed = stopped.JOBS[job](path)
    np.testing.assert_allclose(
        resumed, whole(job), rtol=1e-5, atol=1e-7 if job == "train" else 1e-12
    )
    assert path.read_bytes() != before

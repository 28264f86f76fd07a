"""A kill or Ctrl-C while a file is written: it is whole, and the next run goes on from it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path

import interrupted_writes
import numpy as np
import pytest


def launch(folder: Path, *names: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, interrupted_writes.__file__, str(folder), *names],
        capture_output=True,
        text=True,
        timeout=interrupted_writes.START + interrupted_writes.LIMIT * len(names),
        check=False,
    )


@pytest.fixture(scope="module")
def stops(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, int]]:
    """What the jobs have left that were stopped, and their exit codes.

    Training is a process of its own, which has all threads; the others are forked by one.
    """
    folder = tmp_path_factory.mktemp("interrupted")
    jobs = [job for job in interrupted_writes.JOBS if job != "train"]
    forked = [f"{job}-{how.name}" for job in jobs for how in interrupted_writes.HOW]
    done = launch(folder, *forked)
    assert done.returncode == 0, done.stderr
    codes = json.loads(done.stdout)
    for how in interrupted_writes.HOW:
        name = f"train-{how.name}"
        codes[name] = launch(folder, name).returncode
    return folder, codes


@cache
def whole(job: str) -> np.ndarray:
    return interrupted_writes.JOBS[job](None)


@pytest.mark.parametrize("job", interrupted_writes.JOBS)
@pytest.mark.parametrize("how", interrupted_writes.HOW, ids=lambda s: s.name)
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
    # an exception, as it is, ends Python with 1 where a package runs code at its end
    assert codes[own.name] in ((-how, 1) if how == signal.SIGINT else (-how,)), said
    if how == signal.SIGINT:
        assert "KeyboardInterrupt" in said
        assert [p.name for p in own.iterdir()] == ["state"], "nothing half-written is left"
    path = own / "state"
    before = path.read_bytes()
    assert before
    resumed = interrupted_writes.JOBS[job](path)
    np.testing.assert_allclose(
        resumed, whole(job), rtol=1e-5, atol=1e-7 if job == "train" else 1e-12
    )
    assert path.read_bytes() != before

"""A kill or Ctrl-C while a file is written: it is whole, and the next run goes on from it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import interrupted_writes
import numpy as np
import pytest


@pytest.mark.parametrize("job", interrupted_writes.JOBS)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=lambda s: s.name)
def test_a_job_that_is_stopped_goes_on(
    job: str, how: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STOP", raising=False)
    monkeypatch.setattr("pyjutrack.surrogate.training.fit.SAVE_EVERY", 1)
    path = tmp_path / "state"
    done = subprocess.run(
        [sys.executable, interrupted_writes.__file__, job, str(path)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "STOP": str(int(how))},
    )
    assert done.returncode == -how, done.stderr
    if how == signal.SIGINT:
        assert "KeyboardInterrupt" in done.stderr
        assert [p.name for p in tmp_path.iterdir()] == ["state"], "nothing half-written is left"
    before = path.read_bytes()
    assert before
    run = interrupted_writes.JOBS[job]
    resumed, whole = run(path), run(None)
    np.testing.assert_allclose(resumed, whole, rtol=1e-5, atol=1e-7 if job == "train" else 1e-12)
    assert path.read_bytes() != before

"""The Julia package's own tests, as `Pkg.test()` runs them."""

import os
import subprocess

from pyjutrack.engines.julia import installation


def test_its_own_tests(julia):
    found, source = installation.find(), installation.source()
    path = os.pathsep.join([str(source), os.environ.get("JULIA_LOAD_PATH", "")])
    done = subprocess.run(
        [found.executable, f"--project={found.project}", source.parent / "test" / "runtests.jl"],
        env={**os.environ, "JULIA_LOAD_PATH": path},
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stdout + done.stderr

"""The example of docs/julia.md runs as written, and its engines print the same numbers."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np

PAGE = Path(__file__).parents[2] / "docs" / "julia.md"


def test_the_example(julia):
    example = re.search(r"<!-- julia example -->\n```python\n(.*?)```", PAGE.read_text(), re.S)[1]
    done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    native, theirs = np.split(np.array(re.findall(r"-?\d+\.\d+(?:e-?\d+)?", done.stdout)), 2)
    np.testing.assert_allclose(theirs.astype(float), native.astype(float), rtol=1e-7)
    assert "starting Julia" in done.stderr
    assert not re.search(r"compiled .* for 0 s", done.stderr)

"""The README's example runs as written and prints what it says."""

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
PYTORCHS_OWN = "ignore:`torch.jit.script` is deprecated:DeprecationWarning"


def _block(marker, text):
    return re.search(rf"<!-- {marker} -->\n```\w*\n(.*?)```", text, re.S)[1]


def _numbers(text):
    return [float(n) for n in re.findall(r"-?\d+\.?\d*(?:e[-+]?\d+)?", text)]


def test_the_example_prints_its_output():
    text = README.read_text()
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-W", PYTORCHS_OWN, "-c", _block("example", text)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    shown, found = _block("output", text), ran.stdout
    assert re.sub(r"[-\d.e+]+", "#", shown) == re.sub(r"[-\d.e+]+", "#", found)
    for a, b in zip(_numbers(shown), _numbers(found), strict=True):
        assert abs(a - b) <= 1e-6 * abs(a)

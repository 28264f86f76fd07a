"""Examples of documents, as a reader would run them."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTORCHS_OWN = "ignore:`torch.jit.script` is deprecated:DeprecationWarning"


def blocks(page, marker=None):
    """The Python blocks of a page, those under a marker only if there is one."""
    under = rf"<!-- {marker} -->\n" if marker else ""
    return re.findall(rf"{under}```python\n(.*?)```", (ROOT / page).read_text(), re.S)


def run(example, folder=None):
    """Run an example in a process of its own and return what it prints; warnings are errors."""
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-W", PYTORCHS_OWN, "-c", example],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout

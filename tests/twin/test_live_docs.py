"""The examples of docs/twin_live.md run as written, one after the other."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "twin_live.md"
#: of a package that lume-base imports
MATPLOTLIBS_OWN = "ignore:The set_:PendingDeprecationWarning"
PYTORCHS_OWN = "ignore:`torch.jit.script` is deprecated:DeprecationWarning"


def test_the_examples_run(tmp_path: Path) -> None:
    blocks = re.findall(r"<!-- example -->\n```python\n(.*?)```", PAGE.read_text(), re.S)
    assert len(blocks) == 7
    ran = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-W",
            PYTORCHS_OWN,
            "-W",
            MATPLOTLIBS_OWN,
            "-c",
            "\n".join(blocks),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stderr
    written = {path.name for path in tmp_path.iterdir()}
    files = {"twin", "calibration", "sum", "process"}
    assert written == {f"{name}.safetensors" for name in files} | {"twin.onnx"}

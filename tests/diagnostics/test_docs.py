"""The examples of docs/diagnostics.md run as written, one after the other."""

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "diagnostics.md"
PYTORCHS_OWN = "ignore:`torch.jit.script` is deprecated:DeprecationWarning"
CHECKS = """
assert position.name == "s1.position"
assert abs(float(profile.sum()) - 1) < 1e-3
assert 0 < float(count.read(here)) < 1
np.testing.assert_allclose(data.values.sum(1), 1)
np.testing.assert_array_equal(found.values, shots.values)
for value, error, true in zip((result.emittance, result.beta, result.alpha), result.errors,
                              (1e-8, 4.0, 1.2)):
    assert abs(value - true) < 3 * error + 0.03 * true
"""


def test_examples_run(tmp_path):
    blocks = re.findall(r"<!-- example -->\n```python\n(.*?)```", PAGE.read_text(), re.S)
    assert len(blocks) == 10
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-W", PYTORCHS_OWN, "-c", "\n".join(blocks) + CHECKS],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stderr

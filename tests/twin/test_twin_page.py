"""The examples of docs/digital_twin.md run as written, one after the other."""

from pages import blocks, run

CHECKS = """
for name, true in (("q1.k1", 0.04), ("q2.k1", -0.03)):
    value, error = fit[name]
    assert abs(value - true) < 4 * error, (name, value, error)
    assert error < 0.01
assert (readings["screen.wire_x"] > -1e-12).all()
assert (errors["screen.wire_x"] < 2e-3).all()
from pathlib import Path
assert "<html" in Path("report/index.html").read_text()
"""


def test_examples_run(tmp_path):
    printed = run("\n".join(blocks("docs/digital_twin.md")) + CHECKS, tmp_path)
    assert "q1 is off by" in printed

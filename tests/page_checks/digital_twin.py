"""The errors that were hidden are found, and the report is written."""

from pathlib import Path

for name, true in (("q1.k1", 0.04), ("q2.k1", -0.03)):
    value, error = fit[name]
    assert abs(value - true) < 4 * error, (name, value, error)
    assert error < 0.01
assert (readings["screen.wire_x"] > -1e-12).all()
assert (errors["screen.wire_x"] < 2e-3).all()

assert "<html" in Path("report/index.html").read_text()

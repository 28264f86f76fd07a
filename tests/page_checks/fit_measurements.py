"""What was hidden is found within its errors, which are small."""

for name, true in {
    "q1.k1": 0.02,
    "q2.k1": -0.03,
    "q3.k1": 0.01,
    "beam.x": 4e-4,
    "beam.y": 0,
}.items():
    value, error = fit[name]
    assert abs(value - true) < 3 * error, (name, value, error)
    assert error < 0.01

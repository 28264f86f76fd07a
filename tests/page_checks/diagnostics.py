"""Readings, files and the quadrupole scan are right."""

assert position.name == "s1.position"
assert abs(float(profile.sum()) - 1) < 1e-3
assert 0 < float(count.read(here)) < 1
np.testing.assert_allclose(data.values.sum(1), 1)
np.testing.assert_array_equal(found.values, shots.values)
truth = (1e-8, 4.0, 1.2)
fitted = (result.emittance, result.beta, result.alpha)
for value, error, true in zip(fitted, result.errors, truth, strict=True):
    assert abs(value - true) < 3 * error + 0.03 * true

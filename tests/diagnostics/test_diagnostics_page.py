"""The examples of docs/diagnostics.md run as written, one after the other."""

from pages import blocks, run

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
    examples = blocks("docs/diagnostics.md", "example")
    assert len(examples) == 11
    run("\n".join(examples) + CHECKS, tmp_path)

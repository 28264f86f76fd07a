"""Four models of the same field agree; short as the bunch is, slices exaggerate."""

growths = [float(line.split()[1]) for line in printed.splitlines()]
assert len(growths) == 4
np.testing.assert_allclose(growths, growths[0], rtol=0.15)

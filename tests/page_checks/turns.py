"""Readings, slopes, tunes and slices are those of other ways."""

assert history["centroid"].shape == (500, 6)
assert history["lost"].sum() == 0
assert history["emittance"][-1] > 1.2 * history["emittance"][0]


def mean(k1):
    lattice = ring.with_values({"qf.k1": k1})
    read = {"x": pj.observables.centroid("x")}
    return float(dg.track_turns(lattice, beam, read, turns=20, at="bpm")["x"].square().mean())


difference = (mean(1.5 + 1e-6) - mean(1.5 - 1e-6)) / 2e-6
assert abs(float(slope) / difference - 1) < 1e-5
np.testing.assert_array_equal(tunes.shape, (50, 2))
exact = pj.tunes(pj.optics.one_turn_matrix(ring, proton))
assert np.abs(tunes - exact).max() < 0.01
folded = np.minimum(tunes[:, 0], 1 - tunes[:, 0])
assert np.median(np.abs(lines.tunes[0] - folded)) < 1e-8
assert np.abs(found.tunes - tunes).max() < 1e-3
highest = spectrum.tunes[spectrum.amplitudes.argmax(0)]
assert np.abs(highest - np.minimum(exact, 1 - exact)).max() < 0.01
zero, free = (
    pj.tunes(pj.jacobian(bare, matched, effects=[field])),
    pj.tunes(pj.jacobian(bare, proton)),
)
depression = (free - necktie.tunes) / (free - zero)
low, high = np.quantile(depression, (0.05, 0.95), axis=0)
assert (low > 0).all()
assert (high < 1.02).all()
assert (np.median(depression, axis=0) > 0.4).all()
assert (np.median(depression, axis=0) < 0.9).all()
assert np.abs(slices.emittances[7:13] / 1e-7 - 1).max() < 0.05
assert np.abs(same.fractions - 0.1).max() < 1e-4

"""The slopes of the halo are those of differences from rebuilt lines."""


def halo_of(k1, length):
    rebuilt = pj.Lattice([pj.Quadrupole(0.2, k1), pj.Drift(length)])
    return float(halo(pj.track(rebuilt, bunch)))


value, slopes = pj.value_and_gradient(halo, line, bunch, wrt=["q1.k1", "d1.length"])
h = 1e-4
assert abs(value - halo_of(2.0, 1.0)) < 1e-12
assert abs(slopes[0] - (halo_of(2.0 + h, 1.0) - halo_of(2.0 - h, 1.0)) / (2 * h)) < 1e-6
assert abs(slopes[1] - (halo_of(2.0, 1.0 + h) - halo_of(2.0, 1.0 - h)) / (2 * h)) < 1e-6

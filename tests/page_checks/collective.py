"""The slope is that of growth rates, and below its threshold the bunch is stable."""


def rate_at(shunt):
    mode = Resonator(frequency=5e8, shunt=shunt, quality=1.0)
    effect = Wake(mode, "impedance", "dipole x", cells=64)
    return float(growth_rate(pj.track(ring, bunch, effects=[effect], turns=turns), bunch))


difference = (rate_at(1.2012e7) - rate_at(1.1988e7)) / 2.4e4
assert abs(slopes[0] / difference - 1) < 1e-4, (slopes[0], difference)
assert abs(rate - rate_at(1.2e7)) < 1e-9
assert rate_at(1.2e7) > 10 * abs(rate_at(2e6)), "below its threshold the bunch is stable"

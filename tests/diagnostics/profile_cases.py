"""Measured profiles of Gaussian beams, and a wire scanner that would read them."""

import numpy as np
from scipy.stats import norm

from pyjutrack import diagnostics as dg

AXIS = np.linspace(-4.95e-3, 4.95e-3, 100)
WIRE = dg.WireScanner("m", width=8e-3, bins=20)


def gaussian(sigma, mean=0.0, axis=AXIS):
    step = axis[1] - axis[0]
    return 1e4 * (norm.cdf(axis + step / 2, mean, sigma) - norm.cdf(axis - step / 2, mean, sigma))


FINE = np.linspace(-5e-3, 5e-3, 401)
BELL = 1e3 * np.exp(-(FINE**2) / (2 * 5e-4**2))


PROFILES = dg.Profiles(
    np.stack([gaussian(5e-4), gaussian(8e-4, 3e-4)]),
    (AXIS,),
    settings=({"q1.k1": 1.0}, {"q1.k1": 2.0}),
    name="m.wire_x",
)

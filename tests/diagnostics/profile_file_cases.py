"""Profiles and images to be written to files, and how one is told from another."""

import numpy as np

from pyjutrack import diagnostics as dg

AXIS = np.linspace(-3e-3, 3e-3, 31)


def bell(sigma, axis=AXIS):
    return 100 * np.exp(-(axis**2) / (2 * sigma**2))


def assert_same(a, b):
    np.testing.assert_array_equal(a.mask, b.mask)
    np.testing.assert_array_equal(a.values, b.values)
    for one, other in zip(a.axes, b.axes, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-18)
    assert (a.labels, a.settings, a.name) == (b.labels, b.settings, b.name)


PROFILES = dg.Profiles(
    np.stack([bell(s) for s in (6e-4, 8e-4, 1e-3)]),
    (AXIS,),
    ("y",),
    settings=tuple({"q1.k1": k, "m1.knl[2]": 0.1 / 3} for k in (29.5, 29.6, 29.7)),
    name="s1.wire_y",
)
IMAGES = dg.Profiles(
    np.stack([np.outer(bell(s), bell(2 * s, AXIS[5:-5])) for s in (6e-4, 8e-4)]),
    (AXIS, AXIS[5:-5] + 1e-4),
    ("x", "y"),
    settings=({"q1.k1": 1.0}, {"q1.k1": 2.0}),
    name="s1.screen",
)

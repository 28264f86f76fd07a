"""A slit at a Gaussian beam, and a line with soft apertures of every shape."""

from __future__ import annotations

import pyjutrack as pj

SIGMA = 1e-3


def slit_line(shift: float, smoothing: float = 0.0) -> pj.Lattice:
    """A kick that shifts x by `shift` sigma at a slit of half width sigma."""
    return pj.Lattice(
        [
            pj.Kicker(hkick=shift * SIGMA, name="k"),
            pj.Drift(1.0, model="paraxial", name="d"),
            pj.Aperture(half_width=SIGMA, smoothing=smoothing * SIGMA, name="slit"),
            pj.Monitor(name="m"),
        ]
    )


OPENINGS = {
    "rectangle": pj.Aperture(half_width=2e-3, half_height=2e-3, smoothing=2e-4, name="a"),
    "ellipse": pj.Aperture(
        half_width=2e-3, half_height=1.5e-3, shape="ellipse", smoothing=2e-4, dx=3e-4, name="a"
    ),
    "racetrack": pj.Aperture(
        half_width=2e-3,
        half_height=2e-3,
        corner_x=1e-3,
        corner_y=1e-3,
        shape="racetrack",
        smoothing=2e-4,
        tilt=0.3,
        x_rot=0.1,
        name="a",
    ),
}


def line_with(opening: pj.Aperture) -> pj.Lattice:
    """Two apertures, also at the very end, so that weights reach fields and are lowered twice."""
    slit = pj.Aperture(half_width=2e-3, smoothing=3e-4, name="b")
    quads = (
        pj.Quadrupole(0.1, k1=29.6, name="q1"),
        pj.Quadrupole(0.1, k1=-29.6, name="q2"),
    )
    drift = pj.Drift(0.4, name="d2")
    return pj.Lattice([pj.Drift(0.2, name="d1"), quads[0], opening, drift, quads[1], slit])

"""A diagnostic of each kind whose readings are smooth, and a beam for them."""

import torch

import pyjutrack as pj
from pyjutrack import diagnostics as dg

RACETRACK = pj.Aperture(
    half_width=2e-3, half_height=3e-3, shape="racetrack", corner_x=1e-3, corner_y=1.5e-3
)
SMOOTH = {
    "position": dg.BeamPosition("m"),
    "size": dg.BeamSize("m"),
    "wire x": dg.WireScanner("m", width=4e-3, bins=40, resolution=2e-4, centre=2e-4),
    "wire y": dg.WireScanner("m", plane="y", width=9e-3, bins=33),
    "screen": dg.Screen("m", size=(4e-3, 6e-3), shape=(24, 16), resolution=(2e-4, 0.0)),
    "rectangle": dg.LossCount(
        "m", opening=pj.Aperture(half_width=2e-3, half_height=3e-3), smoothing=2e-4
    ),
    "slit": dg.LossCount("m", opening=pj.Aperture(half_height=2e-3), smoothing=2e-4),
    "ellipse": dg.LossCount(
        "m",
        opening=pj.Aperture(half_width=2e-3, half_height=3e-3, shape="ellipse", dx=3e-4),
        smoothing=1e-4,
    ),
    "racetrack": dg.LossCount("m", opening=RACETRACK, smoothing=1e-4),
}


def _beam() -> pj.Beam:
    """Gaussian, 1 mm and 1.5 mm, off centre, one in twelve lost."""
    g = torch.Generator().manual_seed(4)
    coordinates = torch.randn(600, 6, generator=g, dtype=torch.float64) * 1e-3
    coordinates[:, 2] *= 1.5
    coordinates[:, 0] += 3e-4
    coordinates[3] = float("nan")  # lost, and no number any more
    proton = pj.Reference.from_kinetic("proton", 1e9)
    return pj.Beam(proton, coordinates, alive=torch.arange(600) % 12 != 3)


BEAM = _beam()

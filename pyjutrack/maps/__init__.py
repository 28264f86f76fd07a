"""The physics of single elements: pure maps (coordinates, parameters) -> coordinates.

Every function takes the coordinates as six separate values, then the element's parameters, then
the constants of the reference particle, and returns the six new values. They use only arithmetic,
`.sqrt()` and `stumpff`, so that the same source runs on tensors, under any PyTorch transform, and
through the tracer that writes the compiled kernels.

Coordinates: x, y, z [m]; px, py = P_x/P0, P_y/P0; delta = (P - P0)/P0; z = -beta c (t - t0),
positive ahead of the reference particle. All maps but the series of `taylor` and those of
`radiation` are symplectic in these variables.
Source of the Hamiltonians: D. Sagan, The Bmad Reference Manual, ch. 23; E. Forest, Beam Dynamics.
"""

from .beam_beam import boost, gaussian_kick, synchro_beam
from .bend import bend, bend_kick, bend_linear, curved_quadrupole_kick, edge_fringe, edge_linear
from .cavity import crab_kick, rescale, rf_kick
from .frames import patch, roll
from .learned import potential_kick, spline_kick
from .multipole import multipole_kick
from .openings import (
    in_ellipse,
    in_octagon,
    in_polygon,
    in_racetrack,
    in_rectangle,
    in_rectellipse,
)
from .quadrupole_fringe import quadrupole_fringe
from .radiation import radiate, radiate_photons
from .rf_focusing import rf_body, rf_edge, rf_gap
from .solenoid import solenoid
from .straight import drift, drift_paraxial, quadrupole, skew_quadrupole, slip
from .taylor import linear_map, linear_map_in_time, quadratic_map, quadratic_map_in_time

__all__ = [
    "bend",
    "bend_kick",
    "bend_linear",
    "boost",
    "crab_kick",
    "curved_quadrupole_kick",
    "drift",
    "drift_paraxial",
    "edge_fringe",
    "edge_linear",
    "gaussian_kick",
    "in_ellipse",
    "in_octagon",
    "in_polygon",
    "in_racetrack",
    "in_rectangle",
    "in_rectellipse",
    "linear_map",
    "linear_map_in_time",
    "multipole_kick",
    "patch",
    "potential_kick",
    "quadratic_map",
    "quadratic_map_in_time",
    "quadrupole",
    "quadrupole_fringe",
    "radiate",
    "radiate_photons",
    "rescale",
    "rf_body",
    "rf_edge",
    "rf_gap",
    "rf_kick",
    "roll",
    "skew_quadrupole",
    "slip",
    "solenoid",
    "spline_kick",
    "synchro_beam",
]

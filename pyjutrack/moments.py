"""Moments of a beam: pure, differentiable functions `Beam -> tensor`, of the particles alive.

They are those of the whole beam: where ranks share it, all of them must ask, and get the same.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .beam import Beam
from .errors import require_known

PLANES = {"x": 0, "y": 2, "z": 4}


def survivors(beam: Beam) -> Tensor:
    """Number of particles alive, 0-d."""
    return beam.world.sum(beam.alive.sum(-1))


def mean(beam: Beam, values: Tensor) -> Tensor:
    """Average over the particles alive of anything that each of them has.

    Args:
        values: (..., N), such as `beam.coordinate("x") ** 3`, or several of them stacked in front.

    Returns:
        (...), without the last axis.
    """
    total = beam.world.sum(torch.where(beam.alive, values, 0.0).sum(-1))
    return total / survivors(beam)


def centroid(beam: Beam) -> Tensor:
    """Mean of the coordinates, (6,)."""
    return mean(beam, beam.coordinates.movedim(-1, 0)).movedim(0, -1)


def covariance(beam: Beam) -> Tensor:
    """Second central moments, (6, 6); the divisor is the number of particles alive."""
    centred = torch.where(
        beam.alive.unsqueeze(-1), beam.coordinates - centroid(beam).unsqueeze(-2), 0.0
    )
    return beam.world.sum(centred.mT @ centred) / survivors(beam)[..., None, None]


def sizes(beam: Beam) -> Tensor:
    """rms of x, px, y, py, z, delta, (6,); a size that is zero has slope zero, not NaN."""
    variances = covariance(beam).diagonal(dim1=-2, dim2=-1)
    some = variances > 0
    return torch.where(some, torch.where(some, variances, 1.0).sqrt(), 0.0)


def emittance(beam: Beam, plane: str = "x", *, normalized: bool = False) -> Tensor:
    """rms emittance of a plane [m rad]: sqrt(<u^2><pu^2> - <u pu>^2), centred.

    Args:
        plane: "x", "y" or "z".
        normalized: multiply by beta gamma of the reference.

    Source: the projected emittance in canonical momenta, K. Floettmann, PRAB 6 (2003) 034202.
    """
    require_known("plane", plane, PLANES)
    i = PLANES[plane]
    both = torch.stack([beam.coordinates[..., k] for k in (i, i + 1)])
    u, p = torch.where(beam.alive, both - mean(beam, both).unsqueeze(-1), 0.0)
    uu, pp, up = mean(beam, torch.stack([u * u, p * p, u * p]))
    value = (uu * pp - up * up).sqrt()
    return value * beam.reference.beta_gamma if normalized else value

"""Moments of a beam: pure, differentiable functions `Beam -> tensor`, of the particles alive."""

from __future__ import annotations

import torch
from torch import Tensor

from .beam import Beam
from .errors import require_known

PLANES = {"x": 0, "y": 2, "z": 4}


def _shares(beam: Beam) -> Tensor:
    """Weight of every particle in an average: 1/alive, or 0 for the lost."""
    alive = beam.alive.to(beam.coordinates.dtype)
    return alive / alive.sum(-1, keepdim=True)


def centroid(beam: Beam) -> Tensor:
    """Mean of the coordinates, (6,)."""
    safe = torch.where(beam.alive.unsqueeze(-1), beam.coordinates, 0.0)
    return (_shares(beam).unsqueeze(-2) @ safe).squeeze(-2)


def covariance(beam: Beam) -> Tensor:
    """Second central moments, (6, 6); the divisor is the number of particles alive."""
    centred = torch.where(
        beam.alive.unsqueeze(-1), beam.coordinates - centroid(beam).unsqueeze(-2), 0.0
    )
    return (centred * _shares(beam).unsqueeze(-1)).mT @ centred


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
    c = beam.coordinates
    shares = _shares(beam)
    u, p = (torch.where(beam.alive, c[..., k], 0.0) for k in (i, i + 1))
    u = torch.where(beam.alive, u - (shares * u).sum(-1, keepdim=True), 0.0)
    p = torch.where(beam.alive, p - (shares * p).sum(-1, keepdim=True), 0.0)
    uu, pp, up = (shares * u * u).sum(-1), (shares * p * p).sum(-1), (shares * u * p).sum(-1)
    value = (uu * pp - up * up).sqrt()
    return value * beam.reference.beta_gamma if normalized else value

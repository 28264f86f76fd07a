"""The field of coherent synchrotron radiation of a line of charge, as one kernel of its slope.

A particle at z meets, per unit charge and length of its path, the force -(4 pi eps0)^-1 E(z) with

    E(z) = int_0^inf K(u) lambda'(z - u) du

of what was emitted by the charge at a distance u after it, from an arc of radius R. With psi the
angle from the place of emission to the place in the arc, or to the exit of the arc, a distance
R x after which the place is,

    u = R psi^3 (psi + 4 x) / (24 (psi + x)),   K = 4 / (R (psi + 2 x)).

Upstream of the arc the orbit is straight: beyond psi = phi, the angle of the arc so far, K is
constant, up to u = R phi^2 (phi + 3 x) / 6, and zero from there on. In the arc x = 0; after its
entrance has been forgotten phi is infinite, K = 2 / (3 R^2 u)^(1/3). The orbit's angles are small,
and gamma infinite. Sources: Y. Derbenev, J. Rossbach, E. Saldin, V. Shiltsev, TESLA-FEL 95-05
(1995); E. Saldin, E. Schneidmiller, M. Yurkov, NIM A 398 (1997) 373, eq. 87 (entrance: its two
terms are the ends of the constant part); G. Stupakov, P. Emma, EPAC 2002, 1479 (exit).

On a line of cells lambda is a sum of cubic B-splines, whose convolution with K is exact: in psi the
integrand is smooth, a polynomial in the arc, whatever K does at u = 0.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ...core.scalars import tensor_like
from ...mesh.convolve import fast_length
from ...mesh.line import Line
from .arcs import Arc

#: Gaussian nodes in a cell; in an arc four would be exact
_NODES, _WEIGHTS = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(6))
#: of Newton for the angle; the error, a factor of 4^(1/3) at most, is squared each time
_STEPS = 5
#: cells over which undoing the shape function reaches, and rms lengths of a Gaussian
_REACH, _RMS = 32, 8


def convolve(arc: Arc, line: Line, shares: Tensor, smoothing: float, *, steady: bool) -> Tensor:
    """E at the nodes of a line [1/m^2], so that B-splines read what the density makes.

    The density is smoothed by exp(-a) (1 + a) of each wave number k, with a = (k s)^2 / 2: a
    Gaussian of rms s whose own second order is undone, so that what it changes is of fourth order.

    Args:
        shares: of the whole charge at the nodes (nodes,), as `spread` gives them.
        smoothing: s [cells].
        steady: as if the arc had no ends.
    """
    count = line.nodes
    size = 2 * fast_length(count + int(_REACH + _RMS * smoothing))
    like = shares.new_zeros((), dtype=torch.float64)
    kernel = spline_average(arc, line.spacing, count, like, steady=steady)
    # from one lag before zero on, in the order of a circular convolution
    circular = torch.cat([kernel[1:], kernel.new_zeros(size - count - 1), kernel[:1]])
    numbers = torch.arange(size // 2 + 1, dtype=torch.float64, device=kernel.device)
    kh = 2 * torch.pi / size * numbers
    a = (kh * smoothing) ** 2 / 2
    # particles are spread by B-splines, of which lambda is a sum, and E is read: undone thrice
    filtered = torch.exp(-a) * (1 + a) / ((2 + torch.cos(kh)) / 3) ** 3
    product = torch.fft.rfft(shares.double(), size) * torch.fft.rfft(circular) * filtered
    return torch.fft.irfft(product, size)[:count]


def spline_average(arc: Arc, spacing: float, count: int, like: Tensor, *, steady: bool) -> Tensor:
    """E of a B-spline at the nodes from one before its middle on, (count + 1,) [1/m^2].

    Args:
        spacing: of the nodes [m].
        like: the precision and the device.
    """
    radius, angle, x = (tensor_like(n, like) for n in (arc.radius, arc.angle, 0.0))
    if not steady:
        x = tensor_like(arc.distance / arc.radius, like)
    edges = torch.arange(1, count + 2, dtype=like.dtype, device=like.device) * spacing
    ends = torch.cat([edges.new_zeros(1), _angle_of(edges, radius, x)])
    if not steady:
        ends = torch.minimum(ends, angle)
    # K du in pieces of every cell, deposited by the slope of the spline
    low, width = ends[:-1, None], ends.diff()[:, None]
    psi = low + width * (_NODES.to(low.device) + 1) / 2
    amounts = width * _WEIGHTS.to(low.device) / 2 * psi**2 * (psi + 2 * x) / (2 * (psi + x) ** 2)
    cells = torch.arange(count + 1, dtype=like.dtype, device=like.device)[:, None]
    t = _distance_of(psi, radius, x) / spacing - cells
    slopes = (-((1 - t) ** 2) / 2, t * (1.5 * t - 2), 0.5 + t - 1.5 * t**2, t**2 / 2)
    found = edges.new_zeros(count + 4)
    for node, slope in enumerate(slopes):
        part = -(amounts * slope).sum(-1) / spacing**2
        found = found + torch.nn.functional.pad(part, (node, 3 - node))
    found = found[: count + 1]
    if steady:
        return found
    lags = cells[:, 0] - 1
    near = _distance_of(angle, radius, x) / spacing
    far = radius * angle**2 * (angle + 3 * x) / (6 * spacing)
    return found + 4 / (radius * (angle + 2 * x) * spacing) * (
        _spline(lags - near) - _spline(lags - far)
    )


def _distance_of(psi: Tensor, radius: Tensor, x: Tensor) -> Tensor:
    """u of an angle [m]."""
    return radius * psi**3 * (psi + 4 * x) / (24 * (psi + x))


def _angle_of(u: Tensor, radius: Tensor, x: Tensor) -> Tensor:
    """The angle of a positive u [m], by Newton in its logarithm; differentiable as often as that.

    psi = (24 u (psi + x) / (R (psi + 4 x)))^(1/3), whose right side grows by a ninth of psi's
    share at most.
    """
    psi = (24 * u / radius) ** (1 / 3)
    full = psi
    for _ in range(_STEPS):
        ratio = (psi + x) / (psi + 4 * x)
        own = psi * x / ((psi + x) * (psi + 4 * x))
        psi = psi * (full * ratio ** (1 / 3) / psi) ** (1 / (1 - own))
    return psi


def _spline(at: Tensor) -> Tensor:
    """The cubic B-spline at distances from its middle [cells]."""
    a = at.abs()
    return ((2 - a).clamp(min=0) ** 3 - 4 * (1 - a).clamp(min=0) ** 3) / 6

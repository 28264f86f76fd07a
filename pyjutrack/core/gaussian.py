"""Derivatives of the potential of a Gaussian charge in the plane, at any ratio of its sizes.

-laplacian(H) = 2 pi rho with rho normalised to one, so that H -> -ln r far away. With S the matrix
of second moments, U = 2 S + q and r = (x, y), H is half of the integral over q > 0 of
exp(-r U^-1 r) / sqrt(det U), a constant apart (S. Kheifets, PETRA Note 119, 1976). Derivatives are
integrals of Hermite's polynomials times that. They are taken along the principal axes with a
Gauss-Legendre rule in (u_y/u_x)^(1/8), u_x and u_y being the eigenvalues of U: no differences of
sizes and no error function, and so nothing cancels for a round or nearly round beam.

As the density spreads by the heat equation, derivatives by moments are those by places:
dH/dxx = 1/2 d2H/dx2, dH/dxy = d2H/dxdy, dH/dyy = 1/2 d2H/dy2.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

#: derivatives by x and y, by their orders: what `gaussian_derivatives` returns, in this order ...
ORDERS = ((1, 0), (0, 1), (2, 0), (1, 1), (0, 2))
#: ... and what their first derivatives are made of besides
HIGHER = ((3, 0), (2, 1), (1, 2), (0, 3), (4, 0), (3, 1), (2, 2), (1, 3), (0, 4))
#: the integrand beyond exp(-CUT) is left out
CUT = 40.0
#: nodes: a multiple of STEP, LARGEST at most
STEP, LARGEST = 8, 64
#: (a + b sqrt(e)) (1 + c (1 - rho)/(1 + rho)) nodes serve where the density is exp(-e) of that at
#: the centre, e up to CUT, and rho is the fourth root of short/long: to 1e-11 in all `ORDERS` for
#: ratios down to 1/100, and 1e-9 in `HIGHER`
FACTORS = (6.0, 2.8, 2.9)


@cache
def gauss_legendre(count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes and weights between 0 and 1."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return (nodes + 1) / 2, weights / 2


def gaussian_derivatives(x: Any, y: Any, xx: Any, xy: Any, yy: Any) -> tuple[Any, ...]:
    """First and second derivatives of H by x and y, in the order of `ORDERS`.

    Args:
        x, y: places, tensors [m], or traced expressions (see `maps.codegen.traced`).
        xx, xy, yy: second moments of the Gaussian, numbers or the like of the places [m^2].

    Returns:
        Five tensors [1/m, 1/m, 1/m^2, 1/m^2, 1/m^2].
    """
    if not isinstance(x, Tensor):
        return x.gaussian(y, xx, xy, yy)  # type: ignore[no-any-return]
    found = _integrand(x, y, xx, xy, yy)
    weight, (g, h), (uu, uv, vv), (c, s) = found
    terms = (2 * g * g - uu, 2 * g * h - uv, 2 * h * h - vv)
    huu, huv, hvv = ((weight * term).sum(-1) for term in terms)
    twist = 2 * c * s * huv
    hxx, hyy = c * c * huu - twist + s * s * hvv, s * s * huu + twist + c * c * hvv
    return *_slopes(found), hxx, c * s * (huu - hvv) + (c * c - s * s) * huv, hyy


def gaussian_slopes(x: Tensor, y: Tensor, xx: Any, xy: Any, yy: Any) -> tuple[Tensor, Tensor]:
    """The first two of `gaussian_derivatives`."""
    return _slopes(_integrand(x, y, xx, xy, yy))


class _Integrand(NamedTuple):
    """At the nodes, along principal axes.

    Attributes:
        weight: of the node times the exponential.
        slope: U^-1 r. inverse: of U, its entries.
        axes: cosine and sine of the direction of the longer axis.
    """

    weight: Tensor
    slope: tuple[Tensor, Tensor]
    inverse: tuple[Tensor, Tensor, Tensor]
    axes: tuple[Tensor, Tensor]


def _slopes(of: _Integrand) -> tuple[Tensor, Tensor]:
    (g, h), (c, s) = of.slope, of.axes
    along, across = -(of.weight * g).sum(-1), -(of.weight * h).sum(-1)
    return c * along - s * across, s * along + c * across


def _integrand(x: Tensor, y: Tensor, xx: Any, xy: Any, yy: Any) -> _Integrand:
    """Axes and nodes are frozen: the integral depends on neither, and so has no slope by them."""
    moments = [torch.as_tensor(m, dtype=x.dtype, device=x.device) for m in (xx, xy, yy)]
    fixed = [m.detach() for m in moments]
    c, s, longest, shortest = _principal_axes(*fixed)
    u, v = c * x + s * y, c * y - s * x
    node, a, squeeze = _nodes(u.detach(), v.detach(), longest, shortest)
    # zeros with slopes, of moments
    mxx, mxy, myy = (m - f for m, f in zip(moments, fixed, strict=True))
    more = (
        2 * (c * c * mxx + 2 * c * s * mxy + s * s * myy),
        2 * (c * s * (myy - mxx) + (c * c - s * s) * mxy),
        2 * (s * s * mxx - 2 * c * s * mxy + c * c * myy),
    )
    wide, high = 1 / a, squeeze / a
    muu, muv, mvv = (m.unsqueeze(-1) for m in more)
    uu, vv = wide + muu, high + mvv
    det = uu * vv - muv * muv
    inverse = vv / det, -muv / det, uu / det
    u, v = u.unsqueeze(-1), v.unsqueeze(-1)
    g, h = inverse[0] * u + inverse[1] * v, inverse[1] * u + inverse[2] * v
    weight = node * wide * (wide * high / det).sqrt() * (-(u * g + v * h)).exp()
    return _Integrand(weight, (g, h), inverse, (c, s))


def _principal_axes(xx: Tensor, xy: Tensor, yy: Tensor) -> tuple[Tensor, ...]:
    """Cosine and sine of the direction of the longer axis, and the variances."""
    half = (xx - yy) / 2
    apart = (half * half + xy * xy).sqrt()
    longest = (xx + yy) / 2 + apart
    # of a round beam any direction will do
    angle = torch.atan2(xy, half + (apart == 0)) / 2
    return angle.cos(), angle.sin(), longest, (xx * yy - xy * xy) / longest


def _nodes(u: Tensor, v: Tensor, longest: Tensor, shortest: Tensor) -> tuple[Tensor, ...]:
    """Weights, 1/u_x and u_y/u_x.

    t = sqrt(u_y/u_x) runs from r = short/long to 1; with tau = t^(1/4) = 1 - (1 - rho) z all
    differences of the sizes are divided out by hand: (1 - t)/(1 - r) is z times a polynomial.
    """
    place, weights = (
        torch.as_tensor(a, dtype=u.dtype, device=u.device) for a in gauss_legendre(LARGEST)
    )
    u, v, longest, shortest = (a.unsqueeze(-1) for a in (u, v, longest, shortest))
    scale = 2 * longest
    r = (shortest / longest).sqrt()
    rho = r.sqrt().sqrt()
    # exp(-z (u^2 + v^2)/scale) bounds the integrand; what lies beyond is below the rounding
    end = CUT / ((u**2 + v**2) / scale).clamp(min=CUT)
    z = end * place
    tau = 1 - (1 - rho) * z
    t = tau**4
    norm = (1 + rho) * (1 + rho**2)
    a = z * (1 + tau) * (1 + tau**2) / norm * (1 + t) / (scale * (1 + r))
    return 8 * end * weights * tau**3 / (norm * scale * (1 + r)), a, t * t

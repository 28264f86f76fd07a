"""The field of a Gaussian beam that comes the other way, and the frame in which it does."""

from __future__ import annotations

from typing import Any

from ..core.gaussian import gaussian_derivatives
from .base import Parameters, map, negate_strength


@map(inverse=negate_strength, kick=True, array_kernels=True)
def gaussian_kick(
    x: Any,
    px: Any,
    y: Any,
    py: Any,
    z: Any,
    delta: Any,
    strength: Any,
    x0: Any,
    y0: Any,
    xx: Any,
    xy: Any,
    yy: Any,
) -> Any:
    """Thin kick by strength H, the potential of a Gaussian of `core.gaussian`.

    Args:
        strength: positive repels [m].
        x0, y0: the centre [m]. xx, xy, yy: second moments [m^2].
    """
    by_x, by_y, *_ = gaussian_derivatives(x - x0, y - y0, xx, xy, yy)
    return x, px - strength * by_x, y, py - strength * by_y, z, delta


@map(inverse=negate_strength, array_kernels=True)
def synchro_beam(
    x: Any,
    px: Any,
    y: Any,
    py: Any,
    z: Any,
    delta: Any,
    strength: Any,
    z0: Any,
    x0: Any,
    x1: Any,
    y0: Any,
    y1: Any,
    xx0: Any,
    xx1: Any,
    xx2: Any,
    xy0: Any,
    xy1: Any,
    xy2: Any,
    yy0: Any,
    yy1: Any,
    yy2: Any,
) -> Any:
    """Kick by a thin slice of a beam that comes head-on, where the particle meets it.

    They meet at s = (z - z0) / 2, downstream of the origin, where the particle is at x + px s, and
    the slice has its centre at x0 + x1 s and the second moments xx0 + xx1 s + xx2 s^2. The kick is
    exp(:-strength H:) of the potential H there as a function of x, px, y, py and z, whose
    derivatives are the same before and after; so it is symplectic, and undone by its opposite.

    Args:
        strength: positive repels [m].
        z0: of the slice, ahead in its own direction [m].
        x0, x1, y0, y1: centre [m], and its slopes.
        xx0 .. yy2: coefficients of the second moments [m^2, m, 1].

    Source: K. Hirata, H. Moshammer, F. Ruggiero, Part. Accel. 40 (1993) 205; with derivatives by
    moments from the heat equation, no principal axes and no slopes of their direction are needed.
    """
    s = (z - z0) / 2
    xx, xy, yy = (
        xx0 + s * (xx1 + s * xx2),
        xy0 + s * (xy1 + s * xy2),
        yy0 + s * (yy1 + s * yy2),
    )
    by_x, by_y, by_xx, by_xy, by_yy = gaussian_derivatives(
        x + px * s - x0 - x1 * s, y + py * s - y0 - y1 * s, xx, xy, yy
    )
    kick_x, kick_y = -strength * by_x, -strength * by_y
    growth_xx, growth_yy = xx1 + 2 * s * xx2, yy1 + 2 * s * yy2
    spread = (by_xx * growth_xx + by_yy * growth_yy) / 2 + by_xy * (xy1 + 2 * s * xy2)
    gain = kick_x * (px + kick_x / 2 - x1) + kick_y * (py + kick_y / 2 - y1) - strength * spread
    return (
        *(x - s * kick_x, px + kick_x),
        *(y - s * kick_y, py + kick_y),
        *(z, delta + gain / 2),
    )


def _boost_back(tangent: Any, scale: Any, cosine: Any, sine: Any) -> Parameters:
    return -tangent / scale, 1 / scale, cosine, sine


@map(inverse=_boost_back, array_kernels=True)
def boost(
    x: Any,
    px: Any,
    y: Any,
    py: Any,
    z: Any,
    delta: Any,
    tangent: Any,
    scale: Any,
    cosine: Any,
    sine: Any,
) -> Any:
    """Boost to the frame in which beams that cross at an angle meet head-on.

    For half the angle phi between the beams, tangent = tan(phi) and scale = 1/cos(phi); momenta are
    then in units of P0 cos(phi). Of the momentum of a particle without mass, with h = P - P_s: p
    across becomes scale (p - h tangent n), h becomes scale^2 h, and P + P_s becomes
    P + P_s - 2 tangent n p + tangent^2 h, with n = (cosine, sine) the plane of crossing. These form
    a group, so that the inverse is the same map with other parameters. Places follow by the inverse
    of the derivatives of that, times scale: a drift to s = 0 of the new frame is in it. Areas in
    phase space grow by the factor scale, and shrink as much by the inverse.

    Source: K. Hirata, PRL 74 (1995) 2228, where the inverse is written as another map.
    """
    total = 1 + delta
    square = px * px + py * py
    h = square / (total + (total * total - square).sqrt())
    stretch = scale * scale
    more = stretch - 1 - tangent * tangent
    px1, py1 = scale * (px - h * tangent * cosine), scale * (py - h * tangent * sine)
    delta1 = delta - tangent * (cosine * px + sine * py) + h * (tangent * tangent + more / 2)
    h1 = stretch * h
    shift = (tangent * (cosine * x + sine * y) - z * more / 2) / scale
    slope = shift / (1 + delta1 - h1)
    return (
        *(x + tangent * cosine * z + slope * px1, px1),
        *(y + tangent * sine * z + slope * py1, py1),
        *(scale * z - slope * h1, delta1),
    )

"""Dipole fields in a turning frame: sector bodies, wedges, rotations, fringes.

Sources: E. Forest, Beam Dynamics (1998), ch. 10-13, for the Hamiltonians; the closed forms here are
arranged so that curvature, field and length may each be zero.
"""

from __future__ import annotations

from typing import Any

import torch

from ..core.special import arctangent, stumpff
from .base import Parameters, map, negate
from .straight import slip, swing


def reverse_arc(length: Any, angle: Any, *rest: Any) -> Parameters:
    """Parameters for the same arc passed backward."""
    return (-length, -angle, *rest)


@map(inverse=reverse_arc, constants=("beta0",), array_kernels=True)
def bend(
    x: Any,
    px: Any,
    y: Any,
    py: Any,
    z: Any,
    delta: Any,
    length: Any,
    angle: Any,
    k0: Any,
    beta0: Any,
) -> Any:
    """Uniform field, exactly, from one plane to another that is turned about y.

    H = -(1 + h x) sqrt((1 + delta)^2 - px^2 - py^2) + k0 (x + h x^2 / 2) plus the slip, with
    h = angle / length. A wedge has no length, a turn of the frame neither length nor field. The
    particle must turn by less than pi.

    Args:
        length: of the reference orbit [m]. angle: between the planes [rad], positive towards -x.
        k0: field / (B rho) [1/m].
    """
    total = 1 + delta
    c0, c1, c2, _ = stumpff(angle * angle)
    sine = angle * c1
    across2 = total * total - py * py
    ps = (across2 - px * px).sqrt()
    # without a field, in the turned frame
    straight_x, straight_s = px * c0 + ps * sine, ps * c0 - px * sine
    reach = x * sine + length * c1
    new_px = straight_x - k0 * reach
    new_ps = (across2 - new_px * new_px).sqrt()
    ratio = (straight_x + new_px) / (straight_s + new_ps)
    new_x = x * c0 - length * angle * c2 + reach * ratio
    # tangent of half the angle by which the momentum turned, over k0
    sine_turned = reach * (straight_x * ratio + straight_s) / across2
    half = sine_turned / (1 + (straight_s * new_ps + straight_x * new_px) / across2)
    path = 2 * half * arctangent(k0 * k0 * half * half)
    return (
        new_x,
        new_px,
        y + py * path,
        py,
        z + length * slip(delta, beta0) + (length - total * path),
        delta,
    )


@map(inverse=reverse_arc, constants=("beta0",), array_kernels=True)
def bend_linear(
    x: Any,
    px: Any,
    y: Any,
    py: Any,
    z: Any,
    delta: Any,
    length: Any,
    angle: Any,
    k0: Any,
    k1: Any,
    beta0: Any,
) -> Any:
    """Sector bend with a gradient, exact solution of the paraxial Hamiltonian.

    H = -(1 + h x) (1 + delta) + (px^2 + py^2) / (2 (1 + delta)) + k0 (x + h x^2 / 2)
    + k1 (x^2 - y^2) / 2 plus the slip, with h = angle / length.
    """
    total = 1 + delta
    gradient = k1 * length / total
    x_focusing = angle * k0 / total + gradient
    new_x, xp, mean, path_x = swing(x, px / total, length, x_focusing, angle - k0 * length / total)
    new_y, yp, _, path_y = swing(y, py / total, length, -gradient, 0)
    new_z = z + length * slip(delta, beta0) - angle * mean - (path_x + path_y) / 2
    return new_x, xp * total, new_y, yp * total, new_z, delta


@map(inverse=negate)
def bend_kick(
    x: Any, px: Any, y: Any, py: Any, z: Any, delta: Any, angle: Any, k0l: Any, focusing: Any
) -> Any:
    """Kick by the terms of a bend's paraxial Hamiltonian beside the drift.

    Args:
        angle, k0l: of the reference orbit and of the field [rad].
        focusing: h k0 times the length [1/m].
    """
    return x, px + angle * (1 + delta) - k0l - focusing * x, y, py, z - angle * x, delta


@map(inverse=negate)
def curved_quadrupole_kick(x: Any, px: Any, y: Any, py: Any, z: Any, delta: Any, k1hl: Any) -> Any:
    """Kick by a gradient in a curved frame beside the quadrupole's, to third order.

    H = h k1 (2 x^3 - 3 x y^2) / 6, so that the field obeys Maxwell's equations to that order.

    Args:
        k1hl: k1 times the angle [1/m^2].
    """
    return x, px - k1hl * (x * x - y * y / 2), y, py + k1hl * x * y, z, delta


# the correction of the gap has the sign of the field, so it must turn with the face
@map(inverse=lambda face, k0, fint, hgap: (-face, k0, -fint, hgap))
def edge_linear(
    x: Any,
    px: Any,
    y: Any,
    py: Any,
    z: Any,
    delta: Any,
    face: Any,
    k0: Any,
    fint: Any,
    hgap: Any,
) -> Any:
    """Edge of a bend as a thin lens: focuses y for positive face angles.

    Source: K. Brown, SLAC-75 (1982), with the field integral's correction of the angle in y.
    """
    tangent, sine = face.tan(), face.sin()
    correction = 2 * fint * hgap * k0 * (1 + sine * sine) / face.cos()
    return x, px + k0 * tangent * x, y, py - k0 * (face - correction).tan() * y, z, delta


def _undo_fringe(
    x: Any, px: Any, y: Any, py: Any, z: Any, delta: Any, k0: Any, fint: Any, hgap: Any
) -> Any:
    """Particles before `edge_fringe`, from those after it.

    Where py was R sin(theta), R the momentum across px, the loss of py is that of a rotation if
    there is no gap, and theta an arcsine; a gap adds little, which Newton's method finds. Metres
    off and steep, a gap may bring several particles to one place: this is one of them, and a
    backward pass, which compares what it reconstructs with what it kept, raises if it is another.
    """
    after, half = py, y * y / 2
    radius = ((1 + delta) * (1 + delta) - px * px).sqrt()
    strong = k0 * y * px / (radius * radius)
    theta = strong.atan() + (py / (radius * (1 + strong * strong).sqrt())).clamp(-1, 1).asin()
    for _ in range(_NEWTON):
        py = radius * theta.sin()
        phi, (by_px, by_py, by_delta) = _fringe(px, py, delta, k0, fint, hgap)
        missing = after - (py - phi * y)
        rounding = 4 * torch.finfo(missing.dtype).eps * (1 + (phi * y).abs())
        if not bool((missing.abs() > rounding).any()):
            break
        theta = theta + missing / ((1 - by_py * y) * radius * theta.cos())
    return x - by_px * half, px, y - by_py * half, py, z - by_delta * half, delta


#: steps of Newton's method, of which a beam in an opening takes one
_NEWTON = 20


@map(undo=_undo_fringe, array_kernels=True)
def edge_fringe(
    x: Any, px: Any, y: Any, py: Any, z: Any, delta: Any, k0: Any, fint: Any, hgap: Any
) -> Any:
    """Fringe of a dipole in the plane of its face, to second order in y; exit with -k0.

    The generating function x' px + y' py - phi y'^2 / 2 with
    phi = k0 tan(atan(u) - 2 fint hgap k0 (1 + xp^2 (2 + yp^2)) / ((1 + u^2) ps)) and
    u = xp / (1 + yp^2).
    Source: E. Forest, S. Leemann, F. Schmidt, Fringe effects in MAD, part I (2006). They multiply
    the last term by ps instead of dividing by (1 + u^2) ps: the same on momentum, but a fringe
    deflects the less, the higher the momentum (K. Brown, SLAC-75).
    """
    phi, (by_px, by_py, by_delta) = _fringe(px, py, delta, k0, fint, hgap)
    new_y = 2 * y / (1 + (1 - 2 * by_py * y).sqrt())
    half = new_y * new_y / 2
    return x + by_px * half, px, new_y, py - phi * new_y, z + by_delta * half, delta


def _fringe(
    px: Any, py: Any, delta: Any, k0: Any, fint: Any, hgap: Any
) -> tuple[Any, tuple[Any, ...]]:
    """Phi of `edge_fringe`, and its derivatives by px, py and delta."""
    total = 1 + delta
    ps = (total * total - px * px - py * py).sqrt()
    xp, yp = px / ps, py / ps
    gap = 2 * fint * hgap * k0
    below = 1 + yp * yp
    u = xp / below
    spread = 1 + xp * xp * (2 + yp * yp)
    steep = (1 + u * u) * ps
    turned = gap * spread / steep
    shift = turned.tan()
    tangent = (u - shift) / (1 + u * shift)
    slopes = []
    # derivatives of ps, then of all that is made of it, by px, py and delta
    for d_px, d_py, d_ps in ((1.0, 0.0, -xp), (0.0, 1.0, -yp), (0.0, 0.0, total / ps)):
        d_xp, d_yp = (d_px - xp * d_ps) / ps, (d_py - yp * d_ps) / ps
        d_u = (d_xp - 2 * u * yp * d_yp) / below
        d_spread = 2 * xp * (d_xp * (2 + yp * yp) + xp * yp * d_yp)
        d_steep = 2 * u * d_u * ps + (1 + u * u) * d_ps
        d_turned = (gap * d_spread - turned * d_steep) / steep
        slopes.append(k0 * (1 + tangent * tangent) * (d_u / (1 + u * u) - d_turned))
    return k0 * tangent, tuple(slopes)

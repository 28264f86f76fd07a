"""Derivatives of the potential of a Gaussian in the plane, for the compiled maps.

Sums over the nodes of a quadrature are vectors: as many nodes as the place and the ratio of the
sizes need. `core.gaussian` has the PyTorch twin, the formula and its source.
"""

import math

import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from ..core.gaussian import CUT, FACTORS, LARGEST, STEP, gauss_legendre
from .jit import exact_scalar, reduction

_TABLES = [gauss_legendre(n) for n in range(STEP, LARGEST + 1, STEP)]
#: tables of all sizes in a row
_NODES = np.concatenate([nodes for nodes, _ in _TABLES])
_WEIGHTS = np.concatenate([weights for _, weights in _TABLES])
#: a double plus this has its nearest whole number in its last bits
_ROUND = 1.5 * 2.0**52
_HIGH, _LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_LEAST = -690.0
#: of the integral of z exp(-e z) from 0 to 1 in powers of -e, for e < 1, the last first
_SERIES = np.array([1 / (math.factorial(n) * (n + 2)) for n in range(17, -1, -1)])


@intrinsic
def _scaled(_, number, whole):
    """A number times 2^k, of k + `_ROUND`."""

    def generate(context, builder, signature, args):
        number, whole = (builder.bitcast(a, ir.IntType(64)) for a in args)
        power = builder.shl(whole, ir.Constant(ir.IntType(64), 52))
        return builder.bitcast(builder.add(number, power), ir.DoubleType())

    return types.float64(types.float64, types.float64), generate


@exact_scalar
def _exp(x):
    """e^x of x <= 0, to 2e-16, without a branch, so that loops vectorise."""
    x = x if x > _LEAST else _LEAST
    whole = x * 1.4426950408889634 + _ROUND
    k = whole - _ROUND
    r = (x - k * _HIGH) - k * _LOW
    p = 1 / 479_001_600.0
    p = p * r + 1 / 39_916_800.0
    p = p * r + 1 / 3_628_800.0
    p = p * r + 1 / 362_880.0
    p = p * r + 1 / 40_320.0
    p = p * r + 1 / 5_040.0
    p = p * r + 1 / 720.0
    p = p * r + 1 / 120.0
    p = p * r + 1 / 24.0
    p = p * r + 1 / 6.0
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    return _scaled(p, whole)


@exact_scalar
def _principal(x, y, xx, xy, yy):
    """Place and variances along the principal axes, the longer first, and their direction."""
    half = 0.5 * (xx - yy)
    apart = math.sqrt(half * half + xy * xy)
    longest = 0.5 * (xx + yy) + apart
    shortest = (xx * yy - xy * xy) / longest
    c, s = 1.0, 0.0
    if apart > 0.0:
        if half >= 0.0:
            c = math.sqrt(0.5 * (1.0 + half / apart))
            s = 0.5 * xy / (apart * c)
        else:
            s = math.sqrt(0.5 * (1.0 - half / apart))
            c = 0.5 * xy / (apart * s)
    return c * x + s * y, c * y - s * x, longest, shortest, c, s


@exact_scalar
def _rule(u, v, longest, shortest):
    """Where the table begins, its size, and what nodes are made of."""
    scale = 2.0 * longest
    r = math.sqrt(shortest / longest)
    rho = math.sqrt(math.sqrt(r))
    exponent = (u * u + v * v) / scale
    end = CUT / exponent if exponent > CUT else 1.0
    size = u * u / scale + v * v / (2.0 * shortest)
    size = size if size < CUT else CUT
    needed = (FACTORS[0] + FACTORS[1] * math.sqrt(size)) * (
        1.0 + FACTORS[2] * (1.0 - rho) / (1.0 + rho)
    )
    k = LARGEST // STEP - 1
    if needed <= LARGEST - STEP:  # not so of NaN
        k = int(needed / STEP)
    norm = 1.0 / ((1.0 + rho) * (1.0 + rho * rho))
    factor = 1.0 / (scale * (1.0 + r))
    return STEP * k * (k + 1) // 2, STEP * (k + 1), end, rho, norm, factor


@exact_scalar
def _round(square, variance):
    """The moments of 1/u_x, and of its square, of a round beam, which is common: closed forms."""
    scale = 2.0 * variance
    e = square / scale
    decay = _exp(-e)
    if e < 1.0:
        one = 0.0
        for c in _SERIES:
            one = c - e * one
        zero = decay + e * one
    else:
        zero = (1.0 - decay) / e
        one = (zero - decay) / e
    return zero / scale, one / (scale * scale)


@reduction
def _moments(u, v, longest, shortest):
    """Moments of 1/u_x and 1/u_y that slopes and curvatures need."""
    first, count, end, rho, norm, factor = _rule(u, v, longest, shortest)
    uu, vv = u * u, v * v
    m10, m01, m20, m11, m02 = 0.0, 0.0, 0.0, 0.0, 0.0
    nodes, weights = _NODES[first : first + count], _WEIGHTS[first : first + count]
    for n in range(count):
        z = end * nodes[n]
        tau = 1.0 - (1.0 - rho) * z
        square = tau * tau
        t = square * square
        a = factor * norm * z * (1.0 + tau) * (1.0 + square) * (1.0 + t)
        q = 1.0 / (t * t)
        d0 = weights[n] * square * tau * _exp(-a * (uu + q * vv))
        d1 = d0 * q
        m10 += d0
        m01 += d1
        m20 += d0 * a
        m11 += d1 * a
        m02 += d1 * q * a
    scale = 8.0 * end * norm * factor
    return scale * m10, scale * m01, scale * m20, scale * m11, scale * m02


@reduction
def _more_moments(u, v, longest, shortest):
    """Moments that third and fourth derivatives need."""
    first, count, end, rho, norm, factor = _rule(u, v, longest, shortest)
    uu, vv = u * u, v * v
    m20, m11, m02 = 0.0, 0.0, 0.0
    m30, m21, m12, m03 = 0.0, 0.0, 0.0, 0.0
    m40, m31, m22, m13, m04 = 0.0, 0.0, 0.0, 0.0, 0.0
    nodes, weights = _NODES[first : first + count], _WEIGHTS[first : first + count]
    for n in range(count):
        z = end * nodes[n]
        tau = 1.0 - (1.0 - rho) * z
        square = tau * tau
        t = square * square
        a = factor * norm * z * (1.0 + tau) * (1.0 + square) * (1.0 + t)
        q = 1.0 / (t * t)
        d0 = weights[n] * square * tau * _exp(-a * (uu + q * vv)) * a
        d1 = d0 * q
        d2 = d1 * q
        m20, m11, m02 = m20 + d0, m11 + d1, m02 + d2
        d0, d1, d2 = d0 * a, d1 * a, d2 * a
        d3 = d2 * q
        m30, m21, m12, m03 = m30 + d0, m21 + d1, m12 + d2, m03 + d3
        d0, d1, d2, d3 = d0 * a, d1 * a, d2 * a, d3 * a
        m40, m31, m22, m13, m04 = m40 + d0, m31 + d1, m22 + d2, m13 + d3, m04 + d3 * q
    s = 8.0 * end * norm * factor
    return (
        *(s * m20, s * m11, s * m02),
        *(s * m30, s * m21, s * m12, s * m03),
        *(s * m40, s * m31, s * m22, s * m13, s * m04),
    )


@exact_scalar
def _turned_2(c, s, xx, xy, yy):
    """Second derivatives along axes that are turned back."""
    return (
        c * c * xx - 2 * c * s * xy + s * s * yy,
        c * s * (xx - yy) + (c * c - s * s) * xy,
        s * s * xx + 2 * c * s * xy + c * c * yy,
    )


@exact_scalar
def _turned_3(c, s, a, b, d, e):
    """Third derivatives, index by index."""
    xxx, xxy, xyy = _turned_2(c, s, c * a - s * b, c * b - s * d, c * d - s * e)
    _, _, yyy = _turned_2(c, s, s * a + c * b, s * b + c * d, s * d + c * e)
    return xxx, xxy, xyy, yyy


@exact_scalar
def first_and_second(x, y, xx, xy, yy):
    """Derivatives of first and second order, see `core.gaussian.ORDERS`."""
    if xx == yy and xy == 0.0:
        one, two = _round(x * x + y * y, xx)
        return -x * one, -y * one, 2 * x * x * two - one, 2 * x * y * two, 2 * y * y * two - one
    u, v, longest, shortest, c, s = _principal(x, y, xx, xy, yy)
    m10, m01, m20, m11, m02 = _moments(u, v, longest, shortest)
    h10, h01 = -u * m10, -v * m01
    h20, h11, h02 = 2 * u * u * m20 - m10, 2 * u * v * m11, 2 * v * v * m02 - m01
    hxx, hxy, hyy = _turned_2(c, s, h20, h11, h02)
    return c * h10 - s * h01, s * h10 + c * h01, hxx, hxy, hyy


@exact_scalar
def third_and_fourth(x, y, xx, xy, yy):
    """Derivatives of third and fourth order."""
    u, v, longest, shortest, c, s = _principal(x, y, xx, xy, yy)
    m20, m11, m02, m30, m21, m12, m03, m40, m31, m22, m13, m04 = _more_moments(
        u, v, longest, shortest
    )
    uu, vv = u * u, v * v
    h30, h03 = u * (6 * m20 - 4 * uu * m30), v * (6 * m02 - 4 * vv * m03)
    h21, h12 = v * (2 * m11 - 4 * uu * m21), u * (2 * m11 - 4 * vv * m12)
    h40 = 6 * m20 - 24 * uu * m30 + 8 * uu * uu * m40
    h04 = 6 * m02 - 24 * vv * m03 + 8 * vv * vv * m04
    h31 = u * v * (8 * uu * m31 - 12 * m21)
    h13 = u * v * (8 * vv * m13 - 12 * m12)
    h22 = 2 * m11 - 4 * uu * m21 - 4 * vv * m12 + 8 * uu * vv * m22
    third = _turned_3(c, s, h30, h21, h12, h03)
    xxxx, xxxy, xxyy, xyyy = _turned_3(
        c, s, c * h40 - s * h31, c * h31 - s * h22, c * h22 - s * h13, c * h13 - s * h04
    )
    _, _, _, yyyy = _turned_3(
        c, s, s * h40 + c * h31, s * h31 + c * h22, s * h22 + c * h13, s * h13 + c * h04
    )
    return (*third, xxxx, xxxy, xxyy, xyyy, yyyy)

"""Kernels that spread particles over a line of nodes and read the line at particles.

A particle meets four nodes, with cubic polynomials of its place in the cell as weights, whose
coefficients are `c`, (node, power); the table of a derivative makes the kernels those of it.
`origin` and `rate` are the position of padded node 1 and 1/spacing. Particles that are not `active`
are passed over. Every kernel serves particles `start` to `stop`, and sums into its own `part`.
"""

import numpy as np

from .jit import kernel


@kernel
def spread(part, start, stop, z, active, weights, origin, rate, c, out):
    """Lines of sum_p w_p W(z_p), for each row of weights (R, N); out is (parts, R, nodes)."""
    lines = out[part]
    for n in range(start, stop):
        if active[n]:
            u = (np.float64(z[n]) - origin) * rate
            cell = int(u)
            u -= cell
            for i in range(4):
                near = c[i, 0] + u * (c[i, 1] + u * (c[i, 2] + u * c[i, 3]))
                for row in range(len(weights)):
                    lines[row, cell + i] += near * weights[row, n]


@kernel
def spread_one(part, start, stop, z, active, weights, origin, rate, c, out):
    """The same of one row of weights (1, N), four times as fast: nothing is read twice."""
    line, weight = out[part, 0], weights[0]
    a0, a1, a2, a3 = c[0, 0], c[0, 1], c[0, 2], c[0, 3]
    b0, b1, b2, b3 = c[1, 0], c[1, 1], c[1, 2], c[1, 3]
    c0, c1, c2, c3 = c[2, 0], c[2, 1], c[2, 2], c[2, 3]
    d0, d1, d2, d3 = c[3, 0], c[3, 1], c[3, 2], c[3, 3]
    for n in range(start, stop):
        if active[n]:
            u = (np.float64(z[n]) - origin) * rate
            cell = int(u)
            u -= cell
            w = np.float64(weight[n])
            line[cell] += w * (a0 + u * (a1 + u * (a2 + u * a3)))
            line[cell + 1] += w * (b0 + u * (b1 + u * (b2 + u * b3)))
            line[cell + 2] += w * (c0 + u * (c1 + u * (c2 + u * c3)))
            line[cell + 3] += w * (d0 + u * (d1 + u * (d2 + u * d3)))


@kernel
def gather(part, start, stop, z, active, lines, origin, rate, c, out):
    """Lines (R, nodes) read at every particle, (R, N)."""
    for n in range(start, stop):
        if active[n]:
            u = (np.float64(z[n]) - origin) * rate
            cell = int(u)
            u -= cell
            w0 = c[0, 0] + u * (c[0, 1] + u * (c[0, 2] + u * c[0, 3]))
            w1 = c[1, 0] + u * (c[1, 1] + u * (c[1, 2] + u * c[1, 3]))
            w2 = c[2, 0] + u * (c[2, 1] + u * (c[2, 2] + u * c[2, 3]))
            w3 = c[3, 0] + u * (c[3, 1] + u * (c[3, 2] + u * c[3, 3]))
            for row in range(len(lines)):
                line = lines[row]
                near = w0 * line[cell] + w1 * line[cell + 1]
                out[row, n] = near + w2 * line[cell + 2] + w3 * line[cell + 3]
        else:
            for row in range(len(lines)):
                out[row, n] = 0.0


@kernel
def gather_one(part, start, stop, z, active, lines, origin, rate, c, out):
    """The same of one line (1, nodes), twice as fast."""
    line, read = lines[0], out[0]
    a0, a1, a2, a3 = c[0, 0], c[0, 1], c[0, 2], c[0, 3]
    b0, b1, b2, b3 = c[1, 0], c[1, 1], c[1, 2], c[1, 3]
    c0, c1, c2, c3 = c[2, 0], c[2, 1], c[2, 2], c[2, 3]
    d0, d1, d2, d3 = c[3, 0], c[3, 1], c[3, 2], c[3, 3]
    for n in range(start, stop):
        found = 0.0
        if active[n]:
            u = (np.float64(z[n]) - origin) * rate
            cell = int(u)
            u -= cell
            found += line[cell] * (a0 + u * (a1 + u * (a2 + u * a3)))
            found += line[cell + 1] * (b0 + u * (b1 + u * (b2 + u * b3)))
            found += line[cell + 2] * (c0 + u * (c1 + u * (c2 + u * c3)))
            found += line[cell + 3] * (d0 + u * (d1 + u * (d2 + u * d3)))
        read[n] = found


@kernel
def gather_two(part, start, stop, z, active, line, origin, rate, c, out):
    """One line (nodes,) read at every particle, and its slope; (2, N)."""
    value, slope = out[0], out[1]
    a0, a1, a2, a3 = c[0, 0], c[0, 1], c[0, 2], c[0, 3]
    b0, b1, b2, b3 = c[1, 0], c[1, 1], c[1, 2], c[1, 3]
    c0, c1, c2, c3 = c[2, 0], c[2, 1], c[2, 2], c[2, 3]
    d0, d1, d2, d3 = c[3, 0], c[3, 1], c[3, 2], c[3, 3]
    for n in range(start, stop):
        first, second = 0.0, 0.0
        if active[n]:
            u = (np.float64(z[n]) - origin) * rate
            cell = int(u)
            u -= cell
            w, x, y, t = line[cell], line[cell + 1], line[cell + 2], line[cell + 3]
            # the cubic in this cell, and its derivative by u
            p0 = w * a0 + x * b0 + y * c0 + t * d0
            p1 = w * a1 + x * b1 + y * c1 + t * d1
            p2 = w * a2 + x * b2 + y * c2 + t * d2
            p3 = w * a3 + x * b3 + y * c3 + t * d3
            first = p0 + u * (p1 + u * (p2 + u * p3))
            second = rate * (p1 + u * (2 * p2 + u * (3 * p3)))
        value[n], slope[n] = first, second

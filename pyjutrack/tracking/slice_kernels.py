"""A slice of a channel in one pass: each block of particles is kicked, moved and deposited."""

import numpy as np

from ..kernels.jit import kernel
from ..kernels.mesh_kernels import place
from ..kernels.pointers import call
from ..kernels.stencil import across, at_cubic, at_square, cubic, put, rows, slopes
from ..kernels.vector import dot, spread, times, wide
from ..maps.program_kernels import BLOCK


@kernel
def slice_pass(
    part,
    start,
    stop,
    operations,
    starts,
    numbers,
    elements,
    table,
    runner,
    x,
    px,
    y,
    py,
    z,
    delta,
    alive,
    lost_pass,
    lost_at,
    number,
    noise_turn,
    first_particle,
    kicks,
    potential,
    factor,
    deposits,
    admission,
    half_x,
    half_y,
    geometry,
    c,
    share,
    out,
):
    """Kick by a potential if `kicks`, run a program, and if it `deposits`, admit and deposit.

    In place. A lost particle gets the `number` of this turn, and the element of the program or the
    number of the `admission` to a box of half sides half_x and half_y.
    """
    columns, flat, g = potential.shape[1], potential.reshape(potential.size), out[part]
    row = np.uintp(columns)
    sx, sy = x.dtype.type(factor * geometry[2]), x.dtype.type(factor * geometry[3])
    weight = spread(x.dtype.type(share))
    c0, c1, c2, c3 = cubic(c, x.dtype)
    d1, d2, d3 = slopes(c1, c2, c3, x.dtype.type(1.0))
    first, u = np.empty(BLOCK, np.int32), np.empty((2, BLOCK), x.dtype)
    saved, entered = np.empty((7, BLOCK), x.dtype), np.empty(BLOCK, np.bool_)
    for low in range(start, stop, BLOCK):
        high = min(low + BLOCK, stop)
        size = high - low
        if kicks:
            place(x, y, low, size, geometry, columns, first, u)
            for i in range(size):
                n = np.uintp(low + i)
                if alive[n]:
                    f0, f1, f2, f3 = rows(flat, np.uintp(first[i]), row)
                    along = across(at_square(u[0, i], d1, d2, d3), f0, f1, f2, f3)
                    over = across(at_cubic(u[0, i], c0, c1, c2, c3), f0, f1, f2, f3)
                    px[n] -= sx * dot(along, at_cubic(u[1, i], c0, c1, c2, c3))
                    py[n] -= sy * dot(over, at_square(u[1, i], d1, d2, d3))
        call(
            runner,
            number,
            noise_turn,
            first_particle + low,
            operations,
            starts,
            numbers,
            elements,
            table,
            x[low:high],
            px[low:high],
            y[low:high],
            py[low:high],
            z[low:high],
            delta[low:high],
            alive[low:high],
            lost_pass[low:high],
            lost_at[low:high],
            saved,
            entered,
        )
        if not deposits:
            continue
        for i in range(size):
            n = np.uintp(low + i)
            if alive[n] and not (abs(x[n]) <= half_x and abs(y[n]) <= half_y):
                alive[n] = False
                lost_pass[n], lost_at[n] = number, admission
        place(x, y, low, size, geometry, columns, first, u)
        for i in range(size):
            if alive[np.uintp(low + i)]:
                wx = times(weight, at_cubic(u[0, i], c0, c1, c2, c3))
                wy = at_cubic(u[1, i], c0, c1, c2, c3)
                put(g, np.uintp(first[i]), row, wide(wx), wide(wy))

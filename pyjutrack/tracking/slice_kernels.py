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
    per,
    operations,
    starts,
    numbers,
    elements,
    varying,
    settings,
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
    columns,
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

    In place. There are potentials (B, nx, ny) and grids (B, cells) of B settings, each with `per`
    particles, and ranges are those of settings then; of a single one, ranges are of particles, and
    each part has a grid. A lost particle gets the `number` of this turn, and the element of the
    program or the number of the `admission` to a box of half sides half_x and half_y.
    """
    row = np.uintp(columns)
    sx, sy = x.dtype.type(factor * geometry[2]), x.dtype.type(factor * geometry[3])
    weight = spread(x.dtype.type(share))
    c0, c1, c2, c3 = cubic(c, x.dtype)
    d1, d2, d3 = slopes(c1, c2, c3, x.dtype.type(1.0))
    first, u = np.empty(BLOCK, np.int32), np.empty((2, BLOCK), x.dtype)
    saved, entered = np.empty((7, BLOCK), x.dtype), np.empty(BLOCK, np.bool_)
    single = len(potential) == 1
    start, stop = (start, stop) if single else (start * per, stop * per)
    for k in range(start // per, -(-stop // per)):
        flat, g = potential[k].reshape(potential[k].size), out[part] if single else out[k]
        end = min(stop, (k + 1) * per)
        if deposits:
            g[:] = 0.0
        for low in range(max(start, k * per), end, BLOCK):
            high = min(low + BLOCK, end)
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
                first_particle,
                low,
                per,
                operations,
                starts,
                numbers,
                elements,
                varying,
                settings,
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

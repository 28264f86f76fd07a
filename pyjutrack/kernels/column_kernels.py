"""The kernel of `columns`."""

from .jit import kernel


@kernel
def fill(part, start, stop, x, px, y, py, z, delta, out):
    """Columns (N) as the rows of `out`."""
    for n in range(start, stop):
        out[0, n], out[1, n], out[2, n] = x[n], px[n], y[n]
        out[3, n], out[4, n], out[5, n] = py[n], z[n], delta[n]

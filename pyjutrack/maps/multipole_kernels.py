"""Kernels of `multipole_kick`, whose series are of any length; see `codegen.particles`."""

from ..kernels.jit import kernel
from .program import LANES
from .program_kernels import step_kernel


@kernel
def block(size, x, px, y, py, z, delta, alive, numbers):
    """The series by Horner in x + i y; numbers are the count of pairs, and these."""
    for n in range(size):
        real, imag = 0.0, 0.0
        for m in range(2 * int(numbers[0]) - 1, 0, -2):
            real, imag = (
                numbers[m] + (real * x[n] - imag * y[n]),
                numbers[m + 1] + (real * y[n] + imag * x[n]),
            )
        if alive[n]:
            px[n] -= real
            py[n] += imag


@kernel
def each(size, x, px, y, py, z, delta, alive, numbers, apart):
    """The same by numbers of each particle, in columns that lie so far apart."""
    for n in range(size):
        real, imag = 0.0, 0.0
        for m in range(2 * int(numbers[n]) - 1, 0, -2):
            first, second = numbers[m * apart + n], numbers[(m + 1) * apart + n]
            real, imag = (
                first + (real * x[n] - imag * y[n]),
                second + (real * y[n] + imag * x[n]),
            )
        if alive[n]:
            px[n] -= real
            py[n] += imag


@step_kernel
def step(numbers, c, d):
    """f = sum_m c_m w^m with w = x + i y, and its derivative."""
    x, y = c[0], c[2]
    real, imag, by_real, by_imag = 0.0, 0.0, 0.0, 0.0
    for m in range(2 * int(numbers[0]) - 1, 0, -2):
        by_real, by_imag = (
            real + (by_real * x - by_imag * y),
            imag + (by_real * y + by_imag * x),
        )
        real, imag = (
            numbers[m] + (real * x - imag * y),
            numbers[m + 1] + (real * y + imag * x),
        )
    c[1] -= real
    c[3] += imag
    for k in range(LANES):
        d_x, d_y = d[k], d[2 * LANES + k]
        d[LANES + k] += by_imag * d_y - by_real * d_x
        d[3 * LANES + k] += by_imag * d_x + by_real * d_y

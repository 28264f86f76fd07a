"""Run programs: kernels of maps are called by their addresses, for blocks of particles.

So each map is compiled by itself, when a lattice first has it, and a map of a user's own runs as
ours do.
"""

import math
from functools import cache
from typing import Any

import numpy as np
from numba import from_dtype, types

from ..kernels.jit import callback, kernel
from ..kernels.noise_kernels import fill, key_at
from ..kernels.pointers import address, call, offset, pointer
from .packing import DRAW, ENTER, FIRST_MAP, LEAVE
from .program import LANES

#: particles that go through the lattice together: few enough for the first-level cache
BLOCK = 256

_NUMBERS = types.CPointer(types.float64)


def step_kernel(function):
    """Compile step(numbers, coordinates, tangents), which takes pointers to doubles."""
    return callback(function, types.void(_NUMBERS, _NUMBERS, _NUMBERS))


@kernel
def run_block(turn, number, first_particle, low, per, operations, starts, numbers, elements,
        varying, settings, table, x, px, y, py, z, delta, a, lost_turn, lost_element, saved,
        entered):  # fmt: skip
    """A block of at most BLOCK particles through a program, in place.

    Particles that are lost get the turn and the element of their loss. What is drawn at random
    depends on the `number` of the turn, and on that of the first particle in the whole beam.
    The block begins at particle number `low` of those of all settings, of which each has `per`.
    saved (7, BLOCK) and entered (BLOCK) are room; `table` has addresses of the `block` kernels of
    maps, and if each setting has one particle may have a second row of their `each` kernels:
    `settings` are (V, B) then, and (B, V) otherwise.
    """
    size, first = len(x), pointer(numbers)
    differing, width, each = pointer(settings), settings.shape[1], len(table) == 2
    at_x, at_px, at_y = pointer(x), pointer(px), pointer(y)
    at_py, at_z, at_delta, live = pointer(py), pointer(z), pointer(delta), pointer(a)
    noise, fifth = saved[6], at_z
    for s in range(len(operations)):
        op = operations[s]
        if op >= FIRST_MAP:
            kernel_of_map = table[0, op - FIRST_MAP]
            if varying[s] < 0:
                own = offset(first, starts[s])
                call(kernel_of_map, size, at_x, at_px, at_y, at_py, fifth, at_delta, live, own)
            elif each:
                own = offset(differing, varying[s] * width + low)
                call(table[1, op - FIRST_MAP], size, at_x, at_px, at_y, at_py, fifth, at_delta,
                    live, own, width)  # fmt: skip
            else:
                n = 0
                while n < size:  # the particles of each setting
                    setting = (low + n) // per
                    own = offset(differing, setting * width + varying[s])
                    count = min(size - n, (setting + 1) * per - low - n)
                    call(kernel_of_map, count, offset(at_x, n), offset(at_px, n), offset(at_y, n),
                        offset(at_py, n), offset(fifth, n), offset(at_delta, n), offset(live, n),
                        own)  # fmt: skip
                    n += count
            fifth = at_z
        elif op == DRAW:
            key, n = key_at(numbers[starts[s] : starts[s + 1]], number), 0
            while n < size:
                place = (low + n) % per
                count = min(size - n, per - place)
                fill(key, first_particle + place, noise[n : n + count])
                n += count
            fifth = pointer(noise)
        elif op == LEAVE:
            arriving = True
            for n in range(size):
                total = x[n] + px[n] + y[n] + py[n] + z[n] + delta[n]
                arriving &= (a[n] & (total - total == 0.0)) | (not entered[n])
            if not arriving:
                for n in range(size):
                    total = x[n] + px[n] + y[n] + py[n] + z[n] + delta[n]
                    if entered[n] and not (a[n] and math.isfinite(total)):
                        a[n] = False
                        lost_turn[n], lost_element[n] = turn, elements[s]
                        x[n], px[n], y[n] = saved[0, n], saved[1, n], saved[2, n]
                        py[n], z[n], delta[n] = saved[3, n], saved[4, n], saved[5, n]
        else:
            # without branches first: all pass, nearly always
            passing = True
            for n in range(size):
                total = 1.0 + delta[n]
                across = px[n] * px[n] + py[n] * py[n]
                passing &= ((total > 0.0) & (across < total * total)) | (not a[n])
            if not passing:
                for n in range(size):
                    total = 1.0 + delta[n]
                    passes = total > 0.0 and px[n] * px[n] + py[n] * py[n] < total * total
                    if a[n] and not passes:
                        a[n] = False
                        lost_turn[n], lost_element[n] = turn, elements[s]
            if op == ENTER:
                for n in range(size):
                    entered[n] = a[n]
                    saved[0, n], saved[1, n], saved[2, n] = x[n], px[n], y[n]
                    saved[3, n], saved[4, n], saved[5, n] = py[n], z[n], delta[n]


@cache
def block_runner(dtype: Any) -> int:
    """The address of `run_block` for particles of a precision: compiled once for all callers."""
    whole, number = types.int64, from_dtype(dtype)
    wholes, column, live = (types.Array(t, 1, "C") for t in (whole, number, types.boolean))
    numbers, settings = (types.Array(types.float64, d, "C") for d in (1, 2))
    program = wholes, wholes, numbers, wholes, wholes, settings, types.Array(whole, 2, "C")
    room = types.Array(number, 2, "C")
    columns = *(column,) * 6, live, wholes, wholes, room, live
    return address(run_block, *(whole,) * 5, *program, *columns)


@kernel
def execute(part, start, stop, turns, number, first, per, operations, starts, numbers, elements,
        varying, settings, table, x, px, y, py, z, delta, alive, lost_turn,
        lost_element):  # fmt: skip
    """Run all turns, in place. Returns turn and element of the lost (-1 before).

    `number` and `first` are those of the first turn and the first particle; each setting has `per`.
    """
    saved = np.empty((7, BLOCK), x.dtype)
    entered = np.empty(BLOCK, np.bool_)
    for low in range(start, stop, BLOCK):
        high = min(low + BLOCK, stop)
        a = alive[low:high]
        for turn in range(turns):
            if not a.any():
                break
            run_block(turn, number + turn, first, low, per, operations, starts, numbers, elements,
                varying, settings, table, x[low:high], px[low:high],
                y[low:high], py[low:high], z[low:high], delta[low:high], a,
                lost_turn[low:high], lost_element[low:high], saved, entered)  # fmt: skip


@kernel
def execute_with_tangents(part, start, stop, turns, number, first_particle, per, operations,
        starts, numbers, elements, varying, settings, table, all_x, all_px, all_y, all_py, all_z,
        all_delta, alive, lost_turn, lost_element, tangents):  # fmt: skip
    """Run all turns, in place, with tangents (N, 6 * LANES) by coordinate and direction."""
    c, old, kept = np.empty(6), np.empty(6), np.empty(6 * LANES)
    noise, z_tangents, noisy = np.empty(1), np.empty(LANES), False
    place, first = pointer(c), pointer(numbers)
    differing, width = pointer(settings), settings.shape[1]
    for n in range(start, stop):
        if not alive[n]:
            continue
        setting = n // per
        c[0], c[1], c[2], c[3] = all_x[n], all_px[n], all_y[n], all_py[n]
        c[4], c[5] = all_z[n], all_delta[n]
        d = tangents[n]
        directions = pointer(d)
        passes = True
        for turn in range(turns):
            for s in range(len(operations)):
                op = operations[s]
                if op >= FIRST_MAP:
                    if varying[s] < 0:
                        own = offset(first, starts[s])
                    else:
                        own = offset(differing, setting * width + varying[s])
                    call(table[op - FIRST_MAP], own, place, directions)
                    if noisy:  # z comes back
                        c[4], noisy = noise[0], False
                        d[4 * LANES : 5 * LANES] = z_tangents
                    continue
                if op == DRAW:
                    key = key_at(numbers[starts[s] : starts[s + 1]], number + turn)
                    fill(key, first_particle + n % per, noise)
                    c[4], noise[0], noisy = noise[0], c[4], True
                    z_tangents[:] = d[4 * LANES : 5 * LANES]
                    d[4 * LANES : 5 * LANES] = 0.0
                    continue
                if op == LEAVE:
                    passes = math.isfinite(c[0] + c[1] + c[2] + c[3] + c[4] + c[5])
                    if not passes:
                        for i in range(6):
                            c[i] = old[i]
                        for k in range(6 * LANES):
                            d[k] = kept[k]
                else:
                    total = 1.0 + c[5]
                    passes = total > 0.0 and c[1] * c[1] + c[3] * c[3] < total * total
                    if op == ENTER:
                        for i in range(6):
                            old[i] = c[i]
                        for k in range(6 * LANES):
                            kept[k] = d[k]
                if not passes:
                    alive[n] = False
                    lost_turn[n], lost_element[n] = turn, elements[s]
                    break
            if not passes:
                break
        all_x[n], all_px[n], all_y[n], all_py[n] = c[0], c[1], c[2], c[3]
        all_z[n], all_delta[n] = c[4], c[5]

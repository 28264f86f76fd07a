"""Products of small matrices, in blocks, for `sine_kernels`."""

from typing import Any

from llvmlite import ir
from numba.core import cgutils

from .emit import Column, Emitter, written
from .jit import kernel
from .sine_axis import TILE
from .vector import WIDTH


@written
def product(
    e: Emitter, rows: Any, inner: Any, columns: Any, a: Column, at_a: Any, wide_a: Any, b: Column,
    at_b: Any, wide_b: Any, c: Column, at_c: Any, wide_c: Any,
) -> None:  # fmt: skip
    """c = a b of blocks of flat arrays that begin at `at`, with lines `wide` apart.

    Rows and columns are multiples of TILE.
    """
    builder, four = e.builder, e.index(WIDTH)
    a, b, c = a.shifted(at_a), b.shifted(at_b), c.shifted(at_c)
    zero = ir.Constant(ir.VectorType(a.kind, WIDTH), None)
    with e.blocks(e.index(0), columns, TILE) as (j, _), e.blocks(e.index(0), rows, 4) as (i, _):
        sums = [cgutils.alloca_once(builder, zero.type) for _ in range(8)]
        for total in sums:
            builder.store(zero, total)
        lines = [a.shifted(builder.mul(builder.add(i, e.index(r)), wide_a)) for r in range(4)]
        right = b.shifted(j)
        with e.loop(inner) as k:
            at = builder.mul(k, wide_b)
            pair = right.four(at), right.four(builder.add(at, four))
            for n, total in enumerate(sums):
                factor = e.spread(lines[n // 2].load(k))
                builder.store(e.fma(factor, pair[n % 2], builder.load(total)), total)
        for n, total in enumerate(sums):
            line = c.shifted(builder.mul(builder.add(i, e.index(n // 2)), wide_c))
            place = builder.add(j, e.index(WIDTH * (n % 2)))
            line.store_four(place, builder.load(total))


@kernel
def left_products(matrices, data, out):
    """Blocks of rows of `data` times a matrix each, (blocks, rows, inner)."""
    blocks, rows, inner = matrices.shape
    wide = data.shape[1]
    a, b, c = matrices.reshape(matrices.size), data.reshape(data.size), out.reshape(out.size)
    for n in range(blocks):
        places = n * rows * inner, n * inner * wide, n * rows * wide
        product(rows, inner, wide, a, places[0], inner, b, places[1], wide, c, places[2], wide)


@kernel
def right_products(data, matrices, out):
    """Blocks of columns of `data` by a matrix each, (blocks, inner, columns)."""
    blocks, inner, columns = matrices.shape
    rows, wide = data.shape
    a, b, c = data.reshape(data.size), matrices.reshape(matrices.size), out.reshape(out.size)
    to = blocks * columns
    for n in range(blocks):
        at = n * inner * columns
        product(rows, inner, columns, a, n * inner, wide, b, at, columns, c, n * columns, to)

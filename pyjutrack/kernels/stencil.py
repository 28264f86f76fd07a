"""The 4 x 4 nodes that a particle meets, and their weights, as vector instructions.

Written out once for LLVM: as functions of Numba's they would be typed and lowered again in every
kernel, which is most of what compiling takes. Coefficients are those of cubic polynomials, four
at once; the particle's place in the cell is `u`; `at` is the first node of a flat array whose lines
are `row` apart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from .vector import WIDTH, Four, emit_fma, emit_spread, pointer


def make_tuple(context: Any, builder: Any, signature: Any, values: list[Any]) -> Any:
    return context.make_tuple(builder, signature.return_type, values)


def _lane(builder: Any, four: Any, index: int) -> Any:
    return emit_spread(builder, builder.extract_element(four, ir.Constant(ir.IntType(32), index)))


def at_rows(
    context: Any,
    builder: Any,
    array: Any,
    given: Any,
    change: Callable[[int, Any], Any],
    count: int = WIDTH,
) -> list[Any]:
    """Lines of a flat array, (array, at, row); `change` says what they become, or None."""
    flat, at, row = given
    found = []
    for line in range(count):
        place, align = pointer(context, builder, array, flat, at), array.dtype.bitwidth // 8
        before = builder.load(place, align=align)
        after = change(line, before)
        found.append(before)
        if after is not None:
            builder.store(after, place, align=align)
        at = builder.add(at, row)
    return found


def powers_of(c: Any, dtype: Any, count: int) -> Callable[..., Any]:
    """What makes coefficients of the four weights of a table, by power, the first `count`."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        number = context.get_value_type(dtype.dtype)
        table = context.make_array(c)(context, builder, args[0]).data
        powers = []
        for power in range(count):
            four = ir.Constant(ir.VectorType(number, WIDTH), ir.Undefined)
            for node in range(WIDTH):
                at = ir.Constant(context.get_value_type(types.intp), WIDTH * node + power)
                value = context.cast(
                    builder, builder.load(builder.gep(table, [at])), c.dtype, dtype.dtype
                )
                four = builder.insert_element(four, value, ir.Constant(ir.IntType(32), node))
            powers.append(four)
        return make_tuple(context, builder, signature, powers)

    return generate


@intrinsic
def cubic(_, c, dtype):
    """Coefficients of the four weights by power, of a table (node, power)."""
    return types.UniTuple(Four(dtype.dtype), WIDTH)(c, dtype), powers_of(c, dtype, WIDTH)


@intrinsic
def slopes(_, c1, c2, c3, s):
    """Coefficients of the weights' derivatives, times s."""

    def generate(context, builder, signature, args):
        *fours, one = args
        two = builder.fadd(one, one)
        factors = one, two, builder.fadd(two, one)
        pairs = zip(fours, factors, strict=True)
        found = [builder.fmul(emit_spread(builder, f), four) for four, f in pairs]
        return make_tuple(context, builder, signature, found)

    return types.UniTuple(c1, 3)(c1, c2, c3, s), generate


@intrinsic
def curvatures(_, c2, c3, s):
    """Coefficients of their second derivatives, times s."""

    def generate(context, builder, signature, args):
        two = builder.fadd(args[2], args[2])
        six = builder.fadd(builder.fadd(two, two), two)
        pairs = zip(args[:2], (two, six), strict=True)
        found = [builder.fmul(emit_spread(builder, f), four) for four, f in pairs]
        return make_tuple(context, builder, signature, found)

    return types.UniTuple(c2, 2)(c2, c3, s), generate


def horner(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    u, *coefficients = args
    spread, total = emit_spread(builder, u), coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        total = emit_fma(builder, spread, total, coefficient)
    return total


@intrinsic
def at_cubic(_, u, c0, c1, c2, c3):
    """c0 + u (c1 + u (c2 + u c3))."""
    return c0(u, c0, c1, c2, c3), horner


@intrinsic
def at_square(_, u, d1, d2, d3):
    """d1 + u (d2 + u d3)."""
    return d1(u, d1, d2, d3), horner


@intrinsic
def put(_, g, at, row, a, b):
    """Add the product of a (in x) and b (in y) to 4 x 4 nodes."""

    def generate(context, builder, signature, args):
        def change(line, before):
            return emit_fma(builder, _lane(builder, args[3], line), args[4], before)

        at_rows(context, builder, signature.args[0], args[:3], change)
        return context.get_dummy_value()

    return types.none(g, at, row, a, b), generate


@intrinsic
def put_two(_, g, at, row, a, b, c, d):
    """Add a b + c d, as `put` does."""

    def generate(context, builder, signature, args):
        def change(line, before):
            inner = emit_fma(builder, _lane(builder, args[5], line), args[6], before)
            return emit_fma(builder, _lane(builder, args[3], line), args[4], inner)

        at_rows(context, builder, signature.args[0], args[:3], change)
        return context.get_dummy_value()

    return types.none(g, at, row, a, b, c, d), generate


@intrinsic
def put_spread(_, g, at, row, a, b, c, d):
    """Add a b + c d, where a and c (in x) are `lanes`."""

    def generate(context, builder, signature, args):
        def change(line, before):
            inner = emit_fma(builder, builder.extract_value(args[5], line), args[6], before)
            return emit_fma(builder, builder.extract_value(args[3], line), args[4], inner)

        at_rows(context, builder, signature.args[0], args[:3], change)
        return context.get_dummy_value()

    return types.none(g, at, row, a, b, c, d), generate


@intrinsic
def rows(_, g, at, row):
    """The 4 x 4 nodes from an offset on."""

    def generate(context, builder, signature, args):
        found = at_rows(context, builder, signature.args[0], args, lambda line, before: None)
        return make_tuple(context, builder, signature, found)

    return types.UniTuple(Four(g.dtype), WIDTH)(g, at, row), generate


@intrinsic
def lanes(_, four):
    """Each of the four numbers, four times."""

    def generate(context, builder, signature, args):
        found = [_lane(builder, args[0], line) for line in range(WIDTH)]
        return make_tuple(context, builder, signature, found)

    return types.UniTuple(four, WIDTH)(four), generate


def sum_products(builder: Any, weights: list[Any], lines: Any) -> Any:
    total = builder.fmul(weights[0], lines[0])
    for weight, line in zip(weights[1:], lines[1:], strict=True):
        total = emit_fma(builder, weight, line, total)
    return total


@intrinsic
def across(_, a, f0, f1, f2, f3):
    """Sum over x of 4 x 4 nodes with weights a: what is left along y."""

    def generate(context, builder, signature, args):
        return sum_products(builder, [_lane(builder, args[0], n) for n in range(WIDTH)], args[1:])

    return f0(a, f0, f1, f2, f3), generate


@intrinsic
def across_spread(_, a, f0, f1, f2, f3):
    """Sum over x of 4 x 4 nodes, where the weights a are `lanes`."""

    def generate(context, builder, signature, args):
        weights = [builder.extract_value(args[0], n) for n in range(WIDTH)]
        return sum_products(builder, weights, args[1:])

    return f0(a, f0, f1, f2, f3), generate

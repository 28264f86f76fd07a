"""The vectors of `stencil` for the nodes alone that a shape function meets, three or four an axis.

`met` is `Shape.met`: numbers of these nodes, of four, the last ones. How many they are belongs to
the type of a tuple, so that kernels are compiled for their number. Along the last axis a vector has
four nodes always, the first of which may weigh nothing. A shape on so many nodes is of polynomials
of as many coefficients.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from .stencil import at_rows, horner, make_tuple, powers_of, sum_products
from .vector import WIDTH, Four, emit_fma, emit_spread


def _parts(builder: Any, kind: Any, value: Any) -> list[Any]:
    return [builder.extract_value(value, n) for n in range(kind.count)]


@intrinsic
def polynomials(_, c, met, dtype):
    """Coefficients of the four weights by power, of a table (node, power)."""
    found = types.UniTuple(Four(dtype.dtype), met.count)
    return found(c, met, dtype), powers_of(c, dtype, met.count)


@intrinsic
def derived(_, powers):
    """Coefficients of their derivatives."""

    def generate(context, builder, signature, args):
        found = []
        for power, four in enumerate(_parts(builder, powers, args[0])[1:], 1):
            times = emit_spread(builder, ir.Constant(four.type.element, float(power)))
            found.append(builder.fmul(times, four))
        return make_tuple(context, builder, signature, found)

    return types.UniTuple(powers.dtype, powers.count - 1)(powers), generate


@intrinsic
def value_at(_, u, powers):
    """Polynomials of such coefficients at u."""

    def generate(context, builder, signature, args):
        u, fours = args
        return horner(context, builder, signature, [u, *_parts(builder, powers, fours)])

    return powers.dtype(u, powers), generate


@intrinsic
def lanes_met(_, four, met):
    """Each of the numbers of nodes that are met, four times."""

    def generate(context, builder, signature, args):
        found = []
        for node in range(WIDTH - met.count, WIDTH):
            number = builder.extract_element(args[0], ir.Constant(ir.IntType(32), node))
            found.append(emit_spread(builder, number))
        return make_tuple(context, builder, signature, found)

    return types.UniTuple(four, met.count)(four, met), generate


@intrinsic
def put_met(_, g, at, row, a, b):
    """Add the products of a (`lanes`) and b (along the last axis) to the nodes that are met."""

    def generate(context, builder, signature, args):
        weights = _parts(builder, a, args[3])

        def change(line, before):
            return emit_fma(builder, weights[line], args[4], before)

        at_rows(context, builder, g, args[:3], change, a.count)
        return context.get_dummy_value()

    return types.none(g, at, row, a, b), generate


@intrinsic
def rows_met(_, g, at, row, met):
    """The nodes that are met, from an offset on."""

    def generate(context, builder, signature, args):
        found = at_rows(context, builder, g, args[:3], lambda line, before: None, met.count)
        return make_tuple(context, builder, signature, found)

    return types.UniTuple(Four(g.dtype), met.count)(g, at, row, met), generate


@intrinsic
def sum_rows(_, a, f):
    """Sum of rows f with weights a (`lanes`): what is left along the last axis."""

    def generate(context, builder, signature, args):
        weights, lines = (_parts(builder, a, arg) for arg in args)
        return sum_products(builder, weights, lines)

    return f.dtype(a, f), generate

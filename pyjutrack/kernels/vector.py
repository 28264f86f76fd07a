"""Vectors of four numbers for kernels: the nodes of a row that a shape function reaches.

Numba leaves it to LLVM to find vector instructions, which it does for loops over particles and not
for the four neighbours of one particle. These operations say it outright. Numbers may be float64
or float32; offsets count elements of the flat array.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.cgutils import get_or_insert_function
from numba.extending import intrinsic, models, register_model

WIDTH = 4


class Four(types.Type):
    """Four numbers of one precision, in one register."""

    def __init__(self, number: Any) -> None:
        self.number = number
        super().__init__(name=f"Four({number})")


@register_model(Four)
class _FourModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        number = ir.DoubleType() if fe_type.number == types.float64 else ir.FloatType()
        super().__init__(dmm, fe_type, ir.VectorType(number, WIDTH))


def pointer(context: Any, builder: Any, kind: Any, array: Any, offset: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(
        builder.gep(data, [offset]), context.get_value_type(Four(kind.dtype)).as_pointer()
    )


def emit_spread(builder: Any, number: Any) -> Any:
    """The same number four times."""
    kind = ir.VectorType(number.type, WIDTH)
    undefined = ir.Constant(kind, ir.Undefined)
    one = builder.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(one, undefined, zeros)


def emit_fma(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """a b + c, number by number."""
    name = f"llvm.fma.v{WIDTH}{a.type.element.intrinsic_name}"
    whole = ir.FunctionType(a.type, [a.type] * 3)
    return builder.call(get_or_insert_function(builder.module, whole, name), [a, b, c])


@intrinsic
def spread(_, number):
    """The same number four times."""

    def generate(context, builder, signature, args):
        return emit_spread(builder, args[0])

    return Four(number)(number), generate


@intrinsic
def wide(_, four):
    """The same numbers as float64."""

    def generate(context, builder, signature, args):
        kind = context.get_value_type(signature.return_type)
        return args[0] if args[0].type == kind else builder.fpext(args[0], kind)

    return Four(types.float64)(four), generate


@intrinsic
def times(_, a, b):
    """a b, number by number."""

    def generate(context, builder, signature, args):
        return builder.fmul(*args)

    return a(a, b), generate


@intrinsic
def fma(_, a, b, c):
    """a b + c, number by number."""

    def generate(context, builder, signature, args):
        return emit_fma(builder, *args)

    return a(a, b, c), generate


@intrinsic
def dot(_, a, b):
    """The sum of the products of the numbers, in pairs."""

    def generate(context, builder, signature, args):
        def pick(vector, *places):
            mask = ir.Constant(ir.VectorType(ir.IntType(32), len(places)), places)
            return builder.shuffle_vector(vector, ir.Constant(vector.type, ir.Undefined), mask)

        product = builder.fmul(*args)
        pairs = builder.fadd(pick(product, 0, 1), pick(product, 2, 3))
        ends = [builder.extract_element(pairs, ir.Constant(ir.IntType(32), i)) for i in (0, 1)]
        return builder.fadd(*ends)

    return a.number(a, b), generate

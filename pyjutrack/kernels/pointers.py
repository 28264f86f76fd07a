"""Calls of compiled functions by their addresses, from within kernels."""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import intrinsic

_VOID = types.void


def address(function: Any, *arguments: Any) -> int:
    """The address of a compiled function for types of arguments; the function must live on."""
    signature = tuple(arguments)
    function.compile(signature)
    found = function.overloads[signature]
    return int(found.library.get_pointer_to_function(found.fndesc.llvm_func_name))


@intrinsic
def call(typing: Any, address: Any, *arguments: Any) -> Any:
    """Call a kernel that returns nothing by its address, which was taken for these arguments.

    Raises:
        TypeError: an array is not contiguous, as those of the kernel are.
    """
    if any(isinstance(a, types.Array) and a.layout != "C" for a in arguments):
        raise TypeError(f"kernels that are called by address read contiguous arrays: {arguments}")

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        convention, kinds = context.call_conv, signature.args[1]
        kind = convention.get_function_type(_VOID, tuple(kinds))
        function = builder.inttoptr(args[0], kind.as_pointer())
        given = [builder.extract_value(args[1], i) for i in range(len(kinds))]
        convention.call_function(builder, function, _VOID, tuple(kinds), given)
        return context.get_dummy_value()

    return _VOID(types.int64, types.StarArgTuple(arguments)), codegen


@intrinsic
def pointer(typing: Any, array: Any) -> Any:
    """The first entry of an array, as what kernels of maps are given; of truths, as bytes."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return context.make_array(signature.args[0])(context, builder, args[0]).data

    kind = types.uint8 if array.dtype == types.boolean else array.dtype
    return types.CPointer(kind)(array), codegen


@intrinsic
def offset(typing: Any, first: Any, count: Any) -> Any:
    """Return the entry that comes so many after one."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.gep(args[0], [args[1]])

    return first(first, count), codegen

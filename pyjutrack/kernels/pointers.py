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


def _call(arguments: tuple[Any, ...], convert: bool) -> Any:
    """What calls an address with arguments of some types, by Numba's own convention."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        taken = arguments
        convention = context.call_conv
        kind = convention.get_function_type(_VOID, taken)
        function = builder.inttoptr(args[0], kind.as_pointer())
        given = list(args[1:])
        if convert:
            given = [
                builder.inttoptr(a, context.get_value_type(t))
                for a, t in zip(given, taken, strict=True)
            ]
        convention.call_function(builder, function, _VOID, taken, given)
        return context.get_dummy_value()

    return codegen


@intrinsic
def call_block(typing: Any, address: Any, x: Any, px: Any, y: Any, py: Any, z: Any, delta: Any,
        alive: Any, numbers: Any) -> Any:  # fmt: skip
    """Call a `block` kernel: six columns, the mask of the live ones, the numbers of the map."""
    arguments = (x, px, y, py, z, delta, alive, numbers)
    return _VOID(types.int64, *arguments), _call(arguments, convert=False)


@intrinsic
def call_step(typing: Any, address: Any, numbers: Any, coordinates: Any, tangents: Any) -> Any:
    """Call a `step` kernel with addresses of doubles."""
    pointers = (types.CPointer(types.float64),) * 3
    return _VOID(*(types.int64,) * 4), _call(pointers, convert=True)


@intrinsic
def pointer(typing: Any, array: Any) -> Any:
    """The address of the first entry of an array."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        made = context.make_array(signature.args[0])(context, builder, args[0])
        return builder.ptrtoint(made.data, context.get_value_type(types.int64))

    return types.int64(array), codegen

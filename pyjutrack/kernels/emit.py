"""Instructions of LLVM, written where Numba would take seconds to type what is known here.

A function that is `written` is called from kernels as any other. It is told an `Emitter`, which
writes into the kernel that Numba compiles, and its arguments: arrays and pointers as `Column` or
`Table`, numbers as LLVM's values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from .vector import WIDTH, emit_fma, emit_spread

DOUBLE, INDEX, TRUTH = ir.DoubleType(), ir.IntType(64), ir.IntType(1)
#: products may be added in one rounding, and the sign of a zero is free
FREE = ("contract", "nsz")


def written(write: Callable[..., None]) -> Any:
    """Let kernels call (emitter, *arguments) -> None, for its instructions."""

    @intrinsic
    def run(typing: Any, *given: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            emitter = Emitter(context, builder)
            kinds = signature.args[0]
            packed = (builder.extract_value(args[0], i) for i in range(len(kinds)))
            write(emitter, *(emitter.read(k, a) for k, a in zip(kinds, packed, strict=True)))
            return context.get_dummy_value()

        return types.none(types.StarArgTuple(given)), generate

    return run


@dataclass(frozen=True, eq=False)
class Column:
    """Numbers in a row in memory, or truths."""

    builder: Any
    data: Any
    size: Any = None

    @property
    def kind(self) -> Any:
        """LLVM's type of the numbers."""
        return self.data.type.pointee

    def shifted(self, start: Any) -> Column:
        """Shift to the numbers from a place on."""
        return Column(self.builder, self._at(start))

    def load(self, n: Any) -> Any:
        """A number, or a truth."""
        found = self.builder.load(self._at(n))
        return self.builder.trunc(found, TRUTH) if found.type == ir.IntType(8) else found

    def double(self, n: Any) -> Any:
        """A number in double precision."""
        found = self.load(n)
        return self.builder.fpext(found, DOUBLE) if isinstance(found.type, ir.FloatType) else found

    def store(self, n: Any, value: Any) -> None:
        """Write a number, rounded to the precision of the column, or a truth."""
        if value.type == TRUTH:
            value = self.builder.zext(value, self.kind)
        elif value.type != self.kind:
            value = self.builder.fptrunc(value, self.kind)
        self.builder.store(value, self._at(n))

    def four(self, n: Any) -> Any:
        """Four numbers from a place on."""
        at = self._at(n)
        vector = ir.VectorType(self.kind, WIDTH).as_pointer()
        return self.builder.load(self.builder.bitcast(at, vector), align=self._bytes)

    def store_four(self, n: Any, four: Any) -> None:
        at = self.builder.bitcast(self._at(n), four.type.as_pointer())
        self.builder.store(four, at, align=self._bytes)

    @property
    def _bytes(self) -> int:
        return 4 if isinstance(self.kind, ir.FloatType) else 8

    def _at(self, n: Any) -> Any:
        return self.builder.gep(self.data, [n], inbounds=True)


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of numbers."""

    column: Column
    rows: Any
    width: Any

    def row(self, k: Any) -> Column:
        """A row, or the last where there are fewer: one may serve all that are asked for."""
        builder = self.column.builder
        last = builder.sub(self.rows, ir.Constant(INDEX, 1))
        k = builder.select(builder.icmp_signed("<", k, last), k, last)
        return self.column.shifted(builder.mul(k, self.width))


class Emitter:
    """Writes instructions, where the builder stands."""

    def __init__(self, context: Any, builder: Any) -> None:
        self.context, self.builder = context, builder

    def read(self, kind: Any, value: Any) -> Any:
        """An argument of a function that is written."""
        if isinstance(kind, types.Array):
            if kind.layout != "C":
                raise TypeError(f"kernels that are written read contiguous arrays, not {kind}")
            array = self.context.make_array(kind)(self.context, self.builder, value)
            sizes = cgutils.unpack_tuple(self.builder, array.shape, kind.ndim)
            column = Column(self.builder, array.data, sizes[0])
            return column if kind.ndim == 1 else Table(column, *sizes)
        return Column(self.builder, value) if isinstance(kind, types.CPointer) else value

    def room(self, count: int) -> Column:
        """Room for numbers on the stack, the same in every turn of a loop."""
        size = ir.Constant(INDEX, count)
        return Column(self.builder, cgutils.alloca_once(self.builder, DOUBLE, size))

    def number(self, value: float) -> Any:
        return ir.Constant(DOUBLE, value)

    def index(self, value: int) -> Any:
        return ir.Constant(INDEX, value)

    @contextmanager
    def loop(self, count: Any, start: Any = None) -> Iterator[Any]:
        """A loop up to a count, which gives the index."""
        with cgutils.for_range(self.builder, count, start) as loop:
            yield loop.index

    @contextmanager
    def blocks(self, start: Any, stop: Any, size: int) -> Iterator[tuple[Any, Any]]:
        """A loop over blocks: where each begins, and how many it has."""
        step = self.index(size)
        with cgutils.for_range_slice(self.builder, start, stop, step, INDEX) as (low, _):
            rest = self.builder.sub(stop, low)
            yield low, self.choose(self.builder.icmp_signed("<", rest, step), rest, step)

    def choose(self, condition: Any, one: Any, other: Any) -> Any:
        return self.builder.select(condition, one, other)

    def sum(self, terms: Iterable[Any]) -> Any:
        """A sum of numbers, and of products given as pairs; None of no terms."""
        total = None
        for term in terms:
            value = self.builder.fmul(*term, flags=FREE) if isinstance(term, tuple) else term
            total = value if total is None else self.builder.fadd(total, value, flags=FREE)
        return total

    def spread(self, number: Any) -> Any:
        """The same number four times."""
        return emit_spread(self.builder, number)

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        """a b + c of fours."""
        return emit_fma(self.builder, a, b, c)

    def call(self, function: Any, *args: Any, kinds: Sequence[Any] | None = None) -> Any:
        """The result of a function that Numba knows, of numbers where no kinds are given."""
        typing = self.context.typing_context
        kind = typing.resolve_value_type(function)
        found = kind.get_call_type(typing, tuple(kinds or [types.float64] * len(args)), {})
        return self.context.get_function(kind, found)(self.builder, args)

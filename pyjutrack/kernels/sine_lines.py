"""Lines of nodes, added, folded and turned four nodes at a time, for `sine_folds`.

Lines begin at some place of flat arrays: with views of rows every line would cost more than what is
done with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

from .emit import Column, Emitter, written
from .vector import WIDTH


@contextmanager
def _fours(e: Emitter, count: Any) -> Iterator[Any]:
    """The first place of each four of so many."""
    with e.loop(e.builder.sdiv(count, e.index(WIDTH))) as k:
        yield e.builder.mul(k, e.index(WIDTH))


@contextmanager
def _rest(e: Emitter, count: Any) -> Iterator[Any]:
    """Places that make no four."""
    fours = e.builder.mul(e.builder.sdiv(count, e.index(WIDTH)), e.index(WIDTH))
    with e.loop(count, fours) as j:
        yield j


def _mirror(e: Emitter, four: Any) -> Any:
    mask = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), list(range(WIDTH))[::-1])
    return e.builder.shuffle_vector(four, ir.Constant(four.type, ir.Undefined), mask)


def _pair(e: Emitter, f: Any, a: Any, g: Any, b: Any) -> Any:
    """f a + g b of fours."""
    return e.fma(f, a, e.builder.fmul(g, b))


@written
def add(
    e: Emitter, count: Any, f0: Any, a: Column, at_a: Any, f1: Any, b: Column, at_b: Any,
    out: Column, to: Any,
) -> None:  # fmt: skip
    """f0 a + f1 b of lines of whole fours that begin at some place of flat arrays."""
    a, b, out = a.shifted(at_a), b.shifted(at_b), out.shifted(to)
    s0, s1 = e.spread(f0), e.spread(f1)
    with _fours(e, count) as j:
        out.store_four(j, _pair(e, s0, a.four(j), s1, b.four(j)))


@written
def add_mirrored(
    e: Emitter, count: Any, f: Column, one: Any, sign: Any, other: Any, out: Column
) -> None:
    """The line at one plus sign times that at the other, of any length."""
    a, b, factor = f.shifted(one), f.shifted(other), e.spread(sign)
    with _fours(e, count) as j:
        out.store_four(j, e.fma(factor, b.four(j), a.four(j)))
    with _rest(e, count) as j:
        out.store(j, e.sum([a.load(j), (sign, b.load(j))]))


@written
def fold_line(e: Emitter, line: Column, count: Any, sign: Any, out: Column) -> None:
    """A line of nodes folded about its middle; nodes beyond the walls are mirrored to minus."""
    b = e.builder
    one, two = e.index(1), e.index(2)
    ghosts, half = b.sdiv(b.sub(line.size, count), two), b.sdiv(count, two)
    low, last = line.shifted(ghosts), line.shifted(b.sub(b.add(ghosts, count), one))
    factor = e.spread(sign)
    with _fours(e, half) as j:
        mirrored = _mirror(e, last.four(b.sub(e.index(1 - WIDTH), j)))
        out.store_four(j, e.fma(factor, mirrored, low.four(j)))
    with _rest(e, half) as j:
        out.store(j, e.sum([low.load(j), (sign, last.load(b.neg(j)))]))
    with e.loop(ghosts) as j:
        beyond = b.add(j, one)
        mirrored = e.sum([low.load(b.neg(beyond)), (sign, last.load(beyond))])
        out.store(j, b.fsub(out.load(j), mirrored))
    with b.if_then(b.icmp_signed("!=", b.srem(count, two), e.index(0))):
        # a node in the middle is its own mirror image
        zero = ir.Constant(line.kind, 0.0)
        out.store(half, e.choose(b.fcmp_ordered(">", sign, zero), low.load(half), zero))


def _turns(e: Emitter, t: Column, t0: Any, nodes: Any) -> list[Column]:
    """Factors by which the nodes of two lines are multiplied, from t0 on."""
    b = e.builder
    return [t.shifted(b.add(t0, b.mul(nodes, e.index(k)))) for k in range(4)]


@written
def turn_line(
    e: Emitter, line: Column, count: Any, t: Column, t0: Any, out: Column, to: Any, wide: Any
) -> None:
    """Two lines, in both halves of one, from mirrored pairs of `count` nodes; turns from t0 on."""
    b = e.builder
    half, nodes = b.sdiv(count, e.index(2)), b.sdiv(wide, e.index(2))
    turns = _turns(e, t, t0, nodes)
    outs = out.shifted(to), out.shifted(b.add(to, nodes))
    with _fours(e, half) as j:
        front = line.four(j)
        back = _mirror(e, line.four(b.sub(b.sub(count, e.index(WIDTH)), j)))
        for k, onto in enumerate(outs):
            f, g = turns[2 * k].four(j), turns[2 * k + 1].four(j)
            onto.store_four(j, _pair(e, f, front, g, back))
    with _rest(e, half) as j:
        pair = line.load(j), line.load(b.sub(b.sub(count, e.index(1)), j))
        for k, onto in enumerate(outs):
            factors = turns[2 * k].load(j), turns[2 * k + 1].load(j)
            onto.store(j, e.sum(zip(factors, pair, strict=True)))


@written
def unturn_line(
    e: Emitter, line: Column, at: Any, count: Any, t: Column, t0: Any, out: Column, to: Any,
    wide: Any,
) -> None:  # fmt: skip
    """The transpose of `turn_line`."""
    b = e.builder
    half, nodes = b.sdiv(count, e.index(2)), b.sdiv(wide, e.index(2))
    turns, out = _turns(e, t, t0, nodes), out.shifted(to)
    lines = line.shifted(at), line.shifted(b.add(at, nodes))
    with _fours(e, half) as j:
        one, two = (a.four(j) for a in lines)
        front = _pair(e, turns[0].four(j), one, turns[2].four(j), two)
        back = _pair(e, turns[1].four(j), one, turns[3].four(j), two)
        out.store_four(j, front)
        out.store_four(b.sub(b.sub(count, e.index(WIDTH)), j), _mirror(e, back))
    with _rest(e, half) as j:
        pair = [a.load(j) for a in lines]
        out.store(j, e.sum(zip((turns[0].load(j), turns[2].load(j)), pair, strict=True)))
        mirrored = b.sub(b.sub(count, e.index(1)), j)
        out.store(mirrored, e.sum(zip((turns[1].load(j), turns[3].load(j)), pair, strict=True)))


@written
def unfold_line(
    e: Emitter, quadrants: Column, at: Any, apart: Any, count: Any, out: Column, one: Any,
    other: Any, columns: Any,
) -> None:  # fmt: skip
    """Two lines that mirror each other, from those of the four quadrants, so far apart."""
    b = e.builder
    low = b.sdiv(b.sub(columns, count), e.index(2))
    last = b.sub(b.add(low, count), e.index(1))
    lines = [quadrants.shifted(b.add(at, b.mul(apart, e.index(q)))) for q in range(4)]
    outs = out.shifted(one), out.shifted(other)
    fours = b.mul(b.sdiv(count, e.index(2 * WIDTH)), e.index(WIDTH))
    with _fours(e, fours) as j:
        first, second, third, fourth = (line.four(j) for line in lines)
        forward, backward = b.add(low, j), b.sub(b.sub(last, e.index(WIDTH - 1)), j)
        even, odd = b.fadd(first, second), b.fadd(third, fourth)
        outs[0].store_four(forward, b.fadd(even, odd))
        outs[1].store_four(forward, b.fsub(even, odd))
        even, odd = b.fsub(first, second), b.fsub(third, fourth)
        outs[0].store_four(backward, _mirror(e, b.fadd(even, odd)))
        outs[1].store_four(backward, _mirror(e, b.fsub(even, odd)))
    with e.loop(b.sdiv(b.add(count, e.index(1)), e.index(2)), fours) as j:
        first, second, third, fourth = (line.load(j) for line in lines)
        forward, backward = b.add(low, j), b.sub(last, j)
        even, odd = b.fsub(first, second), b.fsub(third, fourth)
        outs[1].store(backward, b.fsub(even, odd))
        outs[0].store(backward, b.fadd(even, odd))
        even, odd = b.fadd(first, second), b.fadd(third, fourth)
        outs[1].store(forward, b.fsub(even, odd))
        outs[0].store(forward, b.fadd(even, odd))

"""Kernels of a map that run programs: `block` moves particles, `step` one with its tangents.

`each` moves particles as `block` does, each with numbers of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ...kernels.emit import Column, Emitter
from ...kernels.stumpff import BLOCK
from ..base import COORDINATES
from ..program import LANES
from .formulas import values
from .stumpffs import Stumpffs
from .trace import symbol
from .traced import Traced


def bodies(of: Traced) -> dict[str, Callable[..., None]]:
    """Writers of the kernels that a program calls."""
    if of.map.opening:
        return _opening(of)
    return {"block": _block(of), "each": _each(of), "step": _step(of)}


def _block(of: Traced) -> Callable[..., None]:
    """A loop over few particles, without branches."""

    def write(e: Emitter, size: Any, *given: Column) -> None:
        columns, alive, numbers = given[:6], given[6], given[7]
        stumpffs = Stumpffs(e, of)
        stumpffs.share([numbers.load(e.index(i)) for i in range(len(of.numbers))])
        with e.blocks(e.index(0), size, BLOCK) as (low, count):
            move(e, of, stumpffs, count, [c.shifted(low) for c in columns], alive.shifted(low))

    return write


def _each(of: Traced) -> Callable[..., None]:
    """The same where each particle has numbers of its own, in columns that lie so far apart."""

    def write(e: Emitter, size: Any, *given: Any) -> None:
        columns, alive, numbers, apart = given[:6], given[6], given[7], given[8]
        rows = [numbers.shifted(e.builder.mul(apart, e.index(i))) for i in range(len(of.numbers))]
        stumpffs = Stumpffs(e, of, alike=False)
        with e.blocks(e.index(0), size, BLOCK) as (low, count):
            stumpffs.take([row.shifted(low) for row in rows])
            move(e, of, stumpffs, count, [c.shifted(low) for c in columns], alive.shifted(low))

    return write


def move(
    e: Emitter,
    of: Traced,
    stumpffs: Stumpffs,
    count: Any,
    columns: Sequence[Column],
    alive: Column,
    outs: Sequence[Column] = (),
) -> None:
    """Move a block of particles, in place or to what is given for the coordinates that move."""
    stumpffs.fill(count, columns, alive)
    outs = outs or [columns[i] for i in of.moved]
    with e.loop(count) as n:
        live = alive.load(n)
        new = values(e, [of.outputs[i] for i in of.moved], stumpffs.known(n, columns))
        for i, out, value in zip(of.moved, outs, new, strict=True):
            out.store(n, e.choose(live, value, columns[i].double(n)))


def _step(of: Traced) -> Callable[..., None]:
    """One particle and its tangents by coordinates, given by pointers."""
    jacobian = of.jacobian(list(COORDINATES))
    slopes = {key: entry for key, entry in jacobian.items() if not entry.is_number(1)}

    def write(e: Emitter, numbers: Column, c: Column, d: Column) -> None:
        known = {symbol(name): c.load(e.index(i)) for i, name in enumerate(COORDINATES)}
        known |= {symbol(name): numbers.load(e.index(i)) for i, name in enumerate(of.numbers)}
        found = values(e, [*(of.outputs[i] for i in of.moved), *slopes.values()], known)
        new, entries = (
            found[: len(of.moved)],
            dict(zip(slopes, found[len(of.moved) :], strict=True)),
        )
        rows = [d.shifted(e.index(j * LANES)) for j in range(6)]
        with e.loop(e.index(LANES)) as k:
            tangents = {j: rows[j].load(k) for j in sorted({j for _, j in jacobian})}
            for i in of.moved:
                total = e.sum(
                    (entries[i, j], tangent) if (i, j) in entries else tangent
                    for j, tangent in tangents.items()
                    if (i, j) in jacobian
                )
                rows[i].store(k, e.number(0.0) if total is None else total)
        for i, value in zip(of.moved, new, strict=True):
            c.store(e.index(i), value)

    return write


def _opening(of: Traced) -> dict[str, Callable[..., None]]:
    """Test an aperture; particles outside are lost, or marked by NaN where they have tangents."""

    def passes(e: Emitter, x: Any, y: Any, numbers: Column) -> Any:
        known = {symbol("x"): x, symbol("y"): y}
        known |= {symbol(name): numbers.load(e.index(i)) for i, name in enumerate(of.numbers)}
        return values(e, of.outputs, known)[0]

    def block(e: Emitter, size: Any, *given: Column) -> None:
        (x, _, y), alive, numbers = given[:3], given[6], given[7]
        with e.loop(size) as n:
            passing = passes(e, x.double(n), y.double(n), numbers)
            alive.store(n, e.builder.and_(alive.load(n), passing))

    def step(e: Emitter, numbers: Column, c: Column, d: Column) -> None:
        x, y = c.load(e.index(0)), c.load(e.index(2))
        passing = passes(e, x, y, numbers)
        c.store(e.index(0), e.choose(passing, x, e.number(math.nan)))

    return {"block": block, "step": step}

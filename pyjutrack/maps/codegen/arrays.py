"""Kernels of a map over arrays of particles, with first derivatives by all that it takes.

`value`; `push`, which moves particles and K tangents in place (the Jacobian of a particle computed
once and shared by all K); `cotangent`; and `back`, which inverts the map and pulls gradients back,
in place. All go through the particles in blocks, with choices instead of branches, so that their
loops are vectorised.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ...kernels.emit import Column, Emitter, Table
from ...kernels.stumpff import BLOCK
from ..base import COORDINATES
from .formulas import values
from .particles import move
from .stumpffs import Stumpffs
from .trace import Expression
from .traced import Traced


@dataclass(frozen=True)
class ArrayKernels:
    """The kernels of a map: what they take, and what writes them."""

    of: Traced

    @cached_property
    def parameters(self) -> list[str]:
        """Parameters by which derivatives are taken."""
        return [p for p in self.of.numbers if p not in self.of.map.constants]

    @cached_property
    def jacobian(self) -> dict[tuple[int, int], Expression]:
        return self.of.jacobian([*COORDINATES, *self.parameters])

    @cached_property
    def stored(self) -> dict[tuple[int, int], Expression]:
        """Entries of the Jacobian that are not one."""
        return {key: e for key, e in self.jacobian.items() if not e.is_number(1)}

    def bodies(self) -> dict[str, tuple[list[str], Callable[..., None]]]:
        """Arguments of each kernel, and what writes it."""
        run = ["part", "start", "stop", *COORDINATES, "alive"]
        moved = [COORDINATES[i] for i in self.of.moved]
        numbers, own = self.of.numbers, self.parameters
        out, gradients = [f"{c}_out" for c in moved], [f"g_{c}" for c in moved]
        tangents = [f"d_{v}" for v in (*COORDINATES, *own)]
        back, slopes = [f"b_{c}" for c in COORDINATES], [f"l_{c}" for c in COORDINATES]
        inverse = [f"inverse_{p}" for p in own]
        return {
            "value": ([*run, *numbers, *out], self._value),
            "push": ([*run, *numbers, "rows", *tangents], self._push),
            "cotangent": ([*run, *numbers, *gradients, *back, "sums"], self._cotangent),
            "back": ([*run, *inverse, *numbers, *slopes, "sums"], self._back),
        }

    def _value(self, e: Emitter, part: Any, start: Any, stop: Any, *given: Any) -> None:
        columns, (alive,), numbers, outs = _split(given, 6, 1, len(self.of.numbers))
        stumpffs = Stumpffs(e, self.of)
        stumpffs.share(numbers)
        with e.blocks(start, stop, BLOCK) as (low, count):
            here, live = [c.shifted(low) for c in columns], alive.shifted(low)
            move(e, self.of, stumpffs, count, here, live, [out.shifted(low) for out in outs])

    def _push(self, e: Emitter, part: Any, start: Any, stop: Any, *given: Any) -> None:
        """Push tangents in place; those that the map leaves alone may be one row of zeros.

        So may those by the parameters.
        """
        groups = _split(given, 6, 1, len(self.of.numbers), 1, 6)
        columns, (alive,), numbers, (rows,), tangents, shifts = groups
        moved = self.of.moved
        stumpffs = Stumpffs(e, self.of)
        stumpffs.share(numbers)
        room = e.room(BLOCK * len(self.stored))
        entries = {key: room.shifted(e.index(BLOCK * i)) for i, key in enumerate(self.stored)}
        with e.blocks(start, stop, BLOCK) as (low, count):
            here, live = [c.shifted(low) for c in columns], alive.shifted(low)
            stumpffs.fill(count, here, live)
            with e.loop(count) as n:
                wanted = [*(self.of.outputs[i] for i in moved), *self.stored.values()]
                found = values(e, wanted, stumpffs.known(n, here))
                for entry, value in zip(entries.values(), found[len(moved) :], strict=True):
                    entry.store(n, value)
                for i, value in zip(moved, found[: len(moved)], strict=True):
                    here[i].store(n, e.choose(live.load(n), value, here[i].double(n)))
            with e.loop(rows.size) as k:
                own = [t.row(rows.load(k)).shifted(low) for t in tangents]
                fixed = [_of_row(e, shift, k) for shift in shifts]
                with e.loop(count) as n:
                    factors = [*(row.double(n) for row in own), *fixed]
                    new = [
                        e.sum(
                            (entries[i, j].load(n), f) if (i, j) in entries else f
                            for j, f in enumerate(factors)
                            if (i, j) in self.jacobian
                        )
                        for i in moved
                    ]
                    for i, value in zip(moved, new, strict=True):
                        own[i].store(n, e.choose(live.load(n), value, factors[i]))

    def _cotangent(self, e: Emitter, part: Any, start: Any, stop: Any, *given: Any) -> None:
        groups = _split(given, 6, 1, len(self.of.numbers), len(self.of.moved), 6)
        columns, (alive,), numbers, gradients, backs, (sums,) = groups
        stumpffs = Stumpffs(e, self.of)
        stumpffs.share(numbers)
        shares = _Shares(e, len(self.parameters))
        zero = e.number(0.0)
        with e.blocks(start, stop, BLOCK) as (low, count):
            here, live = [c.shifted(low) for c in columns], alive.shifted(low)
            stumpffs.fill(count, here, live)
            with e.loop(count) as n:
                entries = self._entries(e, stumpffs.known(n, here))
                loaded = [g.shifted(low).double(n) for g in gradients]
                onto = dict(zip(self.of.moved, loaded, strict=True))
                for j, back in enumerate(backs):
                    value = self._pull_back(e, j, entries, onto)
                    lost = onto.get(j, zero)
                    value = zero if value is None else value
                    back.shifted(low).store(n, e.choose(live.load(n), value, lost))
                self._share(e, n, live.load(n), shares, entries, onto)
            shares.add(count, sums.row(part))

    def _back(self, e: Emitter, part: Any, start: Any, stop: Any, *given: Any) -> None:
        """Inverted and pulled back at once, in place: `inverse_` numbers are of the inverse."""
        groups = _split(given, 6, 1, len(self.parameters), len(self.of.numbers), 6)
        columns, (alive,), inverse, numbers, slopes, (sums,) = groups
        before, after = Stumpffs(e, self.of), Stumpffs(e, self.of)
        before.share([*inverse, *numbers[len(self.parameters) :]])
        after.share(numbers)
        shares = _Shares(e, len(self.parameters))
        with e.blocks(start, stop, BLOCK) as (low, count):
            here, live = [c.shifted(low) for c in columns], alive.shifted(low)
            own = [s.shifted(low) for s in slopes]
            move(e, self.of, before, count, here, live)
            after.fill(count, here, live)
            with e.loop(count) as n:
                entries = self._entries(e, after.known(n, here))
                onto = {j: slope.double(n) for j, slope in enumerate(own)}
                pulled = {j: self._pull_back(e, j, entries, onto) for j in onto}
                self._share(e, n, live.load(n), shares, entries, onto)
                for j, value in pulled.items():
                    terms = [onto[j]] if j not in self.of.moved else []
                    total = e.sum([*terms, *([] if value is None else [value])])
                    total = e.number(0.0) if total is None else total
                    own[j].store(n, e.choose(live.load(n), total, onto[j]))
            shares.add(count, sums.row(part))

    def _entries(self, e: Emitter, known: Any) -> dict[tuple[int, int], Any]:
        """Entries of the Jacobian of a particle that are not one."""
        return dict(zip(self.stored, values(e, list(self.stored.values()), known), strict=True))

    def _pull_back(self, e: Emitter, j: int, entries: Any, onto: dict[int, Any]) -> Any:
        """Pull gradients by the coordinates after the map back to an input; None where 0."""
        return e.sum(
            (entries[i, j], onto[i]) if (i, j) in entries else onto[i]
            for i in self.of.moved
            if (i, j) in self.jacobian
        )

    def _share(
        self, e: Emitter, n: Any, live: Any, shares: _Shares, entries: Any, onto: Any
    ) -> None:
        """Keep a particle's share of the gradients by parameters."""
        for q in range(len(self.parameters)):
            value = self._pull_back(e, len(COORDINATES) + q, entries, onto)
            zero = e.number(0.0)
            shares.row(q).store(n, e.choose(live, zero if value is None else value, zero))


def _split(given: Sequence[Any], *sizes: int) -> list[Sequence[Any]]:
    """Arguments in groups, the last of what is left."""
    ends = [sum(sizes[: i + 1]) for i in range(len(sizes))]
    return [given[a:b] for a, b in zip([0, *ends], [*ends, len(given)], strict=True)]


def _of_row(e: Emitter, shift: Column, k: Any) -> Any:
    """A tangent of a parameter, of which there may be one alone."""
    return Table(shift, shift.size, e.index(1)).row(k).double(e.index(0))


class _Shares:
    """Each particle's terms apart from their sum, so that all but the sums are vectors."""

    def __init__(self, e: Emitter, count: int) -> None:
        self._e, self._count = e, count
        self._room = e.room(BLOCK * max(count, 1))

    def row(self, q: int) -> Column:
        return self._room.shifted(self._e.index(BLOCK * q))

    def add(self, count: Any, sums: Column) -> None:
        """Sums over a block first, or the rounding of every term would pile up."""
        e = self._e
        total = e.room(1)
        first = e.index(0)
        for q in range(self._count):
            total.store(first, e.number(0.0))
            with e.loop(count) as n:
                total.store(first, e.sum((total.load(first), self.row(q).load(n))))
            place = e.index(q)
            sums.store(place, e.sum((sums.load(place), total.load(first))))

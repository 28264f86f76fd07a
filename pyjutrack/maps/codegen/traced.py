"""A map as expressions, and its derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..base import COORDINATES, Map
from .trace import STUMPFF, Expression, constant, symbol


@dataclass(frozen=True, eq=False)
class Traced:
    """A map as expressions.

    Attributes:
        map: which one.
        numbers: names of its numbers, in their order in a program.
        symbols: of coordinates and numbers.
        outputs: what the coordinates become; of an opening, whether a particle passes.
    """

    map: Map
    numbers: list[str]
    symbols: dict[str, Expression]
    outputs: list[Expression]

    @cached_property
    def moved(self) -> list[int]:
        """Coordinates that change."""
        return [i for i, c in enumerate(COORDINATES) if self.outputs[i] is not self.symbols[c]]

    @cached_property
    def reach(self) -> list[Expression]:
        """Arguments of Stumpff functions, each once."""
        taken = (node.args[0] for node in _nodes(self.outputs) if node.op in STUMPFF)
        return list(dict.fromkeys(taken))

    @cached_property
    def fixed(self) -> list[Expression]:
        """Arguments of `reach` that are the same for all particles."""
        coordinates = {self.symbols[c] for c in COORDINATES}
        return [w for w in self.reach if not coordinates & _nodes([w]).keys()]

    @cached_property
    def moving(self) -> list[Expression]:
        """Arguments of `reach` of which each particle has its own."""
        return [w for w in self.reach if w not in self.fixed]

    def jacobian(self, inputs: list[str]) -> dict[tuple[int, int], Expression]:
        """Derivatives of moved coordinates by inputs, by their places; zeros are left out."""
        found = {}
        for j, name in enumerate(inputs):
            memo: dict[Expression, Expression] = {}
            for i in self.moved:
                entry = self.outputs[i].derivative(self.symbols[name], memo)
                if not entry.is_number(0):
                    found[i, j] = entry
        return dict(sorted(found.items()))


def _nodes(outputs: Sequence[Expression]) -> dict[Expression, None]:
    """All that some expressions are made of, themselves included."""
    pending, found = list(outputs), dict[Expression, None]()
    while pending:
        node = pending.pop()
        if node not in found:
            found[node] = None
            pending += [a for a in node.args if isinstance(a, Expression)]
    return found


def trace_map(map: Map) -> Traced:
    """Call a map with symbols."""
    taken: list[Any] = []
    flat: list[str] = []
    for name in map.parameters:
        shape = map.shapes.get(name, ())
        if len(shape) == 2:
            rows = [[f"{name}{i}{j}" for j in range(shape[1])] for i in range(shape[0])]
            flat += [n for row in rows for n in row]
            taken.append([[symbol(n) for n in row] for row in rows])
        elif shape:
            names = [f"{name}{i}" for i in range(shape[0])]
            flat += names
            taken.append([symbol(n) for n in names])
        else:
            flat.append(name)
            taken.append(symbol(name))
    symbols = {name: symbol(name) for name in (*COORDINATES, *flat)}
    given = ("x", "y") if map.opening else COORDINATES
    found = map.function(*(symbols[c] for c in given), *taken)
    outputs = [found] if map.opening else [constant(o) for o in found]
    return Traced(map, flat, symbols, outputs)
